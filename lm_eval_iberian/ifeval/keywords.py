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
    allows_inflection,
    compose,
    occurrences,
    plain,
    typed_alike,
)


def existence(answer: Answer, keywords: Sequence[str]) -> Verdict:
    """Every keyword is used at least once."""
    missing = [keyword for keyword in keywords if not _uses(keyword, answer)]
    if missing:
        return Verdict(False, f"keywords not found: {shown(missing)}")
    return Verdict(True, f"all {len(keywords)} keywords found: {shown(list(keywords))}")


def frequency(answer: Answer, keyword: str, frequency: int, relation: str) -> Verdict:
    """A keyword is used at least, or less than, so many times."""
    found = len(_uses(keyword, answer))
    return counted(found, relation, frequency, f"uses of '{keyword.strip()}'")


def forbidden(answer: Answer, forbidden_words: Sequence[str]) -> Verdict:
    """None of the words is used."""
    for word in forbidden_words:
        if used := _uses(word, answer):
            return Verdict(False, f"forbidden word '{word}' found: {shown(used)}")
    avoided = shown(list(forbidden_words))
    return Verdict(True, f"none of the forbidden words found: {avoided}")


def _uses(keyword: str, answer: Answer) -> list[str]:
    """Find a keyword; in other forms too, where the prompt says that they count."""
    free = bool(answer.prompt) and allows_inflection(str(answer.prompt), answer.profile)
    text, shown_keyword = answer.plain, plain(compose(keyword))
    if any(map(keyword.__contains__, TYPED)):
        text, shown_keyword = typed_alike(text), typed_alike(shown_keyword)
    found = occurrences(shown_keyword, text, answer.profile, inflected=free)
    if found or keyword.replace(" ", "").isalnum():
        return found
    # signs in a keyword may look like markup: __init__
    return occurrences(keyword, answer.text, answer.profile, inflected=free)


def letters(
    answer: Answer, letter: str, let_frequency: int, let_relation: str
) -> Verdict:
    """A character, small or capital, stands there so many times; é is not e."""
    wanted = compose(letter).lower()
    found = compose(_with_sign(wanted, answer).lower()).count(wanted)
    return counted(found, let_relation, let_frequency, f"times the letter '{wanted}'")


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
