"""combination: two responses, the prompt repeated first."""

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
from lm_eval_iberian.languages import fold_spaces, fold_typed, plain


_SEPARATOR: Final = re.compile(r"(?<!\*)\*{6,11}(?!\*)")
# they change with the writer, as curly and straight quotes do
_QUOTES: Final = ("'", '"')
# what follows the request within this is an answer
_REACH: Final = 2000


def two_responses(answer: Answer) -> Verdict:
    """Two different answers with six stars between them."""
    text = answer.text.replace("\\*", "*")  # Markdown's way to write a plain star
    parts = [part.strip() for part in _SEPARATOR.split(text)]
    if len(parts) > 2 and "" in parts[1:-1]:
        return Verdict(False, "two separators ****** with nothing between them")
    found = [part for part in parts if part]
    if len(found) != 2:
        reason = f"{len(found)} answers between ****** found, 2 wanted"
        return Verdict(False, reason)
    if fold_spaces(found[0]) == fold_spaces(found[1]):
        return Verdict(False, "the two answers are the same")
    return Verdict(True, "two different answers found")


def repeat_prompt(answer: Answer, prompt_to_repeat: str) -> Verdict:
    """The answer begins with the request, word for word, and then goes on."""
    head = answer.plain[: 4 * len(prompt_to_repeat) + _REACH]
    wanted, given = (
        fold_typed(text.replace("«", '"').replace("»", '"'))
        for text in (plain(prompt_to_repeat), head)
    )
    if given[:1] in _QUOTES and not wanted.startswith(given[0]):
        mark, given = given[0], given[1:].lstrip()
        # Spanish puts the full stop behind the closing mark
        bare = wanted.removesuffix(".")
        if given.startswith(f"{bare}{mark}."):
            given = f"{bare}.{mark}{given[len(bare) + 2 :]}"
    if not given.startswith(wanted):
        same = _common_length(wanted, given)
        reason = (
            f"the request is not repeated from the start: '{shorten(given[same:], 30)}'"
            f" where '{shorten(wanted[same:], 30)}' is wanted"
        )
        return Verdict(False, reason)
    if not any(map(str.isalnum, given[len(wanted) :])):
        return Verdict(False, "the request is repeated, but no answer follows")
    return Verdict(True, "the request is repeated and an answer follows")


def _common_length(one: str, other: str) -> int:
    """Return how many leading characters two texts share."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))


INSTRUCTIONS = (
    Instruction("combination:two_responses", two_responses),
    Instruction(
        "combination:repeat_prompt",
        repeat_prompt,
        (Kwarg("prompt_to_repeat", "text"),),
    ),
)
