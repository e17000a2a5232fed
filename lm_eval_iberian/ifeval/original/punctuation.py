"""punctuation in the original: no comma, of the ASCII kind."""

from __future__ import annotations

from lm_eval_iberian.ifeval.instruction import Verdict
from lm_eval_iberian.ifeval.original.arguments import Arguments
from lm_eval_iberian.ifeval.original.text import Text


def no_comma(text: Text, arguments: Arguments) -> Verdict:
    """There is no comma, in a thought neither."""
    found = text.value.count(",")
    plural = "comma" if found == 1 else "commas"
    return Verdict(not found, f"{found} {plural} found" if found else "no comma found")


CHECKS = {"punctuation:no_comma": no_comma}
