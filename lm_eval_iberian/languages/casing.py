"""Letter case as a reader sees it.

A letter is small only if it has a capital form, and capital only if it has a small one:
º, ª and scripts without case decide nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from lm_eval_iberian.languages.folding import compose
from lm_eval_iberian.languages.profile import LanguageProfile
from lm_eval_iberian.languages.segment import words


def is_capital(letter: str) -> bool:
    """Tell whether a character is a capital letter that has a small form."""
    return letter.isupper() and letter.lower() != letter


def is_small(letter: str) -> bool:
    """Tell whether a character is a small letter that has a capital form."""
    return letter.islower() and letter.upper() != letter


# what may be a word in capitals among others: A, Y, O
_SINGLES: Final = frozenset(filter(is_capital, map(chr, range(0x41, 0x250))))


def is_all_upper(text: str) -> bool:
    """Tell whether a text has capital letters and no small one."""
    letters = set(compose(text))
    return any(map(is_capital, letters)) and not any(map(is_small, letters))


def is_all_lower(text: str) -> bool:
    """Tell whether a text has small letters and no capital one."""
    letters = set(compose(text))
    return any(map(is_small, letters)) and not any(map(is_capital, letters))


def capital_words(text: str, profile: LanguageProfile) -> list[str]:
    """Return the words written in capital letters throughout.

    A word of one letter counts only among others in capitals (``VINE A CASA``): a
    sentence that opens with ``A`` or ``I`` has no word in capitals. What is elided
    before a word, and an ending after a suffix joiner, may be small: ``l'ONU``,
    ``SMS-ak``, ``NASA's``.
    """
    every = words(text, profile)
    found = [
        word
        for word in every
        if not word[1:].islower() and _is_capital_word(word, profile)
    ]
    if not found or _SINGLES.isdisjoint(every):
        return found
    capital = set(found)
    if not any(
        (one in _SINGLES and other in capital) or (one in capital and other in _SINGLES)
        for one, other in pairwise(every)
    ):
        return found
    return [word for line in text.split("\n") for word in _in_line(line, profile)]


def _in_line(line: str, profile: LanguageProfile) -> Iterator[str]:
    """Yield the words in capitals of a line, and single letters among them."""
    found = words(line, profile)
    every = [
        not word[1:].islower() and _is_capital_word(word, profile) for word in found
    ]
    if not any(every):
        return
    shouted = before = is_all_upper(line)
    held: list[str] = []  # single letters since the last word in capitals
    for word, is_capitals in zip(found, every, strict=True):
        if word in _SINGLES:
            held.append(word)
        elif is_capitals:
            if before:
                yield from held
            yield word
            before, held = True, []
        elif any(map(str.isalpha, word)):
            before, held = False, []
    if shouted:
        yield from held


def _is_capital_word(word: str, profile: LanguageProfile) -> bool:
    """Judge one word by the part before its first suffix joiner, or as a whole."""
    for elision in profile.words.elisions:
        if word[: len(elision)].lower().replace("’", "'") == elision:
            word = word[len(elision) :]
            break
    places = (word.find(joiner) for joiner in profile.words.suffix_joiners)
    stem = word[: min((place for place in places if place > 0), default=len(word))]
    return any(_is_capital_run(part) for part in (stem, word))


def _is_capital_run(part: str) -> bool:
    """Tell whether a part has two letters or more, all of them capital."""
    letters = [letter for letter in part if letter.isalpha()]
    return len(letters) >= 2 and all(map(is_capital, letters))
