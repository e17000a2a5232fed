"""keywords: existence, frequency, forbidden words, letter frequency."""

from __future__ import annotations

from collections.abc import Sequence

from lm_eval_iberian.ifeval.instruction import (
    Answer,
    Instruction,
    Kwarg,
    Verdict,
    counted,
    shown,
)
from lm_eval_iberian.languages import compose, count_letter, licence_of, occurrences


def existence(answer: Answer, keywords: Sequence[str]) -> Verdict:
    """Every keyword is used at least once."""
    missing = [word for word in keywords if not _uses(word, answer, keywords)]
    if missing:
        return Verdict(False, f"keywords not found: {shown(missing)}")
    return Verdict(True, f"all {len(keywords)} keywords found: {shown(list(keywords))}")


def frequency(answer: Answer, keyword: str, frequency: int, relation: str) -> Verdict:
    """A keyword is used at least, or less than, so many times."""
    found = len(_uses(keyword, answer, [keyword]))
    return counted(found, relation, frequency, f"uses of '{keyword.strip()}'")


def forbidden(answer: Answer, forbidden_words: Sequence[str]) -> Verdict:
    """None of the words is used."""
    for word in forbidden_words:
        if used := _uses(word, answer, forbidden_words):
            return Verdict(False, f"forbidden word '{word}' found: {shown(used)}")
    avoided = shown(list(forbidden_words))
    return Verdict(True, f"none of the forbidden words found: {avoided}")


def _uses(keyword: str, answer: Answer, keywords: Sequence[str]) -> list[str]:
    """Find a keyword; in the other forms, too, that the prompt says count."""
    profile = answer.profile
    licence = licence_of(answer.prompt or "", tuple(keywords), profile)
    return occurrences(keyword, answer.text, profile, licence=licence)


def letters(
    answer: Answer, letter: str, let_frequency: int, let_relation: str
) -> Verdict:
    """A character, small or capital, stands there so many times."""
    found = count_letter(letter, answer.text, answer.profile, answer.prompt or "")
    shown_letter = compose(letter).lower()
    return counted(
        found, let_relation, let_frequency, f"times the letter '{shown_letter}'"
    )


INSTRUCTIONS = (
    Instruction("keywords:existence", existence, (Kwarg("keywords", "texts"),)),
    Instruction(
        "keywords:frequency",
        frequency,
        (
            Kwarg("keyword", "text"),
            Kwarg("frequency", "count"),
            Kwarg("relation", "relation"),
        ),
    ),
    Instruction(
        "keywords:forbidden_words",
        forbidden,
        (Kwarg("forbidden_words", "texts"),),
    ),
    Instruction(
        "keywords:letter_frequency",
        letters,
        (
            Kwarg("letter", "character"),
            Kwarg("let_frequency", "count"),
            Kwarg("let_relation", "relation"),
        ),
    ),
)
