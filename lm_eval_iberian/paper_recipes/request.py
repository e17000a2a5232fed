"""What somebody asks a recipe for."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lm_eval_iberian.errors import DataError, UnknownNameError
from mergekit_ext.methods.parameters import Parameter


INSTRUCT = "instruct"
# whose rows of the chat tokens the result has; average: they are merged as all others
AVERAGE = "average"
SPECIAL_TOKENS = (INSTRUCT, "base", AVERAGE)

# what must be written where that is less than a recipe may hold
_LAYERS = "a number of layers, or a share of them between 0 and 1"
_WRITTEN = {
    "bottom": _LAYERS,
    "top": _LAYERS,
    "transition": _LAYERS,
    "revert": "a name",
}
# of a whole number: 2**64 - 1 has 20, and there are fewer layers
_SEED_DIGITS, _DIGITS = 20, 6


@dataclass(frozen=True)
class ParameterSetting:
    """A value for a parameter.

    Args:
        parameter: Its name.
        value: The value.
        text: The value as it was written.
        model: ``instruct`` or a language; ``None`` for what has no value of its own.
    """

    parameter: str
    value: Any
    text: str
    model: str | None = None


@dataclass(frozen=True)
class Request:
    """A merge that is wanted, names not yet looked up.

    Args:
        backbone: A name of the catalogue; ``None`` where all models are given.
        method: The same, mergekit's name of it.
        languages: One, or several for a multilingual model.
        fused: Whether the method of this package is meant.
        base: Another base model, by id or folder.
        instruct: Another instructed model.
        experts: Other language experts, by language.
        settings: Values for parameters.
        dtype: The dtype of the result, if not the backbone's.
        special_tokens: Whose rows of the chat tokens it gets; one of SPECIAL_TOKENS.
    """

    backbone: str | None
    method: str
    languages: tuple[str, ...]
    fused: bool = False
    base: str | None = None
    instruct: str | None = None
    experts: Mapping[str, str] = field(default_factory=dict)
    settings: tuple[ParameterSetting, ...] = ()
    dtype: str | None = None
    special_tokens: str = AVERAGE

    def __post_init__(self) -> None:
        if self.special_tokens not in SPECIAL_TOKENS:
            raise UnknownNameError(
                "choice of special tokens", self.special_tokens, SPECIAL_TOKENS
            )
        if not self.languages:
            raise DataError("A recipe needs at least one language: --lang eu")
        lacking = [lang for lang in self.languages if lang not in self.experts]
        if self.backbone is None and (self.instruct is None or lacking):
            raise DataError(
                "Without --backbone, a recipe needs --base, --instruct and --expert"
                f" LANG=ID for every language{_of(lacking)}; iberian recipe --list"
                " shows the backbones."
            )
        if len(set(self.languages)) < len(self.languages):
            raise DataError(f"A language is named twice: {', '.join(self.languages)}")

    @property
    def command(self) -> str:
        """The command that makes the same recipe."""
        return shlex.join(["iberian", "recipe", *self._arguments()])

    def _arguments(self) -> Iterator[str]:
        yield from () if self.backbone is None else ("--backbone", self.backbone)
        yield from ("--method", self.method)
        yield from ("--fused",) if self.fused else ()
        for lang in self.languages:
            yield from ("--lang", lang)
        for name in ("base", "instruct", "dtype"):
            if (value := getattr(self, name)) is not None:
                yield from (f"--{name}", value)
        if self.special_tokens != AVERAGE:
            yield from ("--special-tokens", self.special_tokens)
        for lang, model in self.experts.items():
            yield from ("--expert", f"{lang}={model}")
        for one in self.settings:
            prefix = "" if one.model is None else f"{one.model}="
            yield from (f"--{one.parameter}", f"{prefix}{one.text}")


def _of(languages: list[str]) -> str:
    return f" (none for {', '.join(languages)})" if languages else ""


def read_setting(parameter: Parameter, text: str) -> ParameterSetting:
    """Read ``0.5``, or ``eu=0.5`` where each model may have its own value.

    Raises:
        DataError: If it is not what the parameter must be.
        UnknownNameError: If it is a choice that does not exist.
    """
    model, sign, value = text.rpartition("=")
    if sign and not (parameter.per_model and model):
        raise DataError(f"--{parameter.name} takes one value, found {text!r}.")
    return ParameterSetting(
        parameter.name, _read(parameter, value), value, model or None
    )


def _read(parameter: Parameter, text: str) -> Any:
    if parameter.choices and text not in parameter.choices:
        raise UnknownNameError(f"value of {parameter.name}", text, parameter.choices)
    try:
        return _one_name(text) if parameter.several else _value(parameter, text)
    except (TypeError, ValueError, OverflowError):
        must = _WRITTEN.get(parameter.name, parameter.must)
        raise DataError(f"{parameter.name} must be {must}, not {text!r}.") from None


def _one_name(text: str) -> str:
    if not text.strip():
        raise ValueError
    return text


def _value(parameter: Parameter, text: str) -> Any:
    """Have the parameter read what YAML would give it for a text."""
    if parameter.type is bool:
        return parameter.read({"true": True, "false": False}.get(text))
    longest = _SEED_DIGITS if parameter.type is int else _DIGITS
    whole = text.isdecimal() and len(text) <= longest
    value = parameter.read(int(text) if whole else text)
    if isinstance(value, int) and not whole:  # 4.0 layers
        raise ValueError
    return value
