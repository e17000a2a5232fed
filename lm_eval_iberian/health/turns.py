"""Finds the place where an answer goes on past its turn."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lm_eval_iberian.health.graders import graders
from lm_eval_iberian.health.imagined import imagined_turns
from lm_eval_iberian.health.next_tasks import next_tasks
from lm_eval_iberian.health.other_articles import other_articles
from lm_eval_iberian.health.page_tails import page_tails
from lm_eval_iberian.health.said import RunOn, Said
from lm_eval_iberian.health.template_marks import (
    bare_roles,
    skip_leading,
    system_prompts,
    template_headings,
    tokens_as_text,
)
from lm_eval_iberian.health.turn_labels import (
    labels_in_lines,
    next_examples,
    next_pairs,
    turn_labels,
)


# An answer that is longer than that went wrong before.
_READ: Final = 60_000
_ASKED: Final = 20_000
_RULE: Final = re.compile(r"\s*\n[ ]?(?:-{3,40}|\*{3,40}|={3,40}|_{3,40})\s*\Z")
_FINDERS: Final = (
    tokens_as_text,
    bare_roles,
    template_headings,
    turn_labels,
    labels_in_lines,
    next_examples,
    next_pairs,
    imagined_turns,
    next_tasks,
    graders,
    page_tails,
    other_articles,
    system_prompts,
)


def find_run_on(
    response: str, prompt: str = "", markers: tuple[str, ...] = ()
) -> RunOn | None:
    """Return where an answer runs on into another turn, or None.

    Args:
        response: The answer, without the model's thoughts.
        prompt: What it answers. Dialogues, lists of questions, exercises and chat
            marks that it asks for are none of another turn.
        markers: Turn marks of the model's own template, besides the common ones.

    The cost is bounded: the first 60,000 characters are looked at.
    """
    response = response[:_READ]
    begin = skip_leading(response, markers)
    said = Said(response, prompt[-_ASKED:], begin, markers)
    found = [
        run_on for find in _FINDERS if (run_on := _first(find(said), said)) is not None
    ]
    first = min(found, key=lambda run_on: run_on.start, default=None)
    if first is None:
        return None
    # a rule that parts the two belongs to neither
    rule = _RULE.search(response, max(begin, first.start - 80), first.start)
    return RunOn(rule.start(), first.reason) if rule else first


def _first(found: Iterator[RunOn], said: Said) -> RunOn | None:
    """Return the first place that is not in code."""
    return next((one for one in found if not said.is_code(one.start)), None)
