"""Examines an answer whatever was asked: whether it runs on, loops, is empty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lm_eval_iberian.health.loop import find_loop
from lm_eval_iberian.health.turns import find_run_on
from lm_eval_iberian.health.words import shared_words
from lm_eval_iberian.languages import decide_language, fold_spaces


# A copied prompt is most of the answer; a shorter prompt may be quoted by chance.
_COPIED: Final = 0.9
_SHORT_PROMPT: Final = 15
# The language of an answer shows early.
_READ: Final = 20_000


@dataclass(frozen=True)
class Health:
    """What is wrong with an answer, each None or a reason that a person can read.

    Attributes:
        run_on: It goes on past its turn.
        loop: It repeats itself to its end.
        empty: There is nothing in it.
        copied_prompt: It is the prompt again and little else.
        off_language: It is decidedly in another language.
        first_turn: The answer up to the run-on; the whole answer where there is none.
    """

    run_on: str | None
    loop: str | None
    empty: str | None
    copied_prompt: str | None
    off_language: str | None
    first_turn: str


def examine(
    response: str,
    prompt: str = "",
    lang: str | None = None,
    *,
    markers: tuple[str, ...] = (),
) -> Health:
    """Return the health of an answer."""
    found = find_run_on(response, prompt, markers)
    first = response[: found.start].rstrip() if found else response
    empty = None if response.strip() else "there is no text"
    loop = find_loop(response, prompt)
    off = None
    if lang and not empty:
        decision = decide_language(first[:_READ], lang)
        off = decision.reason if decision.status == "rejected" else None
    return Health(
        run_on=found.reason if found else None,
        loop=loop,
        empty=empty,
        copied_prompt=_copied(first, prompt),
        off_language=off,
        first_turn=first,
    )


def _copied(answer: str, prompt: str) -> str | None:
    """Tell whether an answer is its prompt again."""
    said, asked = fold_spaces(answer[:8000]), fold_spaces(prompt[:8000])
    if len(asked) < _SHORT_PROMPT or not said:
        return None
    if len(said) > 1.3 * len(asked) or len(said) < 0.7 * len(asked):
        return None
    if shared_words(asked, said) >= _COPIED:
        return "the answer is the prompt again"
    return None
