"""combination in the original: two responses, the prompt repeated."""

from __future__ import annotations

from typing import Final

from lm_eval_iberian.ifeval.instruction import Verdict, shorten
from lm_eval_iberian.ifeval.original.arguments import Arguments
from lm_eval_iberian.ifeval.original.text import Text


_SEPARATOR: Final = "*" * 6


def two_responses(text: Text, arguments: Arguments) -> Verdict:
    """Two different parts with six stars between them."""
    parts = [part.strip() for part in text.value.split(_SEPARATOR)]
    if "" in parts[1:-1]:
        return Verdict(False, "two separators ****** with nothing between them")
    found = [part for part in parts if part]
    if len(found) != 2:
        return Verdict(False, f"{len(found)} answers between ****** found, 2 wanted")
    if found[0] == found[1]:
        return Verdict(False, "the two answers are the same")
    return Verdict(True, "two different answers found")


def repeat_prompt(text: Text, arguments: Arguments) -> Verdict:
    """The answer begins with the request, sign by sign; nothing need follow."""
    request = arguments.get("prompt_to_repeat")
    if not request:
        raise ValueError("prompt_to_repeat must be set")
    if text.value.strip().lower().startswith(request.strip().lower()):
        return Verdict(True, "the answer begins with the request")
    begin = shorten(text.value.strip(), 30)
    return Verdict(False, f"the answer begins '{begin}', not '{shorten(request, 30)}'")


CHECKS = {
    "combination:two_responses": two_responses,
    "combination:repeat_prompt": repeat_prompt,
}
