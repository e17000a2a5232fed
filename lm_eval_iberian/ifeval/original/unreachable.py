"""What the original can never count as the prompt asks for it.

One rule per way to fail; each returns what stands in the way, or ``None``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from lm_eval_iberian.ifeval.instruction import AT_LEAST, LESS_THAN
from lm_eval_iberian.ifeval.original import form_checks, word_checks
from lm_eval_iberian.ifeval.original.asked import Asked, Rule
from lm_eval_iberian.ifeval.original.text import Text


_STARS: Final = re.compile(r"\*{2,}")


def letter(asked: Asked) -> str | None:
    """Any letter but a to z is replaced by one that the prompt does not name."""
    given = asked.arguments.get("letter")
    if word_checks.usable_letter(asked.arguments) != str(given).lower():
        return f"{given!r} is replaced by a letter drawn at random"
    return _below(asked, "let_frequency", "let_relation", 1)


def keyword_found(asked: Asked) -> str | None:
    """A keyword that the prompt spells otherwise cannot be known."""
    for keyword in asked.arguments.get("keywords"):
        if found := _unfindable(asked, keyword):
            return found
    return None


def keyword_often(asked: Asked) -> str | None:
    """So does one whose number is to be reached; none is less than 0 times there."""
    if asked.arguments.relation("relation") == AT_LEAST:
        return _unfindable(asked, asked.arguments.get("keyword").strip())
    return _below(asked, "frequency", "relation", 1)


def _unfindable(asked: Asked, keyword: str) -> str | None:
    """Say why a keyword as the prompt has it is not found, read as a pattern."""
    text = asked.prompt or keyword
    if word_checks.pattern(keyword).search(text):
        return None
    return f"'{keyword}' is not found where the prompt itself writes it"


def words(asked: Asked) -> str | None:
    """No answer has less than one word."""
    return _below(asked, "num_words", "relation", 2)


def sentences(asked: Asked) -> str | None:
    """No answer has less than one sentence."""
    return _below(asked, "num_sentences", "relation", 2)


def capitals(asked: Asked) -> str | None:
    """Nothing is there less than 0 times."""
    return _below(asked, "capital_frequency", "capital_relation", 1)


def _below(asked: Asked, count: str, relation: str, lowest: int) -> str | None:
    """Say so where a count has to be less than the least there can be."""
    wanted = asked.arguments.get(count)
    if asked.arguments.relation(relation) == LESS_THAN and wanted < lowest:
        return f"no answer has less than {wanted}"
    return None


def paragraphs(asked: Asked) -> str | None:
    """The divider that the prompt shows does not divide as often as asked."""
    wanted = asked.arguments.get("num_paragraphs")
    text = Text(f"\n\n{_stars(asked, '***')}\n\n".join(map(str, range(wanted))))
    verdict = word_checks.number_paragraphs(text, asked.arguments)
    return None if verdict else f"divided as the prompt shows: {verdict.reason}"


def two_responses(asked: Asked) -> str | None:
    """The divider that the prompt shows does not divide two responses."""
    text = Text(f"1\n\n{_stars(asked, '******')}\n\n2")
    verdict = form_checks.two_responses(text, asked.arguments)
    return None if verdict else f"divided as the prompt shows: {verdict.reason}"


def _stars(asked: Asked, usual: str) -> str:
    """Return the divider of the prompt: the usual one if it is there."""
    shown = _STARS.findall(asked.prompt)
    return usual if not shown or usual in shown else max(shown, key=len)


def first_word(asked: Asked) -> str | None:
    """The first word is several, holds a mark, or is worded otherwise."""
    given = asked.arguments
    word, wanted = given.get("first_word"), given.get("num_paragraphs")
    if not 0 < given.get("nth_paragraph") <= wanted:
        return "the number of the paragraph is drawn at random"
    if asked.words_otherwise(word):
        return f"the prompt words '{word}' otherwise"
    text = Text("\n\n".join([f"{word} x"] * wanted))
    verdict = word_checks.first_word(text, given)
    return None if verdict else f"with the word as asked: {verdict.reason}"


RULES: Final[Mapping[str, Rule]] = {
    "change_case:capital_word_frequency": capitals,
    "combination:two_responses": two_responses,
    "keywords:existence": keyword_found,
    "keywords:frequency": keyword_often,
    "keywords:letter_frequency": letter,
    "length_constraints:nth_paragraph_first_word": first_word,
    "length_constraints:number_paragraphs": paragraphs,
    "length_constraints:number_sentences": sentences,
    "length_constraints:number_words": words,
}
