"""A language as data: what a pack holds, and how it is found and read."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.languages.schema import build


if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_CODE: Final = re.compile(r"[a-z]{2,3}")
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class WordRules:
    """What holds the parts of one word together."""

    joiners: tuple[str, ...]
    number_joiners: tuple[str, ...]
    suffix_joiners: tuple[str, ...]

    def __post_init__(self) -> None:
        for joiner in (*self.joiners, *self.number_joiners):
            if len(joiner) != 1 or joiner.isalnum() or joiner.isspace():
                raise DataError(f"a joiner must be one mark, not {joiner!r}")
        if extra := set(self.suffix_joiners) - set(self.joiners):
            raise DataError(f"suffix_joiners {sorted(extra)} are not among the joiners")


@dataclass(frozen=True)
class SentenceRules:
    """Which full stops do not end a sentence."""

    before_word: tuple[str, ...]
    before_number: tuple[str, ...]
    closing: tuple[str, ...]
    starters: tuple[str, ...]
    arabic_ordinals: bool
    roman_ordinals: bool

    def __post_init__(self) -> None:
        every = (*self.before_word, *self.before_number, *self.closing)
        for item in every:
            if every.count(item) > 1:
                raise DataError(f"abbreviation {item!r} stands twice")
            if item != item.lower() or item.endswith(".") or not item:
                raise DataError(
                    f"abbreviation {item!r} must be in small letters and without its "
                    "last full stop"
                )


@dataclass(frozen=True)
class QuoteRules:
    """Quotation marks in pairs, and those that are double."""

    pairs: Pairs
    double: Pairs

    def __post_init__(self) -> None:
        if extra := set(self.double) - set(self.pairs):
            raise DataError(f"double quotes {sorted(extra)} are not among the pairs")


@dataclass(frozen=True)
class PostscriptRules:
    """The spellings of each postscript mark, by its letters."""

    families: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class SectionRules:
    """The usual section keywords, and where their number stands."""

    keywords: tuple[str, ...]
    number_positions: tuple[str, ...]

    def __post_init__(self) -> None:
        if not set(self.number_positions) <= {"before", "after"}:
            raise DataError("number_positions may hold 'before' and 'after'")
        if not self.number_positions:
            raise DataError("number_positions is empty")


@dataclass(frozen=True)
class ConstrainedRules:
    """The options of a constrained answer, and how such an option begins."""

    options: tuple[str, ...]
    stems: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.options) < 2:
            raise DataError("options must hold at least two answers")


@dataclass(frozen=True)
class OpeningRules:
    """Words that may stand before a first word without changing it."""

    negligible_words: tuple[str, ...]


@dataclass(frozen=True)
class Endings:
    """Endings that follow one of the letters ``after``."""

    after: str
    forms: tuple[str, ...]


@dataclass(frozen=True)
class KeywordRules:
    """Whether a keyword is a word or a stem, and the endings a stem takes."""

    match: str
    chaining: tuple[str, ...]
    dropped_finals: tuple[str, ...]
    doubled_finals: tuple[str, ...]
    endings: tuple[Endings, ...]

    def __post_init__(self) -> None:
        if self.match not in ("word", "stem"):
            raise DataError(f"match must be 'word' or 'stem', not {self.match!r}")
        if (self.match == "stem") != bool(self.endings):
            raise DataError("endings belong to match = 'stem', and only to it")


@dataclass(frozen=True)
class CaseRules:
    """What a prompt calls capital and small letters."""

    cues: tuple[str, ...]


@dataclass(frozen=True, eq=False)  # caches are keyed by identity
class LanguageProfile:
    """Everything a language changes in the checks; the form of a pack."""

    code: str
    name: str
    endonym: str
    words: WordRules
    sentences: SentenceRules
    quotes: QuoteRules
    postscript: PostscriptRules
    sections: SectionRules
    constrained: ConstrainedRules
    opening: OpeningRules
    keywords: KeywordRules
    case: CaseRules
    asked_in: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        if not _CODE.fullmatch(self.code):
            raise DataError(f"code {self.code!r} is not an ISO 639 code")
        if not self.name or not self.endonym:
            raise DataError("name and endonym must not be empty")


def available_languages() -> tuple[str, ...]:
    """Return the codes of the languages that have a pack, in order."""
    return tuple(sorted(_packs()))


@cache
def load_profile(lang: str) -> LanguageProfile:
    """Return the profile of a language by its code, e.g. ``"eu"``.

    Raises:
        UnknownNameError: No pack has this code.
        DataError: The pack does not have the form of a profile.
    """
    packs = _packs()
    if lang not in packs:
        raise UnknownNameError("language", lang, packs)
    return read_pack(packs[lang])


def read_pack(path: Path | Traversable) -> LanguageProfile:
    """Read a language pack from a TOML file of any place.

    Raises:
        DataError: The file is no TOML, or a key is unknown, missing or wrong.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path.name}: not a TOML file: {error}") from None
    profile = build(LanguageProfile, table, path.name)
    if path.name != f"{profile.code}.toml":
        raise DataError(f"{path.name}: code {profile.code!r} is not the file's name.")
    return profile


@cache
def _packs() -> Mapping[str, Traversable]:
    """Map each code to its file inside the package."""
    folder = resources.files(__package__).joinpath("packs")
    files = (path for path in folder.iterdir() if path.name.endswith(".toml"))
    return {path.name.removesuffix(".toml"): path for path in files}
