"""The zones that layer swapping cuts a stack of layers into."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from mergekit_ext.errors import RecipeError


Origin = Literal["language", "task", "average"]


@dataclass(frozen=True)
class Zones:
    """How many of the layers are whose: language, average, task, average, language.

    Args:
        layers: How many there are.
        bottom: How many the language expert gives at the input.
        top: How many it gives at the output.
        transition: How many on either side of the task expert's are averaged.

    Raises:
        RecipeError: If the zones need more layers than there are.
    """

    layers: int
    bottom: int
    top: int
    transition: int

    def __post_init__(self) -> None:
        needed = self.bottom + self.top + 2 * self.transition
        if needed > self.layers:
            raise RecipeError(
                f"layer_swap: {self.bottom} layers at the bottom, {self.top} at the top"
                f" and twice {self.transition} in transition make {needed}, but the"
                f" models have {self.layers}; lower bottom, top or transition."
            )

    def of(self, layer: int) -> Origin:
        """Return whose a layer is.

        Args:
            layer: Its index, counted from 0 at the input.

        Raises:
            RecipeError: If there is no such layer.
        """
        if not 0 <= layer < self.layers:
            raise RecipeError(
                f"layer_swap: there is a layer {layer}, counted from 0, but the models"
                f" have {self.layers}; correct layers."
            )
        into = min(layer - self.bottom, self.layers - 1 - self.top - layer)
        if into < 0:
            return "language"
        return "average" if into < self.transition else "task"


def zones(
    layers: int, bottom: int | float, top: int | float, transition: int | float
) -> Zones:
    """Return the zones; a number below 1 is a share, rounded to the nearest layer.

    Raises:
        RecipeError: If they need more layers than there are, or one is no such number.
    """
    return Zones(layers, *(_number(one, layers) for one in (bottom, top, transition)))


def zone_origin(name: str, found: Zones, outside: Origin) -> Origin:
    """Return whose a tensor is.

    Args:
        name: The tensor's name.
        found: The zones of its model.
        outside: Whose everything outside of all layers is.

    Raises:
        RecipeError: If it is in a layer that the model does not have.
    """
    layer = layer_of(name)
    return outside if layer is None else found.of(layer)


def layer_of(name: str) -> int | None:
    """Return the index of the layer that a tensor is in.

    Args:
        name: The tensor's name; the first of its dotted parts that is a number counts.

    Returns:
        ``None`` for a tensor outside of all layers.
    """
    stack = stack_of(name)
    return None if stack is None else int(name[len(stack) :].partition(".")[0])


def stack_of(name: str) -> str | None:
    """Return what stands before a layer's index, such as ``"model.layers."``."""
    parts = name.split(".")
    for place, part in enumerate(parts):
        if part.isascii() and part.isdigit() and len(part) < 10:
            return "".join(f"{before}." for before in parts[:place])
    return None


def _number(value: int | float, layers: int) -> int:
    if value < 0 or (value >= 1 and value != int(value)):
        raise RecipeError(
            f"layer_swap: {value} is neither a whole number of layers nor a share of"
            " them below 1."
        )
    return math.floor(value * layers + 0.5) if value < 1 else int(value)
