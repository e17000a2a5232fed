"""change_case in the original: letter case by ``str``, then a detector's language."""

from __future__ import annotations

from lm_eval_iberian.ifeval.instruction import Verdict, counted
from lm_eval_iberian.ifeval.original.arguments import Arguments
from lm_eval_iberian.ifeval.original.language import in_language
from lm_eval_iberian.ifeval.original.text import Text


def all_capital(text: Text, arguments: Arguments) -> Verdict:
    """All letters are capital, and the detector finds the language."""
    if not text.value.isupper():
        return Verdict(False, "not all letters are capital")
    return in_language(text, arguments.behaviour.case_language, arguments)


def all_small(text: Text, arguments: Arguments) -> Verdict:
    """All letters are small, or capital where the original has that bug."""
    test = arguments.behaviour.small_test
    fits = text.value.isupper() if test == "isupper" else text.value.islower()
    if not fits:
        bug = ", which the original wants here by mistake" if test == "isupper" else ""
        asked = "capital" if test == "isupper" else "small"
        return Verdict(False, f"not all letters are {asked}{bug}")
    return in_language(text, arguments.behaviour.case_language, arguments)


def capital_frequency(text: Text, arguments: Arguments) -> Verdict:
    """At least, or less than, so many words in capitals; single letters count."""
    wanted = arguments.get("capital_frequency")
    if wanted is None:
        wanted = arguments.draw("capital_frequency", range(1, 21))
    relation = arguments.relation("capital_relation")
    return counted(len(text.capital_words), relation, wanted, "words in capitals")


CHECKS = {
    "change_case:english_capital": all_capital,
    "change_case:english_lowercase": all_small,
    "change_case:capital_word_frequency": capital_frequency,
}
