"""Parts of tensor names."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergekit_ext.errors import RecipeError
from mergekit_ext.methods.name_parts import check_part, has_part


TABLE = "name_parts"
NAMES = [f"model.layers.{i}.self_attn.{p}.weight" for i in range(3) for p in "qkv"]


def test_parts(case: dict[str, Any]) -> None:
    assert has_part(case["name"], case["part"]) == case["has"]


@given(st.data())
def test_every_run_of_components_is_a_part(data: st.DataObject) -> None:
    letters = st.text("abyz_0189", min_size=1, max_size=5)
    components = data.draw(st.lists(letters, min_size=1, max_size=6))
    start = data.draw(st.integers(0, len(components) - 1))
    stop = data.draw(st.integers(start + 1, len(components)))
    assert has_part(".".join(components), ".".join(components[start:stop]))


def test_a_part_of_some_tensor_passes() -> None:
    check_part("layers.0-1.self_attn.[qk]", NAMES, "revert")


@pytest.mark.parametrize(
    ("part", "near"),
    [
        ("self_atn", "Did you mean self_attn?"),
        ("layers.3", "Did you mean layers.2, layers.1, layers.0?"),
        ("!", "between dots. A name is, for example, model.layers.0.self_attn.q.weig"),
    ],
)
def test_a_part_of_none_is_an_error_that_names_near_ones(part: str, near: str) -> None:
    with pytest.raises(RecipeError) as error:
        check_part(part, NAMES, "parameters: revert")
    assert str(error.value).startswith("parameters: revert: no tensor of the models")
    assert repr(part) in str(error.value)
    assert near in str(error.value)


def test_hostile_patterns_end() -> None:
    assert not has_part("a" * 2000, "*a" * 50 + "b")
