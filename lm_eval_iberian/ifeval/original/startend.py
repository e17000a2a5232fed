"""startend in the original: the last phrase, straight quotation marks."""

from __future__ import annotations

from typing import Final

from lm_eval_iberian.ifeval.instruction import Verdict, shorten
from lm_eval_iberian.ifeval.original.arguments import Arguments
from lm_eval_iberian.ifeval.original.text import Text


_PHRASES: Final = ("Any other questions?", "Is there anything else I can help with?")


def end_phrase(text: Text, arguments: Arguments) -> Verdict:
    """The answer ends with the phrase, to the last sign; letter case is free."""
    phrase = arguments.phrase("end_phrase", _PHRASES)
    if text.value.strip().strip('"').lower().endswith(phrase.lower()):
        return Verdict(True, f"the answer ends with '{shorten(phrase)}'")
    last = shorten(text.value.rstrip()[-len(phrase) - 10 :])
    return Verdict(False, f"the answer ends '{last}', not '{shorten(phrase)}'")


def quotation(text: Text, arguments: Arguments) -> Verdict:
    """The first and the last sign are straight double quotation marks."""
    value = text.value.strip()
    if len(value) > 1 and value[0] == value[-1] == '"':
        return Verdict(True, 'the answer stands between " and "')
    ends = f"begins '{shorten(value, 10)}' and ends '{shorten(value[-10:], 10)}'"
    return Verdict(False, f'no " around the answer: it {ends}')


CHECKS = {"startend:end_checker": end_phrase, "startend:quotation": quotation}
