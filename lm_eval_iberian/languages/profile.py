"""A language as data: what a pack holds, and how it is found and read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.languages.keyword_rules import KeywordRules
from lm_eval_iberian.languages.rules import (
    CaseRules,
    CharacterRules,
    ConstrainedRules,
    LetterRules,
    OpeningRules,
    PostscriptRules,
    PromptWords,
    QuoteRules,
    SectionRules,
    SentenceRules,
    WordRules,
)
from lm_eval_iberian.languages.schema import build
from lm_eval_iberian.toml import read_toml


_CODE: Final = re.compile(r"[a-z]{2,3}")
_NO_CHARACTERS: Final = CharacterRules()


@dataclass(frozen=True, eq=False)  # caches are keyed by identity
class LanguageProfile:
    """Everything a language changes; the form of a pack.

    ``sample_question`` is what a model card asks the model in its example.
    """

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
    letters: LetterRules
    case: CaseRules
    asked_in: Mapping[str, tuple[str, ...]]
    sample_question: str = ""
    prompts: PromptWords = field(default_factory=PromptWords)
    characters: CharacterRules = _NO_CHARACTERS

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


def read_pack(path: Path) -> LanguageProfile:
    """Read a language pack from a TOML file of any place.

    Raises:
        DataError: The file is no TOML, or a key is unknown, missing or wrong.
    """
    profile = build(LanguageProfile, read_toml(path), path.name)
    if path.name != f"{profile.code}.toml":
        raise DataError(f"{path.name}: code {profile.code!r} is not the file's name.")
    return profile


@cache
def _packs() -> Mapping[str, Path]:
    """Map each code to its file inside the package."""
    folder = Path(__file__).with_name("packs")
    return {path.stem: path for path in folder.glob("*.toml")}
