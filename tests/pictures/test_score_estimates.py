"""How certain scores are: by the items where there are any, by stored errors if not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_sweeps import MadeSweep, galician, two_methods

from lm_eval_iberian.comparison import Comparer, subjects_of
from lm_eval_iberian.pictures.score_estimates import ScoreEstimates, stored_estimate
from lm_eval_iberian.report import (
    BestRule,
    SweepReport,
    SweepView,
    build_report,
    find_sweeps,
    load_catalogue,
    report_sweep,
    score_name,
)
from lm_eval_iberian.report.measure import Measure


TASK, METRIC = "followed_here", "prompt_level_strict_acc"


def with_samples(place: Path, right: list[bool]) -> None:
    """Give a cell's task samples, of which these are right."""
    (path,) = place.glob("results_*.json")
    content = json.loads(path.read_text("utf-8"))
    content["n-samples"][TASK] = {"original": len(right), "effective": len(right)}
    path.write_text(json.dumps(content), "utf-8")
    stamp = path.stem.removeprefix("results_")
    rows = [
        {
            "doc_id": i, "doc_hash": f"hash{i}", "doc": {"prompt": f"p{i}"},
            "filter": "none", METRIC: one,
        }
        for i, one in enumerate(right)
    ]  # fmt: skip
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (place / f"samples_{TASK}_{stamp}.jsonl").write_text(text, "utf-8")


def reported(folder: Path) -> tuple[Comparer, SweepReport]:
    catalogue = load_catalogue()
    (sweep,) = find_sweeps([folder], catalogue, {})
    report = build_report([folder])
    rule = BestRule("mean", following=score_name(f"{TASK}:{METRIC}"))
    found = report_sweep(sweep, report, SweepView(rule))
    return Comparer(subjects_of(report), catalogue), found


def test_any_task_that_tells_the_best_point_is_compared_item_by_item(
    tmp_path: Path,
) -> None:
    sweep = MadeSweep(tmp_path)
    answers = {
        "instruct": [True] * 8 + [False] * 2,
        "linear-gl-weight0.5": [False] * 2 + [True] * 7 + [False],
    }
    for name, right in answers.items():
        told = {f"{METRIC},none": sum(right) / 10, f"{METRIC}_stderr,none": 0.1}
        suites = {"choice": galician(0.5), "own": {TASK: told}}
        if name == "instruct":
            sweep.model(name, suites)
        else:
            sweep.model(name, suites, method="linear", weight="0.5")
        with_samples(tmp_path / "cells" / f"{name}--own-gl", right)
    comparer, report = reported(tmp_path)
    estimates = ScoreEstimates(comparer, report)
    measures = Measure(80.0, 10.0), Measure(70.0, 10.0)
    names = ("instruct", "linear-gl-weight0.5")
    found = estimates.difference(names, f"{TASK}:{METRIC}", measures)
    assert found is not None
    assert (found.difference, found.gained, found.lost) == (-10, 1, 2)
    assert found.paired
    one = estimates.estimate("instruct", f"{TASK}:{METRIC}", measures[0])
    assert one is not None
    assert (one.value, one.n) == (80, 10)
    # another's value is not this one's
    other = estimates.estimate("instruct", f"{TASK}:{METRIC}", Measure(20.0, 1.0))
    assert other is not None
    assert (other.value, other.method) == (20, "stored")
    without = ScoreEstimates(None, report)
    stored = without.difference(names, f"{TASK}:{METRIC}", measures)
    assert stored is not None
    assert not stored.paired


def test_a_score_that_is_not_there_has_no_interval(tmp_path: Path) -> None:
    two_methods(tmp_path)
    estimates = ScoreEstimates(None)
    assert estimates.estimate("instruct", "GL", None) is None
    assert estimates.difference(("a", "b"), "GL", (Measure(1.0), None)) is None


@pytest.mark.parametrize(
    ("measure", "low", "high", "why"),
    [
        (Measure(50.0, 2.0), 46.08, 53.92, "the normal distribution's"),
        (Measure(50.0, None, 3.0, (47.0, 50.0, 53.0)), 42.55, 57.45, "t of 3 runs"),
        (Measure(50.0), None, None, "no error was stored"),
        (Measure(0.0, 0.0), None, None, "an error of 0 tells nothing"),
    ],
)
def test_stored_errors_give_intervals(
    measure: Measure, low: float | None, high: float | None, why: str
) -> None:
    found = stored_estimate(measure)
    assert found.value == measure.value
    if low is None:
        assert (found.low, found.high) == (None, None), why
        assert found.why, why
    else:
        assert (found.low, found.high) == pytest.approx((low, high), abs=0.01), why
