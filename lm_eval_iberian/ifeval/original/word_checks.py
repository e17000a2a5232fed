"""Keywords, letters and lengths, as the original checks them."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from lm_eval_iberian.ifeval.instruction import Verdict, counted, shorten, shown
from lm_eval_iberian.ifeval.original.arguments import Arguments
from lm_eval_iberian.ifeval.original.text import Text


_DIVIDER: Final = re.compile(r"\s?\*\*\*\s?")
_WORD_END: Final = re.compile(r"[.,?!'\"]")


def number_words(text: Text, arguments: Arguments) -> Verdict:
    """At least, or less than, so many words."""
    wanted = arguments.count("num_words", 100, 500)
    return counted(text.words, arguments.relation("relation"), wanted, "words")


def number_sentences(text: Text, arguments: Arguments) -> Verdict:
    """At least, or less than, so many sentences by the English model."""
    wanted = arguments.count("num_sentences", 1, 20)
    return counted(text.sentences, arguments.relation("relation"), wanted, "sentences")


def number_paragraphs(text: Text, arguments: Arguments) -> Verdict:
    """Exactly so many parts between three stars, wherever these stand."""
    wanted = arguments.count("num_paragraphs", 1, 5)
    parts = [part.strip() for part in _DIVIDER.split(text.value)]
    if "" in parts[1:-1]:
        return Verdict(False, "two dividers *** with nothing between them")
    found = len(parts) - _blank_ends(parts)
    reason = f"{found} paragraphs between *** found, {wanted} wanted"
    return Verdict(found == wanted, reason)


def _blank_ends(parts: list[str]) -> int:
    """Count the blank parts at the two ends; one part has one end."""
    ends = {0, len(parts) - 1}
    return sum(not parts[end] for end in ends)


def first_word(text: Text, arguments: Arguments) -> Verdict:
    """Exactly so many blocks between empty lines, the nth with this first word."""
    wanted = arguments.count("num_paragraphs", 1, 5)
    nth = _nth(arguments, wanted)
    word = arguments.get("first_word")
    if word is None:
        return Verdict(False, "no first word given: the original draws one at random")
    blocks = text.value.split("\n\n")
    found = sum(bool(block.strip()) for block in blocks)
    if nth > found:
        reason = f"{found} paragraphs found, there is no paragraph {nth}"
        return Verdict(False, reason)
    block = blocks[nth - 1].strip()  # blank blocks are counted here: a bug, kept
    if not block:
        return Verdict(False, f"paragraph {nth} is blank")
    begins = _first_word(block) == word.lower()
    verb = "begins" if begins else "does not begin"
    reason = (
        f"{found} paragraphs found, {wanted} wanted; paragraph {nth} {verb} with "
        f"'{word}': '{shorten(block, 30)}'"
    )
    return Verdict(found == wanted and begins, reason)


def _nth(arguments: Arguments, paragraphs: int) -> int:
    """Return the paragraph looked at; one that cannot be is drawn."""
    nth = arguments.get("nth_paragraph")
    if nth is None or nth <= 0 or nth > paragraphs:
        return arguments.draw("nth_paragraph", range(1, paragraphs + 2))
    return int(nth)


def _first_word(block: str) -> str:
    """Return the first word up to a mark, letter by letter in lower case."""
    word = block.split(maxsplit=1)[0].lstrip("'").lstrip('"')
    end = _WORD_END.search(word)
    return "".join(map(str.lower, word[: end.start()] if end else word))


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
    "length_constraints:number_words": number_words,
    "length_constraints:number_sentences": number_sentences,
    "length_constraints:number_paragraphs": number_paragraphs,
    "length_constraints:nth_paragraph_first_word": first_word,
    "keywords:existence": existence,
    "keywords:frequency": frequency,
    "keywords:forbidden_words": forbidden,
    "keywords:letter_frequency": letters,
}
