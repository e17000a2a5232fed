"""change_case: all capital, all small, words in capitals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from lm_eval_iberian.ifeval.instruction import (
    Answer,
    Instruction,
    Kwarg,
    Verdict,
    compare,
    shown,
)
from lm_eval_iberian.ifeval.language import asked_language
from lm_eval_iberian.languages import capital_words, decide_language, words
from lm_eval_iberian.languages.casing import is_capital, is_small


_SHOWN: Final = 5


def all_capital(answer: Answer) -> Verdict:
    """All letters are capital and the answer is in the language asked for."""
    return _case(answer, is_capital, is_small, ("capital", "small"))


def all_small(answer: Answer) -> Verdict:
    """All letters are small and the answer is in the language asked for."""
    return _case(answer, is_small, is_capital, ("small", "capital"))


def _case(
    answer: Answer,
    wanted: Callable[[str], bool],
    other: Callable[[str], bool],
    names: tuple[str, str],
) -> Verdict:
    """Judge letter case first, then the language.

    A language that cannot be told from so short an answer is not held against it.
    """
    letters = set(answer.plain)
    if others := set(filter(other, letters)):
        found = islice(_words_with(others, answer), _SHOWN)
        return Verdict(False, f"{names[1]} letters found in {shown(list(found))}")
    if not any(map(wanted, letters)):
        return Verdict(False, f"no {names[0]} letters found")
    decision = decide_language(answer.laid_out, asked_language(answer))
    reason = f"all letters are {names[0]}; {decision.reason}"
    return Verdict(decision.status != "rejected", reason)


def _words_with(letters: set[str], answer: Answer) -> Iterator[str]:
    """Yield the words that hold one of some letters."""
    for line in answer.plain.split("\n"):
        if not letters.isdisjoint(line):
            for word in words(line, answer.profile):
                if not letters.isdisjoint(word):
                    yield word


def capital_frequency(
    answer: Answer, capital_frequency: int, capital_relation: str
) -> Verdict:
    """At least, or less than, so many words in capitals."""
    found = capital_words(answer.plain, answer.profile)
    reason = (
        f"{len(found)} words in capitals found, {capital_relation} "
        f"{capital_frequency} wanted: {shown(found)}"
    )
    followed = compare(len(found), capital_relation, capital_frequency)
    return Verdict(followed, reason)


INSTRUCTIONS = (
    Instruction("change_case:english_capital", all_capital),
    Instruction("change_case:english_lowercase", all_small),
    Instruction(
        "change_case:capital_word_frequency",
        capital_frequency,
        (
            Kwarg("capital_frequency", "count"),
            Kwarg("capital_relation", "relation"),
        ),
    ),
)
