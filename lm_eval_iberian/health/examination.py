"""Examines an answer whatever was asked: does it stop, run on, loop, say anything?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from lm_eval_iberian.health.copied import is_copied, without_repeated_prompt
from lm_eval_iberian.health.loop import find_loop
from lm_eval_iberian.health.no_stop import Generation, find_no_stop
from lm_eval_iberian.health.thoughts import without_thoughts
from lm_eval_iberian.health.turns import find_run_on
from lm_eval_iberian.languages import compose, decide_language, is_blank
from lm_eval_iberian.terminal import one_line


_UNKNOWN: Final = Generation()
_USER_TURN: Final = re.compile(r"<\|(?:im_start|start|start_header_id|turn)\|?>user\b")
# what each is called in tables and pictures
RATES: Final = {
    "stop_rate": "stops",
    "no_stop_rate": "cut off",
    "run_on_rate": "runs on",
    "loop_rate": "loops",
    "empty_rate": "empty",
    "unclosed_thought_rate": "unclosed thought",
    "copied_prompt_rate": "copies the prompt",
    "off_language_rate": "other language",
    "left_marks_rate": "marks left",
}


@dataclass(frozen=True)
class Health:
    """What is wrong with an answer, each None or a reason that a person can read.

    Attributes:
        no_stop: It did not stop by itself: it was cut off.
        run_on: It goes on past its turn.
        loop: It repeats itself to its end.
        empty: There is nothing to be seen in it, thoughts aside.
        unclosed_thought: It ended in a thought.
        copied_prompt: It is the prompt again and little else.
        off_language: It is decidedly in another language; an answer too short to tell
            is not.
        left_marks: End tokens, turn marks or wrappers stood around it; they are no
            part of what is scored.
        first_turn: The answer, thoughts aside, up to the run-on; all of it where there
            is none.
    """

    no_stop: str | None
    run_on: str | None
    loop: str | None
    empty: str | None
    unclosed_thought: str | None
    copied_prompt: str | None
    off_language: str | None
    left_marks: str | None
    first_turn: str

    def rates(self) -> dict[str, bool]:
        """Return what the answer adds to each of ``RATES``.

        ``stop_rate`` is that of the answers which neither run on nor are cut off.
        """
        return {
            "stop_rate": not (self.no_stop or self.run_on),
            "no_stop_rate": bool(self.no_stop),
            "run_on_rate": bool(self.run_on),
            "loop_rate": bool(self.loop),
            "empty_rate": bool(self.empty),
            "unclosed_thought_rate": bool(self.unclosed_thought),
            "copied_prompt_rate": bool(self.copied_prompt),
            "off_language_rate": bool(self.off_language),
            "left_marks_rate": bool(self.left_marks),
        }


def examine(
    response: str | None,
    prompt: str = "",
    lang: str | None = None,
    *,
    generation: Generation = _UNKNOWN,
) -> Health:
    """Return the health of an answer.

    Args:
        response: The answer; None is an empty one. Thoughts in it are set aside.
        prompt: What it answers: what it asks for is no fault.
        lang: The language that the answer should be in, by its ISO 639-1 code; without
            one its language is not judged.
        generation: What is known of how the answer came about.

    Raises:
        UnknownNameError: The language is not known.
    """
    response = response or ""
    spoken = without_thoughts(response, prompt)
    said = spoken.text
    # an answer without thoughts stays as it is, white space included; and an imagined
    # user's words are no thought because the next turn marks its own
    if said == response.strip() or _USER_TURN.search(response):
        said = response
    found = find_run_on(said, prompt, generation.markers)
    first = said[: found.start].rstrip() if found else said
    # a thought that never ends may well end in circles
    loop = find_loop(response if spoken.unclosed else said, prompt)
    off = None
    if lang and not is_blank(spoken.text):
        text = without_repeated_prompt(compose(first.strip()), prompt)
        decision = decide_language(text, lang)
        off = decision.reason if decision.status == "rejected" else None
    return Health(
        no_stop=find_no_stop(
            response, generation, unclosed=spoken.unclosed, loops=loop is not None
        ),
        run_on=found.reason if found else None,
        loop=loop,
        empty="there is no answer" if is_blank(spoken.text) else None,
        unclosed_thought="it ends in a thought" if spoken.unclosed else None,
        copied_prompt=(
            "the answer is the prompt again" if is_copied(first, prompt) else None
        ),
        off_language=off,
        left_marks=_left(spoken.marks),
        first_turn=first,
    )


def _left(marks: tuple[str, ...]) -> str | None:
    """Return a reason with the marks that stood around an answer."""
    shown = ", ".join(f"'{one_line(mark, 30)}'" for mark in dict.fromkeys(marks))
    return f"{shown} stood around the answer" if marks else None
