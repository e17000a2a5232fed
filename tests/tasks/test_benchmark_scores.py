"""Scores and prompts of our own against those of lm-eval and scikit-learn."""

from __future__ import annotations

import inspect
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from timing import seconds

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.harness import attach
from lm_eval_iberian.jsonl import read_jsonl
from lm_eval_iberian.paths import data, task_configs
from lm_eval_iberian.tasks import letters, matthews, paraphrases
from lm_eval_iberian.tasks import translation_scores as scores
from lm_eval_iberian.tasks.catalogue import read_config, shipped
from lm_eval_iberian.tasks.standard_errors import STDERR


LABELS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


def sentences() -> list[tuple[str, str]]:
    """(reference, translation) pairs: Spanish for Galician."""
    both = [
        [row["sentence"] for _, row in read_jsonl(data() / f"flores/mini/{x}.jsonl")]
        for x in ("es", "gl")
    ]
    return list(zip(*both, strict=True))


@pytest.mark.filterwarnings("ignore:A single label was found")
@settings(deadline=None)  # scikit-learn is imported in the first example
@given(LABELS)
def test_the_correlation_is_scikit_learn_s(items: list[tuple[bool, bool]]) -> None:
    from sklearn.metrics import matthews_corrcoef

    pairs = [(int(gold), int(said)) for gold, said in items]
    expected = matthews_corrcoef(*zip(*pairs, strict=True))
    assert matthews.mcc(pairs) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None)
@given(LABELS)
def test_its_standard_error_is_finite_and_always_the_same(
    items: list[tuple[bool, bool]],
) -> None:
    first, second = (matthews.mcc_stderr(items) for _ in range(2))
    assert 0 <= first == second <= 1


@pytest.mark.slow
def test_its_standard_error_is_upstream_s(monkeypatch: pytest.MonkeyPatch) -> None:
    from lm_eval.api import metrics

    monkeypatch.setenv("DISABLE_MULTIPROC", "1")
    pairs = [(i % 2, i % 2 if i % 5 else 1 - i % 2) for i in range(200)]
    theirs = metrics.bootstrap_stderr(metrics.matthews_corrcoef, pairs, 1_000)
    assert matthews.mcc_stderr(pairs) == pytest.approx(theirs, rel=0.1)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(scores.bleu, "bleu"), (scores.chrf_plus_plus, "chrfpp"), (scores.ter, "ter")],
)
@pytest.mark.slow
def test_translation_scores_are_upstream_s(
    ours: Any, theirs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lm_eval.api import metrics

    monkeypatch.setenv("DISABLE_MULTIPROC", "1")
    items = sentences()
    assert ours(items) == pytest.approx(getattr(metrics, theirs)(items), abs=1e-9)
    error = STDERR[ours](items)
    assert seconds(partial(STDERR[ours], items), 5) < 5
    resampled = metrics.bootstrap_stderr(getattr(metrics, theirs), items[:30], 100)
    assert STDERR[ours](items[:30]) == pytest.approx(resampled, rel=0.3)
    assert error == STDERR[ours](items)


@pytest.mark.parametrize("answer", ["", "\n", "...", "a" * 5_000])
def test_a_useless_translation_has_a_score(answer: str) -> None:
    items = [("Chove moito hoxe.", answer), ("Bo día.", answer)]
    assert scores.bleu(items) < 5
    assert scores.chrf_plus_plus(items) < 25
    assert scores.ter(items) >= 100
    for error in (scores.bleu_stderr, scores.chrf_plus_plus_stderr, scores.ter_stderr):
        assert error(items) >= 0


def test_sacrebleu_still_has_what_the_standard_errors_use() -> None:
    from sacrebleu.metrics.base import Metric

    name = "_extract_corpus_statistics"
    assert hasattr(Metric, name), f"adapt metrics_of_sums.py: no Metric.{name}"


def test_lm_eval_gives_our_standard_errors() -> None:
    from lm_eval.api.metrics import stderr_for_metric

    module = SimpleNamespace(stderr_for_metric=stderr_for_metric)
    attach.add_stderr(module)  # type: ignore[arg-type]
    for aggregation, error in STDERR.items():
        given = module.stderr_for_metric(aggregation, 100)
        assert inspect.unwrap(given) is error
        assert module.stderr_for_metric(aggregation, 0) is None


def test_every_aggregation_of_ours_has_a_standard_error() -> None:
    known = {function.__name__ for function in STDERR}
    for entry in shipped():
        if entry.kind == "task" and entry.path.parent.name in ("cola", "flores"):
            for metric in read_config(entry.path)["metric_list"]:
                name = metric["aggregation"].removeprefix("utils.")
                assert name == "mean" or name in known


def test_questions_are_worded_as_upstream_s() -> None:
    from lm_eval.tasks.eus_reading import utils as reading
    from lm_eval.tasks.eus_trivia import utils as trivia

    for family in ("eustrivia", "eusreading"):
        for _, doc in read_jsonl(data() / family / "mini" / "eu.jsonl"):
            assert letters.letters(doc) == trivia.doc_to_choice(doc)
            assert letters.question(doc) == trivia.doc_to_text(doc)
            if "context" in doc:
                theirs = reading.doc_to_text_context(doc)
                assert letters.question_on_passage(doc) == theirs


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_question_with_too_few_or_too_many_candidates_is_named(count: int) -> None:
    with pytest.raises(DataError, match=f"has {count} candidates: 'Zer\\?'"):
        letters.letters({"question": "Zer?", "candidates": ["x"] * count})


@given(st.text(alphabet="ab \"'.,;()n't", max_size=30))
def test_detokenizing_is_upstream_s(text: str) -> None:
    from lm_eval.utils import general_detokenize

    assert paraphrases.detokenize(text) == general_detokenize(text)


def test_paraphrases_are_prepared_as_upstream_does() -> None:
    rows = [
        {
            "Frase": "O can dorme .",
            "Paráfrase": "O can está a durmir.",
            "Avaliación": 2,
        },
        {"Frase": "Vai vento;", "Paráfrase": "Á noite vai vento.", "Avaliación": 0},
        {"Frase": "", "Paráfrase": "Nada.", "Avaliación": 0},
        {"Frase": "Algo.", "Paráfrase": None, "Avaliación": 1},
    ]
    found = list(paraphrases.process_docs(Dataset.from_list(rows)))
    assert [(r["Frase"], r["Paráfrase"], r["Avaliación"]) for r in found] == [
        ("O can dorme", "o can está a durmir.", 2),
        ("Vai vento", "á noite vai vento.", 0),
    ]


def test_upstream_s_task_is_still_broken() -> None:
    """When this fails, ``parafrases_gl`` can be referred to again."""
    import lm_eval.tasks

    path = Path(lm_eval.tasks.__file__).parent / "galician_bench" / "utils.py"
    assert "transformers.data.metrics" in path.read_text("utf-8")
    with pytest.raises(ImportError):
        __import__("transformers.data.metrics.squad_metrics")


def test_utils_of_a_folder_name_what_its_yamls_use() -> None:
    for folder in task_configs().iterdir():
        for path in folder.glob("*_yaml") if folder.is_dir() else ():
            module = (folder / "utils.py").read_text("utf-8")
            for line in path.read_text("utf-8").splitlines():
                if "!function utils." in line:
                    name = line.rpartition("utils.")[2].strip()
                    assert f'"{name}"' in inspect.cleandoc(module), (path, name)
