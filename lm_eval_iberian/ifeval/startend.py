"""startend: the last phrase, quotation marks around everything."""

from __future__ import annotations

import re
from typing import Final

from lm_eval_iberian.ifeval.answer import Answer
from lm_eval_iberian.ifeval.instruction import Instruction, Parameter
from lm_eval_iberian.ifeval.layout import unwrap
from lm_eval_iberian.ifeval.verdict import Verdict, shorten
from lm_eval_iberian.languages import fold_spaces


_INNER_QUOTE: Final = re.compile(r'"')


def end_phrase(answer: Answer, end_phrase: str) -> Verdict:
    """The answer ends with a phrase; marks around it and letter case are free."""
    wanted = unwrap(fold_spaces(end_phrase), answer.profile)
    tail = answer.text[-(4 * len(end_phrase) + 400) :]
    given = unwrap(fold_spaces(unwrap(tail, answer.profile)), answer.profile)
    if given.endswith(".") and not given.endswith("..") and wanted[-1:].isalnum():
        given = given[:-1]
    before = given[: -len(wanted)] if wanted else ""
    ends = given.endswith(wanted) and not (
        before[-1:].isalnum() and wanted[:1].isalnum()
    )
    if ends:
        return Verdict(True, f"the answer ends with '{shorten(end_phrase)}'")
    last = shorten(given[-len(end_phrase) - 10 :])
    return Verdict(False, f"the answer ends '{last}', not '{shorten(end_phrase)}'")


def quotation(answer: Answer) -> Verdict:
    """One pair of double quotation marks holds the whole answer."""
    text = answer.text.strip()
    for opening, closing in answer.profile.quotes.double:
        if len(text) > 2 and text.startswith(opening) and text.endswith(closing):
            inner = text[len(opening) : -len(closing)]
            if not any(map(str.isalnum, inner)):
                return Verdict(False, "nothing stands between the quotation marks")
            if _closes_early(inner, opening, closing):
                return Verdict(False, "the first quotation is closed before the end")
            return Verdict(True, f"the answer stands between {opening} and {closing}")
    reason = f"begins '{shorten(text, 10)}' and ends '{shorten(text[-10:], 10)}'"
    return Verdict(False, f"no double quotation marks around the answer: it {reason}")


def _closes_early(inner: str, opening: str, closing: str) -> bool:
    """Tell whether the pair that opens the answer is closed inside it."""
    if opening == closing:
        first = _INNER_QUOTE.search(inner)
        return first is not None and _is_closing(inner, first.start())
    depth = 1
    for character in inner:
        depth += (character == opening) - (character == closing)
        if depth == 0:
            return True
    return False


def _is_closing(text: str, place: int) -> bool:
    """Tell whether a straight quote looks like a closing one: ``word" and``."""
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    return (
        bool(before)
        and not before.isspace()
        and not before.isdigit()
        and not (after.isalnum())
    )


INSTRUCTIONS = (
    Instruction("startend:end_checker", end_phrase, (Parameter("end_phrase", "text"),)),
    Instruction("startend:quotation", quotation),
)
