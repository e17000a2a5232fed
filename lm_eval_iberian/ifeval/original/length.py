"""length_constraints in the original: words, sentences, paragraphs, first word."""

from __future__ import annotations

import re
from typing import Final

from lm_eval_iberian.ifeval.instruction import Verdict, counted, shorten
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


CHECKS = {
    "length_constraints:number_words": number_words,
    "length_constraints:number_sentences": number_sentences,
    "length_constraints:number_paragraphs": number_paragraphs,
    "length_constraints:nth_paragraph_first_word": first_word,
}
