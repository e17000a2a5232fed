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
from lm_eval_iberian.languages import (
    TYPED,
    compose,
    count_letter,
    licence_of,
    occurrences,
    plain,
    typed_alike,
)


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
        if used := _uses(word, answer, forbidden_words, forbidding=True):
            return Verdict(False, f"forbidden word '{word}' found: {shown(used)}")
    avoided = shown(list(forbidden_words))
    return Verdict(True, f"none of the forbidden words found: {avoided}")


def _uses(
    keyword: str,
    answer: Answer,
    keywords: Sequence[str],
    *,
    forbidding: bool = False,
) -> list[str]:
    """Find a keyword; in the other forms, too, that the prompt says count."""
    profile = answer.profile
    prompt, terms = answer.prompt or "", tuple(keywords)
    licence = licence_of(prompt, terms, profile, forbidding=forbidding)
    text, shown_keyword = answer.plain, plain(compose(keyword))
    if any(map(keyword.__contains__, TYPED)):
        text, shown_keyword = typed_alike(text), typed_alike(shown_keyword)
    found = occurrences(shown_keyword, text, profile, licence=licence)
    if found or keyword.replace(" ", "").isalnum():
        return found
    # signs in a keyword may look like markup: __init__
    return occurrences(keyword, answer.text, profile, licence=licence)


def letters(
    answer: Answer, letter: str, let_frequency: int, let_relation: str
) -> Verdict:
    """A character, small or capital, stands there so many times."""
    shown_letter = compose(letter).lower()
    text = _with_sign(shown_letter, answer)
    found = count_letter(letter, text, answer.profile, answer.prompt or "")
    return counted(
        found, let_relation, let_frequency, f"times the letter '{shown_letter}'"
    )


def _with_sign(sign: str, answer: Answer) -> str:
    """Return the text in which a character is counted.

    A letter is sought in what the answer shows, another sign in what is written; but
    who was asked for hashtags does not give them by headings.
    """
    if sign.isalnum() or (sign == "#" and answer.prompt):
        return answer.plain
    return answer.text


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
