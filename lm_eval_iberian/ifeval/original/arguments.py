"""The kwargs of an instruction as the original uses them, chance included.

Where a kwarg is missing or not fit, the original draws it at random, anew for each
answer. Here the draw depends on a key alone: SHA-256 of the prompt, the instruction's
id and the kwarg's name. So an answer always gets the same verdict.

What differs between languages is read from ``languages.toml``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.ifeval.instruction import AT_LEAST, LESS_THAN
from lm_eval_iberian.languages import LanguageProfile, load_profile
from lm_eval_iberian.toml import read_toml


_Drawn = TypeVar("_Drawn")
_RELATIONS: Final = (LESS_THAN, AT_LEAST)
_DEFAULT: Final = "en"
_DETECTORS: Final = ("langdetect", "fasttext")
_SMALL_TESTS: Final = ("islower", "isupper")


@dataclass(frozen=True)
class Behaviour:
    """What the original scoring does for one language.

    Attributes:
        detector: Who decides about the language of an answer.
        case_language: What an answer in one letter case must be written in.
        small_test: The ``str`` method by which small letters are told.
        drops_falsy: Whether 0, empty and null kwargs are dropped.
        skips: Ids of the instructions that are not scored.
        options: The answers that a constrained response may hold.
    """

    detector: str
    case_language: str
    small_test: str
    drops_falsy: bool
    skips: frozenset[str]
    options: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.detector not in _DETECTORS:
            raise DataError(f"unknown detector {self.detector!r}: {_DETECTORS}")
        if self.small_test not in _SMALL_TESTS:
            raise DataError(f"unknown small_test {self.small_test!r}: {_SMALL_TESTS}")
        if not self.options:
            raise DataError("options must not be empty")


@dataclass(frozen=True)
class Arguments:
    """What a checker of the original is called with, the answer aside.

    Attributes:
        instruction_id: Google's id, part of the key of a draw.
        values: The kwargs.
        behaviour: What the language of the task changes.
        prompt: What was asked, part of the key of a draw.
    """

    instruction_id: str
    values: Mapping[str, Any]
    behaviour: Behaviour
    prompt: str

    def get(self, name: str) -> Any:
        """Return a kwarg as it was given, or ``None``."""
        return self.values.get(name)

    def count(self, name: str, low: int, high: int) -> int:
        """Return a number; a missing or negative one is drawn."""
        value = self.get(name)
        if value is None or value < 0:
            return self.draw(name, range(low, high + 1))
        return cast("int", value)

    def relation(self, name: str) -> str:
        """Return ``less than`` or ``at least``; a missing one is drawn.

        Raises:
            ValueError: It is neither.
        """
        value = self.get(name)
        if value is None:
            return self.draw(name, _RELATIONS)
        if value not in _RELATIONS:
            raise ValueError(f"{name} {value!r} is none of {_RELATIONS}")
        return str(value)

    def phrase(self, name: str, options: Sequence[str]) -> str:
        """Return a text without space around it; a missing one is drawn."""
        value = self.get(name)
        return self.draw(name, options) if value is None else _stripped(value)

    def draw(self, name: str, options: Sequence[_Drawn]) -> _Drawn:
        """Choose by the key what the original chooses by chance."""
        key = f"{self.prompt}\x1f{self.instruction_id}\x1f{name}"
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
        return options[int.from_bytes(digest[:8], "big") % len(options)]


def _stripped(value: Any) -> str:
    """Strip a text; the original fails on anything else."""
    if not isinstance(value, str):
        raise TypeError(f"a text is wanted, found {value!r}")
    return value.strip()


def behaviour_of(lang: str | LanguageProfile) -> Behaviour:
    """Return what the original scoring does for a language, by code or profile.

    Raises:
        UnknownNameError: The language has neither a table here nor a pack.
    """
    code = lang if isinstance(lang, str) else lang.code
    known = _tables()
    if code in known:
        return known[code]
    profile = load_profile(lang) if isinstance(lang, str) else lang
    return replace(known[_DEFAULT], options=profile.constrained.options)


@cache
def _tables() -> dict[str, Behaviour]:
    """Read ``languages.toml``."""
    path = Path(__file__).with_name("languages.toml")
    return {lang: _behaviour(path, lang, t) for lang, t in read_toml(path).items()}


def _behaviour(path: Path, lang: str, table: dict[str, Any]) -> Behaviour:
    """Read one table, naming it in an error."""
    try:
        return Behaviour(
            **table
            | {"skips": frozenset(table["skips"]), "options": tuple(table["options"])}
        )
    except (TypeError, KeyError, DataError) as error:
        raise DataError(f"{path}, table {lang!r}: {error}") from error
