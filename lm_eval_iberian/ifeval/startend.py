"""startend: the last phrase, quotation marks around everything."""

from __future__ import annotations

import re
from typing import Final

from lm_eval_iberian.ifeval.instruction import (
    Answer,
    Instruction,
    Kwarg,
    Verdict,
    shorten,
)
from lm_eval_iberian.ifeval.marks_of_form import unwrap
from lm_eval_iberian.languages import fold_typed, laid_out, plain


# a straight mark opens after one of the first and before none of the others
_BEFORE_QUOTES: Final = "([{¡¿-–—/«“‘'"
_AFTER_QUOTES: Final = ".,;:!?…)]}»”’"


def end_phrase(answer: Answer, end_phrase: str) -> Verdict:
    """The answer ends with a phrase; marks around it and letter case are free."""
    wanted = unwrap(fold_typed(plain(end_phrase)), answer.profile)
    tail = answer.text[-(4 * len(end_phrase) + 400) :]
    if wanted:
        given = unwrap(fold_typed(unwrap(plain(tail), answer.profile)), answer.profile)
        given = _without_stop(given, wanted, answer)
    else:  # the phrase is a mark itself: </s>, ***
        wanted, given = fold_typed(end_phrase), fold_typed(tail)
    before = given[: -len(wanted)]
    ends = given.endswith(wanted) and not (
        before[-1:].isalnum() and wanted[:1].isalnum()
    )
    if ends:
        return Verdict(True, f"the answer ends with '{shorten(end_phrase)}'")
    last = shorten(given[-len(end_phrase) - 10 :])
    return Verdict(False, f"the answer ends '{last}', not '{shorten(end_phrase)}'")


def _without_stop(given: str, wanted: str, answer: Answer) -> str:
    """Drop a full stop that the phrase lacks, or that stands after closing quotes."""
    if not given.endswith(".") or given.endswith(".."):
        return given
    bare = unwrap(given[:-1], answer.profile)
    if bare != given[:-1]:
        return bare + "." if wanted.endswith(".") else bare
    return bare if wanted[-1:].isalnum() else given


def quotation(answer: Answer) -> Verdict:
    """Double quotation marks hold the whole answer; nothing stands outside them."""
    # \" stands for a quotation mark inside the others
    text = laid_out(answer.text.replace('\\"', "'")).strip(" \t\n\u00a0")
    # Spanish, Catalan and Galician put the full stop after the closing mark
    if text.endswith(".") and not text.endswith(".."):
        text = text[:-1]
    for opening, closing in answer.profile.quotes.double:
        if len(text) > 2 and text.startswith(opening) and text.endswith(closing):
            if not any(map(str.isalnum, text)):
                return Verdict(False, "nothing stands between the quotation marks")
            if outside := _outside(text, opening, closing):
                reason = f"outside the quotation marks stands '{shorten(outside, 30)}'"
                return Verdict(False, reason)
            return Verdict(True, f"the answer stands between {opening} and {closing}")
    reason = f"begins '{shorten(text, 10)}' and ends '{shorten(text[-10:], 10)}'"
    return Verdict(False, f"no double quotation marks around the answer: it {reason}")


def _outside(text: str, opening: str, closing: str) -> str:
    """Return the first text outside all quotations, or nothing."""
    depth, closed = 0, -1
    for match in re.finditer(f"[{re.escape(opening + closing)}]", text):
        place = match.start()
        if opening != closing and text[place] == closing and _continues(text, place):
            continue
        if closed >= 0 and any(map(str.isalnum, text[closed:place])):
            return text[closed:place].strip()
        depth += _step(text, place, opening, closing) if depth else 1
        closed = place + 1 if depth == 0 else -1
    return ""


def _continues(text: str, place: int) -> bool:
    """Tell whether a closing mark opens a further paragraph of the same quotation."""
    rest = text[place + 1 : place + 3].lstrip(" ")
    return (
        text[max(0, place - 1) : place] == "\n"
        and not rest[:1].isspace()
        and rest != ""
    )


def _step(text: str, place: int, opening: str, closing: str) -> int:
    """Return 1 for a mark that opens a quotation, -1 for one that closes, else 0."""
    if opening != closing:
        return 1 if text[place] == opening else -1
    before, after = text[place - 1], text[place + 1 : place + 2]
    if before.isspace() or before in _BEFORE_QUOTES:
        if after and not after.isspace() and after not in _AFTER_QUOTES:
            return 1
        if before.isspace():
            return 0
    return 0 if before.isdigit() or after.isalnum() else -1


INSTRUCTIONS = (
    Instruction("startend:end_checker", end_phrase, (Kwarg("end_phrase", "text"),)),
    Instruction("startend:quotation", quotation),
)
