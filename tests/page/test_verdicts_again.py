"""IFEval answers scored again, for the reasons of their verdicts."""

from __future__ import annotations

from typing import Any

import pytest
from made_comparisons import written_sample

from lm_eval_iberian.page.verdicts_again import is_ifeval, score_again


UPSTREAM: dict[str, Any] = {
    "doc": {
        "key": 1000,
        "prompt": "Write it without commas, in capitals.",
        "instruction_id_list": ["punctuation:no_comma", "change_case:english_capital"],
        "kwargs": [{}, {}],
    },
    "inst_level_strict_acc": [True, False],
}


def test_a_sample_of_lm_evals_own_task_is_scored_as_lm_eval_does() -> None:
    found = score_again(UPSTREAM, "hello there", "en")
    assert [(v.stored, v.now) for v in found.verdicts] == [(True, True), (False, False)]
    assert all(v.reason for v in found.verdicts)


def test_verdicts_of_another_number_are_not_paired() -> None:
    sample = {**UPSTREAM, "inst_level_strict_acc": [True]}
    found = score_again(sample, "HELLO THERE MY DEAR FRIENDS", "en")
    assert [(v.stored, v.now) for v in found.verdicts] == [(None, True), (None, True)]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"kwargs": "not JSON"}, "arguments that are none"),
        ({"kwargs": [{}]}, "fewer than instructions"),
        ({"instruction_id_list": ["no:such"], "kwargs": [{}]}, "a type nobody knows"),
        ({"prompt": None}, "no prompt"),
        ({"published": "[1"}, "half a text"),
    ],
)
def test_what_cannot_be_scored_again_keeps_its_verdicts(
    change: dict[str, Any], why: str
) -> None:
    sample = written_sample(1, "Idatzi.", "Kaixo", True)
    doc = {**sample["doc"], **change}
    found = score_again({**sample, "doc": doc}, "Kaixo", "eu")
    assert found.verdicts[0].stored is True, why
    assert found.verdicts[0].reason, why


@pytest.mark.parametrize(
    ("sample", "known"),
    [
        (UPSTREAM, True),
        ({"doc": {"question": "?"}}, False),
        ({"doc": {"instruction_id_list": "x"}}, False),
        ({}, False),
    ],
)
def test_which_samples_are_answers_to_instructions(
    sample: dict[str, Any], known: bool
) -> None:
    assert is_ifeval(sample) is known
