"""What is known of an answer besides its verdicts: empty, cut off, off-language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from lm_eval_iberian.ifeval.instruction import Answer
from lm_eval_iberian.ifeval.language import asked_language, without_repeated_prompt
from lm_eval_iberian.ifeval.thoughts import Spoken
from lm_eval_iberian.languages import decide_language


# A shorter answer may end in a name or a signature; models are cut off far later.
_LONG: Final = 400
_LINE: Final = 40
_ITEM: Final = re.compile(r"(?:[-*+•#>|]|\d{1,3}[.)])\s")
_INNER_END: Final = re.compile(r"[.!?…][\"'”’»)]{0,2}\s")


@dataclass(frozen=True)
class Conduct:
    """How an answer behaves, whatever it was asked for.

    Attributes:
        empty: There is no answer, thoughts aside.
        unclosed_thought: It ended inside a thought.
        off_language: It is decidedly in another language than the one asked for; an
            answer too short to tell is not.
        truncated: It was cut off; where nobody says so, it is long and its long last
            line ends inside a sentence, or it ended inside a thought.
    """

    empty: bool
    unclosed_thought: bool
    off_language: bool
    truncated: bool


def observe(
    answer: Answer,
    spoken: Spoken,
    response_language: str | None,
    truncated: bool | None = None,
) -> Conduct:
    """Return the conduct of an answer.

    Args:
        answer: The answer with its prompt.
        spoken: The same as it came out of its thoughts.
        response_language: The language an instruction asks for, if one does.
        truncated: Whether it was cut off, where that is known.
    """
    empty = not answer.text.strip()
    if truncated is None:
        truncated = spoken.unclosed or _stops_short(answer.text)
    return Conduct(
        empty=empty,
        unclosed_thought=spoken.unclosed,
        off_language=not empty and _is_off_language(answer, response_language),
        truncated=truncated,
    )


def _is_off_language(answer: Answer, response_language: str | None) -> bool:
    """Tell whether the language is another one than was asked for."""
    wanted = response_language or asked_language(answer)
    text = without_repeated_prompt(answer)
    return decide_language(text, wanted).status == "rejected"


def _stops_short(text: str) -> bool:
    """Tell whether a long answer ends inside a sentence.

    Verses, items and tags end without a full stop: the last line must be running text
    among lines that have one.
    """
    *lines, last = [line.strip() for line in text.rstrip().split("\n")]
    if len(text) < _LONG or len(last) < _LINE or not _open_end(last):
        return False
    if _ITEM.match(last) or last.split()[-1].startswith("#"):
        return False
    long = [line for line in lines if len(line) >= _LINE]
    closed = sum(not _open_end(line) for line in long)
    return bool(_INNER_END.search(last) or closed) and 2 * closed >= len(long)


def _open_end(line: str) -> bool:
    return line[-1].isalpha() or line[-1] == ","
