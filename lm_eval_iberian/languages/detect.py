"""Decides, offline and without chance, whether a text is written in a language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from lm_eval_iberian.errors import UnknownNameError
from lm_eval_iberian.languages.ranking import Ranked, known_languages, rank
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

# Measured on passages in nine languages, see benchmarks/language_id.py: what a text,
# and a short one, must have of the wanted language, and a part of another.
_WHOLE: Final = 0.4
_WHOLE_IF_SHORT: Final = 0.35
_CHUNK: Final = 0.75
# the last part may be shorter than a chunk; then it must be plainer
_TAIL_LENGTH: Final = 40
_TAIL: Final = 0.95
# too few letters to decide against the wanted language on slight evidence
_MIN_TO_REJECT: Final = 60
# what another language must have for a short and for a long text to be rejected
_SURE: Final = 0.9
_LIKELY: Final = 0.5


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
    cleaned = running_text(text)
    letters = count_letters(cleaned, _MIN_TO_REJECT)
    if letters < MIN_LETTERS:
        reason = f"{letters} letters of running text are too few to tell the language"
        return LanguageDecision("undetermined", wanted, None, 0.0, reason)
    parts = chunks(cleaned)
    *ranked, whole = rank(parts, wanted)
    if whole.share < (_WHOLE_IF_SHORT if letters < _MIN_TO_REJECT else _WHOLE):
        return _against(whole, letters, wanted)
    for part, guess in zip(parts, ranked, strict=True):
        if guess.best != wanted and guess.certainty >= _needed(part):
            reason = f"a part is {guess.best} ({guess.certainty:.2f}): '{part[:40]}…'"
            return LanguageDecision(
                "rejected", wanted, guess.best, guess.certainty, reason
            )
    reason = f"the text is {wanted} ({whole.share:.2f})"
    return LanguageDecision("accepted", wanted, wanted, whole.share, reason)


def identify(text: str) -> str | None:
    """Return the language that a text is most likely in; None if it is too short."""
    cleaned = running_text(text)
    if count_letters(cleaned, MIN_LETTERS) < MIN_LETTERS:
        return None
    return rank(chunks(cleaned))[-1].best


def _needed(part: str) -> float:
    """Return how likely another language must be for this part to be in it."""
    if len(part) >= CHUNK:
        return _CHUNK
    return _TAIL if len(part) >= _TAIL_LENGTH else 2.0


def _against(whole: Ranked, letters: int, wanted: str) -> LanguageDecision:
    """Decide about a text that is not likely in the wanted language."""
    best, certainty = whole.best, whole.certainty
    reason = f"the text is {best} ({certainty:.2f}), not {wanted} ({whole.share:.2f})"
    if certainty < _LIKELY:
        reason = (
            f"the text is like no language, {best} the likeliest ({certainty:.2f})"
        )
    needed = _SURE if letters < _MIN_TO_REJECT else _LIKELY
    status: Status = "rejected" if certainty >= needed else "undetermined"
    return LanguageDecision(status, wanted, best, certainty, reason)
