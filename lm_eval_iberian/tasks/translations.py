"""The translation in a model's answer, and what Flores scores of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.ifeval.thoughts import without_thoughts


Scores = dict[str, Any]


def translation(answer: str | None) -> tuple[str, bool]:
    """Return the translation in an answer, and whether a thought was never closed.

    It is the first line after the thoughts that is not empty; "" if there is none.
    """
    spoken = without_thoughts(answer or "")
    lines = (line.strip() for line in spoken.text.split("\n"))
    return next(filter(None, lines), ""), spoken.unclosed


def scorer(code: str) -> Callable[[Mapping[str, Any], Sequence[str | None]], Scores]:
    """Return what scores a translation into a language of Flores.

    Args:
        code: The language's code in the dataset, e.g. ``eus_Latn``.

    Returns:
        A function of a document and the answers to it, as lm-eval calls it.
    """

    def process_results(
        doc: Mapping[str, Any], results: Sequence[str | None]
    ) -> Scores:
        answer = results[0]
        if not (answer is None or isinstance(answer, str)):
            raise DataError(
                f"A translation must be text, and lm-eval gave {repr(answer)[:80]} for"
                f" sentence {doc.get('id')}"
            )
        text, unclosed = translation(answer)
        pair = (doc[f"sentence_{code}"], text)
        return {
            "bleu": pair,
            "chrf++": pair,
            "ter": pair,
            "empty_rate": not text,
            "unclosed_thought_rate": unclosed,
        }

    return process_results
