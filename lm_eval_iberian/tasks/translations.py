"""The translation in a model's answer, and what Flores scores of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.health import Generation, examine_translation


Scores = dict[str, Any]
Side = tuple[str, str]


def scorer(source: Side, target: Side) -> Callable[..., Scores]:
    """Return what scores a translation of Flores.

    The translation is the first line after the thoughts that is not empty.

    Args:
        source: The language to translate from, and its code in the dataset:
            ``("eu", "eus_Latn")``.
        target: The same of the language to translate into.

    Returns:
        A function of a document and the answers to it, as lm-eval calls it, and
        of how the answer came about, which lm-eval does not say.
    """

    def process_results(
        doc: Mapping[str, Any],
        results: Sequence[str | None],
        generation: Generation | None = None,
    ) -> Scores:
        answer = results[0]
        if not (answer is None or isinstance(answer, str)):
            raise DataError(
                f"A translation must be text, and lm-eval gave {repr(answer)[:80]} for"
                f" sentence {doc.get('id')}"
            )
        health = examine_translation(
            answer,
            doc[f"sentence_{source[1]}"],
            target[0],
            generation=generation or Generation(),
        )
        pair = (doc[f"sentence_{target[1]}"], health.text)
        return {"bleu": pair, "chrf++": pair, "ter": pair} | health.rates()

    return process_results
