"""Aggregations refuse values of a form that their tasks do not give."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.tasks import ifeval, matthews, perplexity, translation_scores


PAIRS = (perplexity, "weighted_perplexity")
BITS = (perplexity, "bits_per_byte")
PROMPT = (ifeval, "prompt_level_acc")
INST = (ifeval, "inst_level_acc")
MACRO = (ifeval, "inst_level_macro")
MCC = (matthews, "mcc")
# aggregation, a value that fits, one that does not, why
JUNK: list[tuple[Any, Any, Any, str]] = [
    (INST, [True], True, "a list was reduced to its first verdict"),
    (INST, [True], [1.0], "verdicts became numbers"),
    (INST, [True], "True", "text"),
    (MACRO, [("a", True)], ("a", True), "a list was reduced to its first pair"),
    (MACRO, [("a", True)], [True], "the types were lost"),
    (PROMPT, True, [True], "a verdict was put into a list"),
    (PROMPT, None, 1.0, "a mean over repeats"),
    (PAIRS, (-3.0, 2), -3.0, "the weight was lost"),
    (PAIRS, (-3.0, 2), [(-3.0, 2)], "a list of repeats"),
    (PAIRS, (-3.0, 2), (-3.0, 0), "no words"),
    (BITS, (-3.0, 2), (-3.0, True), "a truth value for the weight"),
    (MCC, (0, 1), (0, -100), "lm-eval's mark of a label out of range"),
    (MCC, (0, 1), 1.0, "a mean"),
    (MCC, (0, 1), (0.5, 1), "half a label"),
]
JUNK += [
    ((translation_scores, name), ("a b", "a b"), junk, why)
    for name in ("bleu", "chrf_plus_plus", "ter")
    for junk, why in [
        (0.5, "a score of one sentence"),
        (("a", ["a"]), "answers in a list"),
        ("ab", "text of two letters looks like a pair"),
        (("a", None), "no answer"),
    ]
]


@pytest.mark.parametrize(("place", "good", "bad", "why"), JUNK)
def test_another_form_is_refused_in_a_sentence(
    place: Any, good: Any, bad: Any, why: str
) -> None:
    module, name = place
    aggregate = getattr(module, name)
    assert not isinstance(aggregate([good, good]), bool)
    with pytest.raises(DataError, match="for document 2: its release") as error:
        aggregate([good, bad])
    assert "\n" not in str(error.value), why
    assert "0.4.13" in str(error.value)


WEIGHTED = st.lists(
    st.tuples(st.floats(-500, 0), st.integers(1, 400)), min_size=1, max_size=20
)


@given(WEIGHTED)
def test_perplexities_are_upstream_s(items: list[tuple[float, int]]) -> None:
    from lm_eval.api import metrics

    bits = metrics.bits_per_byte(items)
    assert perplexity.bits_per_byte(items) == bits
    assert perplexity.weighted_perplexity(items) == metrics.weighted_perplexity(items)


def test_a_perplexity_beyond_floats_is_infinite() -> None:
    assert perplexity.weighted_perplexity([(-1e6, 1)]) == math.inf
    assert perplexity.weighted_perplexity([(-math.inf, 1)]) == math.inf
