"""The functions that the YAMLs refer to, called as lm-eval calls them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from lm_eval_iberian.corpus.prose import passages
from lm_eval_iberian.paths import task_configs
from lm_eval_iberian.tasks import ifeval, instructions, perplexity
from lm_eval_iberian.tasks.catalogue import read_config


def document(key: int) -> dict[str, Any]:
    rows = ifeval.load(lang="eu", which="mini")["test"]
    return next(row for row in rows if row["key"] == key)


def test_an_answer_gets_every_metric_of_the_yaml() -> None:
    config = read_config(task_configs() / "ifeval" / "ifeval_eu_mini.yaml")
    wanted = {metric["metric"] for metric in config["metric_list"]}
    assert set(ifeval.process_results(document(1), ["Kaixo."])) == wanted


def test_an_answer_is_scored_both_ways() -> None:
    (doc,) = [
        row
        for row in ifeval.load(lang="eu", which="mini")["test"]
        if row["instruction_id_list"]
        == ["detectable_format:title", "length_constraints:number_sentences"]
    ]
    found = ifeval.process_results(doc, ["<<Itsasargia>>\nEsaldi bakarra."])
    for suffix in ("", "_original"):
        assert found[f"prompt_level_strict_acc{suffix}"] is False
        assert found[f"inst_level_strict_acc{suffix}"] == [True, False]
        assert found[f"prompt_level_loose_acc{suffix}"] is False
        assert found[f"inst_level_loose_acc{suffix}"] == [True, False]
    assert [followed for _, followed in found["inst_level_strict_acc_macro"]] == [
        True,
        False,
    ]


def test_what_the_paper_leaves_out_counts_in_the_repaired_scoring_alone() -> None:
    found = ifeval.process_results(document(6), ["Bos días a todos."])
    assert len(found["inst_level_strict_acc"]) == 1
    assert found["inst_level_strict_acc_original"] == []
    assert found["prompt_level_strict_acc_original"] is None


@pytest.mark.parametrize("answer", [None, "", "<think>hmm"])
def test_no_answer_follows_nothing(answer: str | None) -> None:
    found = ifeval.process_results(document(1), [answer])
    assert not found["prompt_level_loose_acc"]
    assert not any(found["inst_level_loose_acc"])


def test_instruction_accuracy_is_a_micro_average() -> None:
    assert ifeval.inst_level_acc([[True], [True, False, False]]) == 0.5


def test_a_prompt_that_does_not_count_is_no_failure() -> None:
    assert ifeval.prompt_level_acc([True, None, False, None]) == 0.5
    assert ifeval.STDERR[ifeval.prompt_level_acc]([True, None, False]) == 0.5


def test_every_aggregation_of_ours_has_a_standard_error() -> None:
    for path in (task_configs() / "ifeval").glob("*.yaml"):
        for metric in read_config(path).get("metric_list", []):
            name = metric["aggregation"].removeprefix("utils.")
            assert name == "mean" or getattr(ifeval, name) in ifeval.STDERR


def test_perplexity_is_weighted_by_words_and_bytes() -> None:
    doc = {"text": "Ñandú eta\n usoa"}
    assert perplexity.process_results(doc, (-6.0,)) == {
        "word_perplexity": (-6.0, 3),
        "byte_perplexity": (-6.0, 17),
        "bits_per_byte": (-6.0, 17),
    }


def test_a_uniform_guess_over_bytes_has_perplexity_256() -> None:
    from lm_eval.api.metrics import weighted_perplexity

    docs = perplexity.load(lang="eu", pretrained="ignored")["test"]
    items = [
        perplexity.process_results(doc, (-math.log(256) * len(doc["text"].encode()),))[
            "byte_perplexity"
        ]
        for doc in docs
    ]
    assert weighted_perplexity(items) == pytest.approx(256)


def test_only_held_out_passages_are_measured() -> None:
    train = {passage.text for passage in passages("gl", "train")}
    assert not train & set(perplexity.load(lang="gl")["test"]["text"])


def test_the_demo_s_instructions_are_a_hundred_and_always_the_same() -> None:
    first, second = (list(instructions.load()["test"]) for _ in range(2))
    assert first == second
    assert len(first) == instructions.COUNT
    assert len({id_ for row in first for id_ in row["instruction_id_list"]}) == 10
