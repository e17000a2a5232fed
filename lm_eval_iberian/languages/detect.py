"""Decides, offline and without chance, whether a text is written in a language."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from lm_eval_iberian.errors import UnknownNameError
from lm_eval_iberian.languages.evidence import evidence
from lm_eval_iberian.languages.ranking import Ranking, known_languages, rank
from lm_eval_iberian.languages.running_text import (
    CHUNK,
    MIN_LETTERS,
    chunks,
    count_letters,
    running_text,
)


__all__ = [
    "LanguageDecision",
    "decide_language",
    "identify",
    "known_languages",
    "running_text",
]

Status = Literal["accepted", "rejected", "undetermined"]

# Measured on passages in nine languages, see benchmarks/language_id.py: what a text
# must have of the wanted language, and a part of another.
_WHOLE: Final = 0.4
_WHOLE_IF_SHORT: Final = 0.35  # a short text shows less
_CHUNK: Final = 0.75
# the last part may be shorter than a chunk; then it must be plainer
_TAIL_LENGTH: Final = 40
_TAIL: Final = 0.95
# Fewer letters than ``MIN_LETTERS`` are decided only for a language, and only where a
# function word or an ending says so; fewer than 5 have none. Where nothing tells
# Galician from Portuguese or Spanish, it has somewhat less than this.
_FEWEST: Final = 5
_WHOLE_IF_FEW: Final = 0.65
# too few letters to decide against the wanted language on slight evidence
_MIN_TO_REJECT: Final = 60
# what another language must have for a short and for a long text to be rejected
_SURE: Final = 0.9
_LIKELY: Final = 0.5
# less than this, even a short text is hardly in the wanted language
_HARDLY: Final = 0.01
# Running text has more function words than this; the poorest passage of ten words or
# more has 10 in 100, a list of names none.
_LIST_WORDS: Final = 10
_LIST_SHARE: Final = 0.04


@dataclass(frozen=True)
class LanguageDecision:
    """What was decided about the language of a text, and why.

    Attributes:
        status: ``accepted``, ``rejected``, or ``undetermined`` for too little
            text, or one that is like no language (a list of names).
        wanted: The language asked about.
        found: The language that the text, or a part of it, is most likely in.
        probability: The probability of ``found``, from 0 to 1.
        reason: One readable clause.
    """

    status: Status
    wanted: str
    found: str | None
    probability: float
    reason: str


def decide_language(text: str, wanted: str) -> LanguageDecision:
    """Decide whether a whole text is in the wanted language.

    Code, addresses, placeholders and markup are set aside first. Accepted is a text
    that is likely in the language as a whole, and no part of which is in another.

    Raises:
        UnknownNameError: The model does not know the wanted language.
    """
    known = known_languages()
    if wanted not in known:
        raise UnknownNameError("language code", wanted, known)
    return _decide(text, wanted)


@lru_cache(maxsize=32)  # several checks ask the same of one answer
def _decide(text: str, wanted: str) -> LanguageDecision:
    """Decide about a language that the model knows."""
    cleaned = running_text(text)
    letters = count_letters(cleaned, _MIN_TO_REJECT)
    if letters < _FEWEST:
        return _too_few(letters, wanted)
    parts = chunks(cleaned)
    ranking = rank(parts, wanted)
    if letters < MIN_LETTERS and not _is_unmistakable(ranking):
        return _too_few(letters, wanted)
    needed = _WHOLE_IF_SHORT if letters < _MIN_TO_REJECT else _WHOLE
    if ranking.share < needed:
        return _against(ranking, letters, wanted)
    if _is_list(ranking):
        language = _name(wanted)
        reason = f"the text has no function words of {language}: a list of names?"
        return LanguageDecision("undetermined", wanted, None, 0.0, reason)
    for part, guess in zip(parts, ranking.parts, strict=True):
        if guess is None:
            continue
        other, certainty = guess
        if other != wanted and certainty >= _needed(part):
            reason = f"a part is {_name(other)} ({certainty:.2f}): '{part[:40]}…'"
            return LanguageDecision("rejected", wanted, other, certainty, reason)
    reason = f"the text is {_name(wanted)} ({ranking.share:.2f})"
    return LanguageDecision("accepted", wanted, wanted, ranking.share, reason)


def identify(text: str) -> str | None:
    """Return the language that a text is most likely in; None if it is too short."""
    cleaned = running_text(text)
    letters = count_letters(cleaned, MIN_LETTERS)
    if letters < _FEWEST:
        return None
    found = rank(chunks(cleaned)).whole.language
    if letters < MIN_LETTERS and _decide(text, found).status != "accepted":
        return None
    return found


def _too_few(letters: int, wanted: str) -> LanguageDecision:
    """Decide about a text that has too little of any language."""
    reason = f"{letters} letters of running text are too few to tell the language"
    return LanguageDecision("undetermined", wanted, None, 0.0, reason)


def _is_unmistakable(ranking: Ranking) -> bool:
    """Say whether so few letters are in the wanted language all the same."""
    return ranking.share >= _WHOLE_IF_FEW and bool(ranking.telling)


def _needed(part: str) -> float:
    """Return how likely another language must be for this part to be in it."""
    if len(part) >= CHUNK:
        return _CHUNK
    return _TAIL if len(part) >= _TAIL_LENGTH else 2.0


def _is_list(ranking: Ranking) -> bool:
    """Say whether a text is too poor in function words to be running text."""
    if ranking.telling is None or ranking.words < _LIST_WORDS:
        return False
    return ranking.telling < _LIST_SHARE * ranking.words


def _against(ranking: Ranking, letters: int, wanted: str) -> LanguageDecision:
    """Decide about a text that is not likely in the wanted language."""
    best, certainty = ranking.whole.language, ranking.whole.probability
    found = f"{_name(best)} ({certainty:.2f})"
    reason = f"the text is {found}, not {_name(wanted)} ({ranking.share:.2f})"
    if certainty < _LIKELY:
        reason = f"the text is like no language, the likeliest is {found}"
    unsure = letters < _MIN_TO_REJECT and ranking.share >= _HARDLY
    status: Status = "undetermined"
    if certainty >= (_SURE if unsure else _LIKELY):
        status = "rejected"
    return LanguageDecision(status, wanted, best, certainty, reason)


def _name(lang: str) -> str:
    """Return the English name of a language; of those far away the code."""
    near = evidence().near.get(lang)
    return near.name if near else f"'{lang}'"
