"""The numbers that a prompt names, and the limits that it sets with them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from lm_eval_iberian.ifeval.instruction import AT_LEAST, LESS_THAN
from lm_eval_iberian.languages import PromptWords, fold_spaces


# thousands may be separated: 1.200, 1,200
_DIGITS: Final = r"\d{1,3}(?:[.,]\d{3})+(?!\d)|\d{1,6}"
# how far from a limit a negation turns it round
_BEFORE, _AFTER = 40, 30


@dataclass(frozen=True)
class Limit:
    """A limit as IFEval's kwargs would say it; ``number`` is the one in the prompt."""

    relation: str
    value: int
    number: int


def names(word: str, prompt: str) -> bool:
    """Tell whether a prompt holds a word or phrase between non-letters."""
    pattern = rf"(?<![^\W_]){re.escape(fold_spaces(word))}(?![^\W_])"
    return re.search(pattern, fold_spaces(prompt)) is not None


def numbers(prompt: str, words: PromptWords) -> set[int]:
    """Return the numbers that a prompt names in digits or in words.

    A negation counts as 0: ``without the letter e``.
    """
    folded = fold_spaces(prompt)
    found = {int(digits) for digits in re.findall(r"\d+", folded)}
    found |= {_value(m[0], words) for m in re.finditer(_number_pattern(words), folded)}
    if any(names(word, folded) for word in words.negations):
        found.add(0)
    return found


def limits(prompt: str, words: PromptWords) -> list[Limit]:
    """Return the limits that a prompt sets: ``at most 3`` is ``less than 4``."""
    folded = fold_spaces(prompt)
    found: dict[tuple[int, int], Limit] = {}
    for kind, start, end, number, place in _uses(folded, words):
        turned = kind in ("more_than", "less_than") and _negated(
            folded, start, end, words
        )
        found.setdefault(place, _limit(kind, number, turned=turned))
    return list(found.values())


@lru_cache(maxsize=1024)
def is_least(number: int, prompt: str, words: PromptWords) -> bool:
    """Tell whether a prompt asks for at least so many of something."""
    return any(
        limit.relation == AT_LEAST and limit.value == number
        for limit in limits(prompt, words)
    )


@lru_cache(maxsize=1024)
def is_exact(number: int, prompt: str, words: PromptWords) -> bool:
    """Tell whether a prompt names a number and does not say that it is the least."""
    return number in numbers(prompt, words) and not is_least(number, prompt, words)


def _uses(
    folded: str, words: PromptWords
) -> Iterator[tuple[str, int, int, int, tuple[int, int]]]:
    """Yield kind, span, number and the number's span."""
    for kind, body, pattern in _limit_patterns(words):
        if body not in folded:
            continue
        for match in pattern.finditer(folded):
            number = _value(match["number"], words)
            yield kind, match.start(), match.end(), number, match.span("number")


def _limit(kind: str, number: int, *, turned: bool) -> Limit:
    if turned:
        kind = {"more_than": "at_most", "less_than": "at_least"}[kind]
    relation = AT_LEAST if kind in ("at_least", "more_than") else LESS_THAN
    over = kind in ("more_than", "at_most")
    return Limit(relation, number + over, number)


def _negated(folded: str, start: int, end: int, words: PromptWords) -> bool:
    """Tell whether a negation stands near, in the same sentence."""
    before = re.split(r"[.;:!?,]", folded[max(0, start - _BEFORE) : start])[-1]
    after = re.split(r"[.;:!?,]", folded[end : end + _AFTER])[0]
    return any(names(word, before) for word in words.negations) or any(
        names(word, after) for word in words.negations_after
    )


@cache
def _limit_patterns(
    words: PromptWords,
) -> tuple[tuple[str, str, re.Pattern[str]], ...]:
    """Compile every cue with its number before or after it; each with its own words."""
    number = rf"(?<![^\W_])(?P<number>{_number_pattern(words)})"
    cues = [
        (kind, cue, after)
        for kind in ("at_least", "more_than", "less_than", "at_most")
        for after in (False, True)
        for cue in getattr(words, f"{kind}_after" if after else kind)
    ]
    patterns = [("at_least", "+", re.compile(rf"{number}\s?\+"))]
    for kind, cue, after in cues:
        said = fold_spaces(cue.removeprefix("-"))
        body = re.escape(said)
        if after:
            joined = r"[^\W\d]*" if cue.startswith("-") else ""
            text = rf"{number}[- ]?(?:[^\W\d]+ ){{0,3}}?{joined}{body}"
        else:
            text = rf"(?<![^\W_]){body} (?:[^\W\d]+ ){{0,2}}?{number}"
        patterns.append((kind, said, re.compile(text)))
    return tuple(patterns)


@cache
def _number_pattern(words: PromptWords) -> str:
    """Return the pattern of digits and number words."""
    endings = "|".join(sorted(words.endings, key=len, reverse=True))
    known = sorted(_by_word(words), key=len, reverse=True)
    spelled = "|".join(map(re.escape, known)) or "(?!)"
    tail = rf"(?:-?(?:{endings}))?" if endings else ""
    return rf"(?:{_DIGITS}|(?<![^\W_])(?:{spelled}){tail}(?![^\W_]))"


@cache
def _by_word(words: PromptWords) -> Mapping[str, int]:
    return {fold_spaces(w): int(n) for n, forms in words.numbers.items() for w in forms}


def _value(found: str, words: PromptWords) -> int:
    """Return the number of digits or of a word, its ending aside."""
    if found[0].isdigit():
        return int(re.sub(r"[.,]", "", found))
    known = _by_word(words)
    length = max(n for n in range(1, len(found) + 1) if found[:n] in known)
    return known[found[:length]]
