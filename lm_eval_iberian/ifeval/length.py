"""length_constraints: words, sentences, paragraphs, the first word of a paragraph."""

from __future__ import annotations

import re
from typing import Final

from lm_eval_iberian.ifeval.asked_numbers import is_least
from lm_eval_iberian.ifeval.instruction import (
    Answer,
    Instruction,
    Kwarg,
    Verdict,
    counted,
    shorten,
)
from lm_eval_iberian.languages import fold, paragraphs, sentences, starts_with, words


# three stars that neither belong to a longer run nor open or close ***emphasis***
_STRONG: Final = re.compile(r"(?<!\S)\*{3}(?=[^\s*])[^*\n]+(?<=\S)\*{3}(?!\*)")
_DIVIDER: Final = re.compile(r"(?<!\*)\*{3,5}(?!\*)")
# list numbers, markup, quotes, emoji
_OPENING: Final = re.compile(r"^(?:\d{1,3}[.)]\s)?[\W_]*")
_OPENING_MARKS: Final = " \t\n\"'“”„«»‘’([{¡¿*_#>`~-–—•"


def number_words(answer: Answer, num_words: int, relation: str) -> Verdict:
    """At least, or less than, so many words."""
    found = len(words(answer.plain, answer.profile))
    return counted(found, relation, num_words, "words")


def number_sentences(answer: Answer, num_sentences: int, relation: str) -> Verdict:
    """At least, or less than, so many sentences."""
    found = len(sentences(answer.laid_out, answer.profile))
    return counted(found, relation, num_sentences, "sentences")


def number_paragraphs(answer: Answer, num_paragraphs: int) -> Verdict:
    """So many paragraphs, with the divider ``***`` between them.

    More than so many only where the prompt asks for at least so many.
    """
    text = answer.laid_out
    if "***" in text:
        text = _STRONG.sub(lambda match: match[0].replace("*", "x"), text)
    text = text.replace("\\*", "*")  # Markdown's way to write a plain star
    parts = _DIVIDER.split(text) if "***" in text else [text]
    blocks = [block.strip() for block in parts]
    inner = blocks[1:-1] if len(blocks) > 2 else []
    if "" in inner:
        return Verdict(False, "two dividers *** with no paragraph between them")
    found = sum(map(bool, blocks))
    least = bool(answer.prompt) and is_least(
        num_paragraphs, str(answer.prompt), answer.profile.prompts
    )
    wanted = f"at least {num_paragraphs}" if least else f"{num_paragraphs}"
    reason = f"{found} paragraphs between *** found, {wanted} wanted"
    return Verdict(
        found == num_paragraphs or (least and found > num_paragraphs), reason
    )


def first_word(
    answer: Answer, num_paragraphs: int, nth_paragraph: int, first_word: str
) -> Verdict:
    """Exactly so many paragraphs between blank lines, the nth with this first word."""
    blocks = paragraphs(answer.plain)
    if len(blocks) != num_paragraphs:
        reason = f"{len(blocks)} paragraphs found, {num_paragraphs} wanted"
        return Verdict(False, reason)
    if nth_paragraph > len(blocks):
        return Verdict(False, f"there is no paragraph {nth_paragraph}")
    block = _OPENING.sub("", blocks[nth_paragraph - 1], count=1)
    begins = starts_with(first_word, _without_negligible(block, answer), answer.profile)
    begins = begins or starts_with(first_word, block, answer.profile)
    verb = "begins" if begins else "does not begin"
    reason = f"paragraph {nth_paragraph} {verb} with '{first_word}'"
    return Verdict(begins, f"{reason}: '{shorten(block, 30)}'")


def _without_negligible(block: str, answer: Answer) -> str:
    """Drop one word that may stand before the first, if the language has such words."""
    for word in answer.profile.opening.negligible_words:
        given = fold(block[: 2 * len(word) + 1])
        folded = fold(word)
        if given.startswith(folded):
            rest = fold(block)[len(folded) :]
            if not folded[-1].isalnum() or not rest[:1].isalnum():
                return rest.lstrip(_OPENING_MARKS)
    return block


INSTRUCTIONS = (
    Instruction(
        "length_constraints:number_words",
        number_words,
        (Kwarg("num_words", "count"), Kwarg("relation", "relation")),
    ),
    Instruction(
        "length_constraints:number_sentences",
        number_sentences,
        (Kwarg("num_sentences", "count"), Kwarg("relation", "relation")),
    ),
    Instruction(
        "length_constraints:number_paragraphs",
        number_paragraphs,
        (Kwarg("num_paragraphs", "rank"),),
    ),
    Instruction(
        "length_constraints:nth_paragraph_first_word",
        first_word,
        (
            Kwarg("num_paragraphs", "rank"),
            Kwarg("nth_paragraph", "rank"),
            Kwarg("first_word", "text"),
        ),
    ),
)
