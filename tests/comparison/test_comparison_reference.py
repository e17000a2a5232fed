"""Real results of real models: what is known of them, and how long it takes."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from lm_eval_iberian.cli import main
from lm_eval_iberian.comparison import (
    Comparer,
    compare_all,
    subjects_of,
)
from lm_eval_iberian.comparison.sample_items import document_of, read_items
from lm_eval_iberian.report import Report, build_report


LLAMA = "meta-llama/Llama-3.1-8B"
GEMMA = "google/gemma-2-9b"


@pytest.fixture(scope="module")
def report(cpt_ift: Path) -> Report:
    return build_report([cpt_ift])


@pytest.fixture(scope="module")
def comparer(report: Report) -> Comparer:
    return Comparer(subjects_of(report), report.catalogue)


def test_gemma_loses_80_stories_and_gains_151(comparer: Comparer) -> None:
    row = comparer.compare(LLAMA, GEMMA, "xstorycloze_eu")
    assert row is not None
    found = row.difference
    assert (found.lost, found.gained) == (80, 151)
    assert found.a_value == pytest.approx(55.46, abs=0.005)
    assert found.difference == pytest.approx(100 * (151 - 80) / 1511)
    assert (found.n, found.clusters, found.paired) == (1511, 1511, True)
    # McNemar's, with the variance of paired differences
    assert 2.5 < found.low < found.difference < found.high < 6.9  # type: ignore[operator]
    assert found.correlation is not None
    assert 0.5 < found.correlation < 0.9


def test_turned_round_it_is_the_same_comparison(comparer: Comparer) -> None:
    one = comparer.compare(LLAMA, GEMMA, "xstorycloze_eu")
    other = comparer.compare(GEMMA, LLAMA, "xstorycloze_eu")
    assert one is not None
    assert other is not None
    assert other.difference.difference == pytest.approx(-one.difference.difference)
    assert (other.difference.gained, other.difference.lost) == (80, 151)
    assert other.difference.p == pytest.approx(one.difference.p)


def test_what_has_no_samples_is_not_paired_and_says_so(comparer: Comparer) -> None:
    row = comparer.compare(LLAMA, GEMMA, "belebele_eu")
    assert row is not None
    assert not row.difference.paired
    assert row.difference.method == "stored"
    assert row.difference.low is not None
    assert row.difference.gained is None
    assert "no samples lie beside the results" in row.note


def test_of_29_exams_two_have_samples_which_is_not_enough(comparer: Comparer) -> None:
    row = comparer.compare(LLAMA, GEMMA, "eus_exams_eu")
    assert row is not None
    assert not row.difference.paired
    assert row.difference.n == 15_724


def test_a_document_s_hash_is_had_of_its_content_too(report: Report) -> None:
    """As long as doc_hash is lm-eval's, samples with and without it pair."""
    cell = report.models[GEMMA].cells["xstorycloze_eu"]
    found = read_items(cell.results[0], cell.benchmark, report.catalogue)
    assert isinstance(found, tuple)
    for item in found[0]:
        bare = {k: v for k, v in item.sample.items() if k != "doc_hash"}
        assert document_of(bare, "") == item.sample["doc_hash"] == item.key


def test_equal_questions_of_an_exam_are_one_cluster(report: Report) -> None:
    cell = report.models[GEMMA].cells["eus_exams_eu"]
    of = {result.setting.task: result for result in cell.results}
    result = of["eus_exams_eu_opegasteizkoudala"]
    found = read_items(result, cell.benchmark, report.catalogue)
    assert isinstance(found, tuple)
    assert len(found[0]) == 360
    assert len({item.cluster for item in found[0]}) == 276


def test_every_model_is_compared_in_the_tables_order(comparer: Comparer) -> None:
    report = compare_all(comparer, LLAMA)
    assert len(report.rows) == 18
    assert [row.benchmark for row in report.rows[:6]] == [
        "belebele_eu", "xstorycloze_eu", "eus_reading", "eus_proficiency", "eus_trivia",
        "eus_exams_eu",
    ]  # fmt: skip
    # of a family of 18 none is smaller than its own p
    for row in report.rows:
        assert row.p_holm is not None
        assert row.difference.p is not None
        assert row.p_holm >= row.difference.p


@pytest.mark.parametrize("form", ["md", "csv", "latex", "json"])
def test_hundreds_of_results_take_seconds(reference: Path, form: str) -> None:
    folder = reference / "hitz_results"
    if not folder.is_dir():
        pytest.skip(f"NO REFERENCE DATA: {folder} is absent")
    start = time.perf_counter()
    result = CliRunner().invoke(
        main,
        [
            "compare",
            str(folder),
            "--baseline",
            LLAMA,
            "--allow-mixed",
            "--format",
            form,
        ],
    )
    assert result.exit_code == 0, result.output
    assert time.perf_counter() - start < 10
    if form == "json":
        rows = json.loads(result.stdout)["comparisons"]
        assert {row["paired"] for row in rows} == {False}
        assert {row["method"] for row in rows} == {"stored"}
        averages = {row["benchmark"]: row for row in rows if row["level"] == "average"}
        assert averages["EU"]["a_value"] == pytest.approx(47.36, abs=0.005)


def test_other_settings_are_refused_with_every_benchmark(reference: Path) -> None:
    folder = reference / "hitz_results"
    if not folder.is_dir():
        pytest.skip(f"NO REFERENCE DATA: {folder} is absent")
    arguments = ["compare", str(folder), "--baseline", LLAMA]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert "chat template yes, not none" in result.stderr
    for name in ("belebele_eu", "eus_exams_eu", "bertaqa_en", "xstorycloze_es"):
        assert name in result.stderr
    assert "Latxa" not in result.stderr  # it was evaluated alike
    assert "--allow-mixed" in result.stderr
