"""How the original scoring differs between languages, read from ``languages.toml``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.languages import LanguageProfile, load_profile
from lm_eval_iberian.toml import read_toml


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
