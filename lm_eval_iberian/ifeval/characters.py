"""punctuation, special_character: types of other sets than Google's.

M-IFEval asks for questions, exclamations, and words with ñ, an accent or a diaeresis;
Portuguese-IFEval for ç, for no tilde, for a grave accent. Which characters these are is
in a language's pack, and where it has none nothing can be counted.
"""

from __future__ import annotations

import re
from functools import cache

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.ifeval.asked_numbers import is_least
from lm_eval_iberian.ifeval.instruction import (
    Answer,
    Instruction,
    Kwarg,
    Verdict,
    counted,
    shown,
)
from lm_eval_iberian.languages import LanguageProfile, compose, words


def why_none(character: str, profile: LanguageProfile) -> str:
    """Say that a language has nothing of a kind of characters, if it has not."""
    if getattr(profile.characters, character):
        return ""
    return f"the {profile.name} pack names no {character!r}"


def question_marks(answer: Answer) -> Verdict:
    """At least one question, between the marks that the language has."""
    return _marked(answer, "question")


def exclamation_marks(answer: Answer) -> Verdict:
    """At least one exclamation, between the marks that the language has."""
    return _marked(answer, "exclamation")


def enie(answer: Answer, let_frequency: int) -> Verdict:
    """So many words with ñ; more only where the prompt asks for at least so many."""
    return _exactly(_with_one_of("enie", answer), let_frequency, "words with ñ", answer)


def dieresis(answer: Answer, let_frequency: int) -> Verdict:
    """So many words with a diaeresis; more only where the prompt lets them be more."""
    found = _with_one_of("diaeresis", answer)
    return _exactly(found, let_frequency, "words with a diaeresis", answer)


def tildes(answer: Answer, num_words: int, relation: str) -> Verdict:
    """At least, or less than, so many words with a written accent."""
    found = _with_one_of("accented", answer)
    verdict = counted(len(found), relation, num_words, "words with an accent")
    return Verdict(verdict.followed, f"{verdict.reason}: {shown(found)}")


def cedilha_frequency(answer: Answer, count: int) -> Verdict:
    """The letter ç stands there so many times."""
    text, letter = compose(answer.plain).lower(), _of("cedilla", answer)
    return _exactly([letter] * text.count(letter), count, f"times {letter}", answer)


def no_tilde(answer: Answer) -> Verdict:
    """No letter with a tilde stands in the answer."""
    if found := _with_one_of("tilde", answer):
        return Verdict(False, f"{len(found)} words with a tilde found: {shown(found)}")
    return Verdict(True, "no word with a tilde found")


def crase_presence(answer: Answer) -> Verdict:
    """At least one word is there that a grave accent makes of two."""
    forms = _of("crase", answer)
    found = [word for word in _words(answer) if word.lower() in forms]
    reason = f"{len(found)} words with a grave accent found, at least 1 wanted"
    return Verdict(bool(found), f"{reason}: {shown(found)}")


def _of(character: str, answer: Answer) -> str:
    """Return the characters of a kind.

    Raises:
        DataError: The language has none.
    """
    if why := why_none(character, answer.profile):
        raise DataError(f"{why} in its [characters], so that nothing can be counted")
    found: str = getattr(answer.profile.characters, character)
    return found


def _words(answer: Answer) -> list[str]:
    return words(answer.plain, answer.profile)


def _with_one_of(character: str, answer: Answer) -> list[str]:
    """Return the words that hold a character of a kind, small or capital."""
    letters = _of(character, answer)
    return [
        word for word in _words(answer) if any(map(word.lower().__contains__, letters))
    ]


def _exactly(found: list[str], wanted: int, what: str, answer: Answer) -> Verdict:
    """Return the verdict on a number that is exact unless the prompt says otherwise."""
    least = bool(answer.prompt) and is_least(
        wanted, str(answer.prompt), answer.profile.prompts
    )
    limit = "at least" if least else "exactly"
    followed = len(found) >= wanted if least else len(found) == wanted
    reason = f"{len(found)} {what} found, {limit} {wanted} wanted: {shown(found)}"
    return Verdict(followed, reason)


def _marked(answer: Answer, kind: str) -> Verdict:
    pattern = _between(_of(kind, answer))
    found = [
        match[0]
        for match in pattern.finditer(answer.plain)
        if any(map(str.isalnum, match[0]))
    ]
    count = f"{len(found)} {kind}{'' if len(found) == 1 else 's'} found"
    return Verdict(bool(found), f"{count}, at least 1 wanted: {shown(found, 3)}")


@cache
def _between(marks: str) -> re.Pattern[str]:
    """Compile a sentence between its marks, or the end of one before its only mark.

    A blank line ends a sentence. The mark of an address (``?q=1``) closes nothing.
    """
    *opening, closing = map(re.escape, marks)
    if opening:
        inside = rf"(?:[^{opening[0]}{closing}\n]|\n(?![^\S\n]*\n)){{1,1000}}"
        return re.compile(rf"{opening[0]}{inside}{closing}")
    return re.compile(rf"[^\W_][^\w\n{closing}]{{0,3}}{closing}(?![\w=&%/])")


INSTRUCTIONS = (
    Instruction("punctuation:question_marks", question_marks, (), "question"),
    Instruction("punctuation:exclamation_marks", exclamation_marks, (), "exclamation"),
    Instruction(
        "special_character:enie", enie, (Kwarg("let_frequency", "count"),), "enie"
    ),
    Instruction(
        "special_character:tildes",
        tildes,
        (Kwarg("num_words", "count"), Kwarg("relation", "relation")),
        "accented",
    ),
    Instruction(
        "special_character:dieresis",
        dieresis,
        (Kwarg("let_frequency", "count"),),
        "diaeresis",
    ),
    Instruction(
        "keywords:cedilha_frequency",
        cedilha_frequency,
        (Kwarg("count", "count"),),
        "cedilla",
    ),
    Instruction("punctuation:no_tilde", no_tilde, (), "tilde"),
    Instruction("punctuation:crase_presence", crase_presence, (), "crase"),
)
