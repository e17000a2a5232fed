"""What a recipe may set for our methods: one definition for recipe, code and docs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mergekit_ext.errors import RecipeError
from mergekit_ext.methods.tensor_parts import PARTS


REQUIRED = object()


@dataclass(frozen=True)
class Parameter:
    """A value that a recipe may set.

    Args:
        name: Its name in a recipe.
        per_model: Whether each expert has its own; else the merge has one.
        read: Turns what the recipe says into the value, or raises ``ValueError``.
        must: What the value must be, to complete "must be …".
        type: The type of a value, as mergekit is to parse it.
        default: The value where the recipe has none; ``REQUIRED`` if there is no such.
        choices: Every value there is, where it is one of some names.
        several: Whether a recipe may list several values.
    """

    name: str
    per_model: bool
    read: Callable[[Any], Any]
    must: str
    type: type
    default: Any = REQUIRED
    choices: tuple[str, ...] = ()
    several: bool = False

    def check(self, value: Any, where: str) -> Any:
        """Return the value that ``value`` stands for.

        Args:
            value: As given, for example by a YAML file.
            where: Where it was found, for the error.

        Raises:
            RecipeError: If it is not what this parameter must be.
        """
        try:
            return self.read(value)
        except (TypeError, ValueError, OverflowError):
            raise RecipeError(
                f"{where}: {self.name} must be {self.must}, not {value!r}."
            ) from None


# what sums are computed in holds no more
_LARGEST = 3.4028234663852886e38


def finite(value: Any) -> float:
    """Return a number that float32 holds.

    Raises:
        ValueError: If it is none.
    """
    if isinstance(value, bool) or not abs(number := float(value)) <= _LARGEST:
        raise ValueError
    return number


def _own_weight(value: Any) -> float | None:
    return None if value is None else finite(value)


def _share(value: Any) -> float:
    if not 0 <= (number := finite(value)) <= 1:
        raise ValueError
    return number


def _switch(value: Any) -> bool:
    if value not in (True, False):
        raise ValueError
    return bool(value)


def _seed(value: Any) -> int:
    if isinstance(value, bool) or int(value) != value or not 0 <= value < 2**64:
        raise ValueError
    return int(value)


def _choice(
    name: str, per_model: bool, choices: tuple[str, ...], default: Any = REQUIRED
) -> Parameter:
    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError
        return value

    must = f"{', '.join(choices[:-1])} or {choices[-1]}"
    return Parameter(name, per_model, read, must, str, default, choices)


def _layers(value: Any) -> int | float:
    if (number := finite(value)) < 0 or (number >= 1 and number != int(number)):
        raise ValueError
    return number if 0 < number < 1 else int(number)


def _count(value: Any) -> int:
    if isinstance(value, bool) or int(value) != value or value < 0:
        raise ValueError
    return int(value)


def _names(value: Any) -> tuple[str, ...]:
    parts = [value] if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)):
        raise TypeError
    names = [name.strip() for part in parts for name in str.split(part, ",")]
    if names == [""]:
        return ()
    if not all(all(name.split(".")) for name in names):
        raise ValueError
    return tuple(names)


_SHARE = "a number from 0 to 1"
_FINITE = "a finite number"
_BOOL = "true or false"
_LAYERS = "a whole number of layers, or a share of them below 1"

WEIGHT = Parameter("weight", True, finite, _FINITE, float)
DENSITY = Parameter("density", True, _share, _SHARE, float, 1.0)
GAMMA = Parameter("gamma", True, _share, _SHARE, float, 0.01)
LAMBDA = Parameter("lambda", False, finite, _FINITE, float, 1.0)
NORMALIZE = Parameter("normalize", False, _switch, _BOOL, bool, False)
RESCALE = Parameter("rescale", False, _switch, _BOOL, bool, False)
T = Parameter("t", False, finite, _FINITE, float)
SEED = Parameter("seed", False, _seed, "a whole number from 0 to 2**64 - 1", int, 0)

ROLE = _choice("role", True, ("task", "language"))
BOTTOM = Parameter("bottom", False, _layers, _LAYERS, float, 5 / 32)
TOP = Parameter("top", False, _layers, _LAYERS, float, 2 / 32)
TRANSITION = Parameter("transition", False, _layers, _LAYERS, float, 1)
EMBEDDINGS = _choice("embeddings", False, ("language", "task", "average"), "language")
REVERT = Parameter(
    "revert",
    False,
    _names,
    "a list of parts of tensor names, such as layers.3 or self_attn.q_proj",
    str,
    "",
    several=True,
)
LAYERS = Parameter("layers", False, _count, "a whole number of layers", int, 0)

EPSILON = Parameter("epsilon", True, _share, _SHARE, float, 0.15)
ENERGY = Parameter("energy", False, _share, _SHARE, float, 0.5)
SIDE = _choice("side", False, ("right", "left", "both"), "right")
ALPHA = Parameter("alpha", False, finite, _FINITE, float, 1.0)
BETA = Parameter("beta", False, finite, _FINITE, float, 1.0)
PART_WEIGHTS = tuple(
    Parameter(f"weight_{part}", True, _own_weight, _FINITE, float, None)
    for part in PARTS
)

PARAMETERS = {
    one.name: one
    for one in (
        WEIGHT, *PART_WEIGHTS, DENSITY, GAMMA, LAMBDA, NORMALIZE, RESCALE, T, SEED,
        ROLE, BOTTOM, TOP, TRANSITION, EMBEDDINGS, REVERT, LAYERS, EPSILON,
        ALPHA, BETA, ENERGY, SIDE,
    )
}  # fmt: skip
