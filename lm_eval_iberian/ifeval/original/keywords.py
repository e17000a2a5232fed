"""keywords in the original: patterns, not words, and letters of ASCII alone."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from functools import lru_cache

from lm_eval_iberian.ifeval.instruction import Verdict, counted, shown
from lm_eval_iberian.ifeval.original.arguments import Arguments
from lm_eval_iberian.ifeval.original.text import Text


def existence(text: Text, arguments: Arguments) -> Verdict:
    """Every keyword is found, as a pattern, anywhere."""
    keywords = _listed(arguments.get("keywords") or ())
    if not keywords:
        return Verdict(False, "no keywords given: the original draws two at random")
    missing = [k for k in keywords if not pattern(k).search(text.value)]
    if missing:
        return Verdict(False, f"keywords not found: {shown(missing)}")
    return Verdict(True, f"all {len(keywords)} keywords found: {shown(keywords)}")


def frequency(text: Text, arguments: Arguments) -> Verdict:
    """A keyword is found, as a pattern, at least or less than so many times."""
    wanted = arguments.count("frequency", 1, 3)
    relation = arguments.relation("relation")
    keyword = arguments.get("keyword")
    if not keyword:
        return counted(0, relation, wanted, "uses of a word drawn at random")
    found = len(pattern(keyword.strip()).findall(text.value))
    return counted(found, relation, wanted, f"uses of '{keyword.strip()}'")


def forbidden(text: Text, arguments: Arguments) -> Verdict:
    """None of the words is found, as a pattern between word boundaries."""
    words = _listed(set(arguments.get("forbidden_words") or ()))
    if not words:
        return Verdict(True, "no words given: the original draws two at random")
    for word in words:
        if pattern(rf"\b{word}\b").search(text.value):
            return Verdict(False, f"forbidden word '{word}' found")
    return Verdict(True, f"none of the forbidden words found: {shown(words)}")


def letters(text: Text, arguments: Arguments) -> Verdict:
    """A letter from a to z stands there so many times."""
    letter = usable_letter(arguments)
    wanted = arguments.count("let_frequency", 1, 10)
    relation = arguments.relation("let_relation")
    found = text.lowered.count(letter)
    return counted(found, relation, wanted, f"times the letter '{letter}'")


def usable_letter(arguments: Arguments) -> str:
    """Return the letter that is counted; any but a to z is replaced by a drawn one."""
    letter = arguments.get("letter")
    if not letter or len(letter) > 1 or not 97 <= ord(letter.lower()) <= 122:
        return arguments.draw("letter", string.ascii_lowercase)
    return str(letter).lower()


@lru_cache(maxsize=4096)
def pattern(source: str) -> re.Pattern[str]:
    """Compile a keyword as the original does: unescaped, letter case free."""
    return re.compile(source, re.IGNORECASE)


def _listed(words: Iterable[str]) -> list[str]:
    """Sort the words; of a single text, its letters."""
    return sorted(words)


CHECKS = {
    "keywords:existence": existence,
    "keywords:frequency": frequency,
    "keywords:forbidden_words": forbidden,
    "keywords:letter_frequency": letters,
}
