"""The one place where an answer is read: what every repaired check is given of it.

Thoughts, end tokens and wrappers are taken off, Unicode is composed, invisible
characters are dropped. ``Answer`` then shows its markup in one way to every check.
"""

from __future__ import annotations

from lm_eval_iberian.health import Spoken, without_thoughts
from lm_eval_iberian.ifeval.instruction import Answer
from lm_eval_iberian.languages import LanguageProfile, compose, visible


def read(spoken: Spoken, profile: LanguageProfile, prompt: str | None) -> Answer:
    """Return what the checks are given of an answer, thoughts aside."""
    return Answer(visible(compose(spoken.text)), profile, prompt, spoken.unclosed)


def read_response(
    response: str | None, profile: LanguageProfile, prompt: str | None
) -> Answer:
    """Return what the checks are given of a response."""
    return read(without_thoughts(response or "", prompt or ""), profile, prompt)
