from __future__ import annotations

from typing import Any

import pytest

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.paper_recipes.recipe_catalogue import load_catalogue
from lm_eval_iberian.paper_recipes.request import ParameterSetting, read_setting


PARAMETERS = load_catalogue().parameters


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("weight", "-0.5", -0.5),
        ("weight", "1e3", 1000.0),
        ("density", "0", 0.0),
        ("density", "1", 1.0),
        ("seed", "18446744073709551615", 2**64 - 1),
        ("normalize", "false", False),
        ("bottom", "8", 8),
        ("bottom", "0", 0),
        ("bottom", "0.25", 0.25),
        ("embeddings", "average", "average"),
        ("revert", "lm_head", "lm_head"),
    ],
)
def test_a_value_is_read(name: str, text: str, value: Any) -> None:
    found = read_setting(PARAMETERS[name], text).value
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("weight", ""),
        ("weight", "nan"),
        ("weight", "inf"),
        ("weight", "half"),
        ("density", "1.01"),
        ("density", "-0.1"),
        ("gamma", "nan"),
        ("seed", "-1"),
        ("seed", "1.5"),
        ("seed", "18446744073709551616"),
        ("seed", "9" * 5000),  # Python refuses to read so long a number
        ("normalize", "no"),
        ("seed", "1e3"),
        ("normalize", "True"),
        ("normalize", "1"),  # which YAML may say
        ("bottom", "1.0"),
        ("bottom", "-1"),
        ("bottom", "0.0"),
        ("bottom", "1000000"),
        ("revert", " "),
    ],
)
def test_what_is_no_value_is_refused(name: str, text: str) -> None:
    with pytest.raises(DataError, match=f"{name} must be"):
        read_setting(PARAMETERS[name], text)


def test_a_choice_has_a_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean average"):
        read_setting(PARAMETERS["embeddings"], "avrage")


def test_a_setting_may_name_its_model() -> None:
    assert read_setting(PARAMETERS["weight"], "0.5") == ParameterSetting(
        "weight", 0.5, "0.5"
    )
    named = read_setting(PARAMETERS["weight"], "eu=0.5")
    assert named == ParameterSetting("weight", 0.5, "0.5", "eu")


@pytest.mark.parametrize(("name", "text"), [("lambda", "eu=1"), ("weight", "=1")])
def test_a_setting_for_the_merge_names_no_model(name: str, text: str) -> None:
    with pytest.raises(DataError, match="takes one value"):
        read_setting(PARAMETERS[name], text)
