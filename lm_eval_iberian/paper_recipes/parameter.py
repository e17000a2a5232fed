"""A parameter of a merge method, as it is written on the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lm_eval_iberian.errors import DataError, UnknownNameError
from mergekit_ext.methods.parameters import finite


@dataclass(frozen=True)
class Parameter:
    """What a parameter may be.

    Args:
        name: Its name in a recipe.
        type: A key of ``TYPES``.
        each: Whether every model may have its own value.
        fused: Whether only the methods of this package take it.
        choices: The values there are, for a choice.
    """

    name: str
    type: str
    each: bool = False
    fused: bool = False
    choices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.type not in TYPES:
            raise ValueError(f"type must be one of {list(TYPES)}, not {self.type!r}")

    def read(self, text: str) -> Any:
        """Return the value that a text stands for.

        Raises:
            DataError: If it is not what this parameter must be.
            UnknownNameError: If it is a choice that does not exist.
        """
        if self.type == "choice":
            if text not in self.choices:
                raise UnknownNameError(f"value of {self.name}", text, self.choices)
            return text
        must, read = TYPES[self.type]
        try:
            return read(text)
        except ValueError:
            raise DataError(f"{self.name} must be {must}, not {text!r}.") from None


def _number(text: str) -> float:
    return finite(float(text))


def _share(text: str) -> float:
    if not 0 <= (value := _number(text)) <= 1:
        raise ValueError
    return value


def _switch(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError
    return text == "true"


def _seed(text: str) -> int:
    if not (text.isdecimal() and len(text) <= 20 and int(text) < 2**64):
        raise ValueError
    return int(text)


def _layers(text: str) -> float:
    if text.isdecimal() and len(text) <= 6:
        return int(text)
    if not 0 < (value := _number(text)) < 1:
        raise ValueError
    return value


def _name(text: str) -> str:
    if not text.strip():
        raise ValueError
    return text


TYPES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "number": ("a finite number", _number),
    "share": ("a number from 0 to 1", _share),
    "switch": ("true or false", _switch),
    "seed": ("a whole number from 0 to 2**64 - 1", _seed),
    "layers": ("a number of layers, or a share of them between 0 and 1", _layers),
    "names": ("a name", _name),
    "choice": ("a choice", _name),
}
