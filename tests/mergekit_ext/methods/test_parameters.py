"""What a parameter takes, as Python or YAML gives it."""

from __future__ import annotations

from typing import Any

import pytest

from mergekit_ext.errors import RecipeError
from mergekit_ext.methods.parameters import (
    DENSITY,
    LAMBDA,
    NORMALIZE,
    SEED,
    WEIGHT,
    Parameter,
)


@pytest.mark.parametrize(
    ("parameter", "given", "expected"),
    [
        (WEIGHT, -2, -2.0),
        (WEIGHT, "1e-3", 0.001),  # YAML 1.1 reads 1e-3 as a string
        (DENSITY, 0, 0.0),
        (DENSITY, 1, 1.0),
        (NORMALIZE, 1, True),
        (NORMALIZE, False, False),
        (SEED, 2**64 - 1, 2**64 - 1),
        (SEED, 3.0, 3),
    ],
)
def test_takes(parameter: Parameter, given: Any, expected: Any) -> None:
    value = parameter.check(given, "here")
    assert value == expected
    assert type(value) is parameter.type


@pytest.mark.parametrize(
    ("parameter", "given"),
    [
        (WEIGHT, True),
        (WEIGHT, None),
        (WEIGHT, "half"),
        (WEIGHT, [1.0]),
        (WEIGHT, 10**400),
        (LAMBDA, float("nan")),
        (DENSITY, 1.0000001),
        (DENSITY, "nan"),
        (NORMALIZE, "yes"),
        (NORMALIZE, 2),
        (SEED, float("inf")),
        (SEED, 1.5),
        (SEED, -1),
    ],
)
def test_refuses(parameter: Parameter, given: Any) -> None:
    with pytest.raises(RecipeError, match=f"^here: {parameter.name} must be .*, not"):
        parameter.check(given, "here")
