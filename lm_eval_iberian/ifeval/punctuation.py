"""punctuation: no commas."""

from __future__ import annotations

import re
from typing import Final

from lm_eval_iberian.ifeval.instruction import Answer, Instruction, Verdict, shown


# the commas of Latin, Arabic and East Asian scripts; a decimal comma is a comma
_COMMAS: Final = re.compile("[,،、，﹐]")


def no_comma(answer: Answer) -> Verdict:
    """No comma of any script stands in the answer."""
    text = answer.laid_out
    places = [match.start() for match in _COMMAS.finditer(text)]
    if not places:
        return Verdict(True, "no comma found")
    around = [text[max(0, i - 12) : i + 1] for i in places[:3]]
    return Verdict(False, f"{len(places)} commas found: {shown(around)}")


INSTRUCTIONS = (Instruction("punctuation:no_comma", no_comma),)
