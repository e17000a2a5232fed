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
from lm_eval_iberian.languages.rules import (
    CaseRules,
    ConstrainedRules,
    KeywordRules,
    OpeningRules,
    PostscriptRules,
    QuoteRules,
    SectionRules,
    SentenceRules,
    WordRules,
)
from lm_eval_iberian.languages.schema import build


if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_CODE: Final = re.compile(r"[a-z]{2,3}")


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
