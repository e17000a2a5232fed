"""Methods are compared where they gain the same: known curves, seeds, refusals."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_frontiers import (
    FOLLOWING,
    KEEPING,
    LANGUAGE,
    STEADY,
    SampledSweep,
    followed,
    losses,
    right,
    two_curves,
)

from lm_eval_iberian.errors import DataError, IberianError, UnknownNameError
from lm_eval_iberian.frontier import (
    EqualGainRow,
    FrontierAsked,
    FrontierReport,
    as_frontier_csv,
    as_frontier_json,
    as_frontier_latex,
    as_frontier_markdown,
    compare_methods,
    read_frontier,
)
from lm_eval_iberian.report import score_name


def frontier(*folders: Path, **more: Any) -> FrontierReport:
    names = {"language": LANGUAGE, "following": FOLLOWING} | {
        key: more.pop(key) for key in ("language", "following") if key in more
    }
    given = {key: score_name(text) for key, text in names.items()}
    asked = FrontierAsked(**given, **{"resamples": 999} | more)
    return compare_methods(read_frontier(folders, asked))


def rows_of(report: FrontierReport) -> dict[float | None, EqualGainRow]:
    return {row.at: row for row in report.rows}


def test_curves_are_read_at_equal_gain(tmp_path: Path) -> None:
    two_curves(tmp_path)
    report = frontier(tmp_path)
    rows = rows_of(report)
    assert {(row.lang, row.a, row.b) for row in report.rows} == {
        ("gl", "linear", "ties")
    }
    assert list(rows) == [25.0, 50.0, 75.0, None]
    half = rows[50.0]
    assert (half.a_value, half.b_value) == pytest.approx((70, 80 - 40 / 3))
    assert half.difference == pytest.approx(80 - 40 / 3 - 70)
    quarter = rows[25.0]
    assert (quarter.a_value, quarter.b_value) == pytest.approx((80, 80))
    # linear falls by straight lines to 75 %, ties to 100 %: there and no further
    assert rows[None].over == pytest.approx((0, 75))
    area = (25 * 85 + 50 * (80 + 80 - 80 / 3) / 2) / 75
    assert rows[None].difference == pytest.approx(
        area - (50 * 80 + 25 * 60) / 75, abs=0.05
    )
    assert report.gains == {"gl": (40.0, 80.0)}
    assert report.instructs == {"gl": 90.0}
    assert half.found.low is not None
    assert half.found.high is not None
    assert half.found.low < half.difference < half.found.high  # type: ignore[operator]


def test_what_falls_again_is_read_where_it_rises(tmp_path: Path) -> None:
    two_curves(tmp_path / "sweep")
    without = frontier(tmp_path / "sweep", at=(50.0,))
    more = SampledSweep(tmp_path / "more")
    more.baselines()
    more.curve("linear", STEADY | {"2": (55, 0), "3": (40, 95)})
    more.curve("ties", KEEPING)
    found = frontier(tmp_path / "more", at=(50.0,))
    assert rows_of(found)[50.0] == rows_of(without)[50.0]
    (linear, _) = found.methods
    assert linear.reaches == (0, 75)
    assert linear.merges == 4
    assert linear.points[0][-2:] == (pytest.approx((37.5, 0)), (0, 95))


def test_the_interval_is_drawn_anew_from_the_items(tmp_path: Path) -> None:
    """By hand: draw the hundred items of both scores, read both curves again."""
    two_curves(tmp_path)
    row = rows_of(frontier(tmp_path, at=(50.0,), resamples=20_000))[50.0]
    rng = np.random.default_rng(7)
    found = []
    place = np.arange(100)
    for _ in range(4000):
        of_language, of_following = (
            np.bincount(rng.integers(100, size=100), minlength=100) for _ in "lf"
        )
        language = {n: of_language[place < n].sum() for n in (40, 50, 60, 70, 80)}
        follow = {n: of_following[place < n].sum() for n in (40, 50, 70, 80, 90)}
        base, whole = language[40], language[80] - language[40]
        share = {n: 100 * (score - base) / whole for n, score in language.items()}
        values = [
            np.interp(50, [share[n] for n in xs], [follow[n] for n in ys])
            for xs, ys in (((40, 60, 70), (90, 70, 50)), ((40, 50, 80), (90, 80, 40)))
        ]
        found.append(values[1] - values[0])
    low, high = np.percentile(found, [2.5, 97.5])
    assert row.found.stderr == pytest.approx(np.std(found), rel=0.05)
    assert row.found.low == pytest.approx(low, abs=0.5)
    assert row.found.high == pytest.approx(high, abs=0.5)


def test_equal_methods_do_not_differ(tmp_path: Path) -> None:
    sweep = SampledSweep(tmp_path)
    sweep.baselines()
    sweep.curve("linear", STEADY)
    sweep.curve("ties", STEADY)
    for row in frontier(tmp_path, at=(50.0,)).rows:
        assert row.difference == 0.0
        assert row.found.low is None
        assert "alike" in row.found.why


def test_beyond_a_curve_nothing_is_told(tmp_path: Path) -> None:
    two_curves(tmp_path)
    row = rows_of(frontier(tmp_path, at=(80.0,)))[80.0]
    assert row.difference is None
    assert row.found.low is None
    assert row.found.why == (
        "not reached by linear: linear 0 to 75 % of the expert's gain"
    )


def test_gains_of_a_perplexity_are_of_its_logarithm(tmp_path: Path) -> None:
    sweep = SampledSweep(tmp_path)
    for name, perplexity, share, more in (
        ("instruct", 64.0, 90, {}), ("expert-gl", 4.0, 10, {}),
        ("linear-gl-weight1", 16.0, 60, {"method": "linear", "weight": "1"}),
        ("linear-gl-weight2", 4.0, 20, {"method": "linear", "weight": "2"}),
        ("ties-gl-weight1", 8.0, 30, {"method": "ties", "weight": "1"}),
        ("ties-gl-weight2", 4.0, 20, {"method": "ties", "weight": "2"}),
    ):  # fmt: skip
        suites = {
            "loss": {"texts_gl": losses(perplexity)},
            "ifeval": {"iberian_ifeval_gl": followed(share)},
        }
        sweep.model(name, suites, **more)
    row = rows_of(frontier(tmp_path, language="texts_{lang}:byte_perplexity"))[50.0]
    # 64, 16, 4: two steps of the same size; 8 is at three quarters
    assert (row.a_value, row.b_value) == pytest.approx((60, 50))


def test_seeds_are_runs(tmp_path: Path) -> None:
    """The mean of what each seed has, by its own expert, and less certain."""
    pairs = {
        "one": (STEADY, KEEPING),
        "two": ({"0.5": (60, 50), "1": (70, 40)}, {"0.5": (60, 60), "1": (80, 40)}),
        "three": ({"0.5": (60, 75), "1": (70, 40)}, {"0.5": (60, 50), "1": (80, 40)}),
    }
    differences = []
    for name, (linear, ties) in pairs.items():
        sweep = SampledSweep(tmp_path / name / "sweep")
        sweep.baselines()
        sweep.curve("linear", linear)
        sweep.curve("ties", ties)
        row = rows_of(frontier(tmp_path / name, at=(50.0,)))[50.0]
        differences.append(row.difference)
    assert differences == pytest.approx([-10 / 3, 10, -25])
    report = frontier(tmp_path, at=(50.0,))
    together = rows_of(report)[50.0]
    assert report.seeds == 3
    assert together.difference == pytest.approx(np.mean(differences))
    error = np.std(differences, ddof=1) / np.sqrt(3)
    assert together.found.stderr == pytest.approx(error, rel=0.1)
    assert together.found.high is not None
    assert together.found.low is not None
    assert together.found.high - together.found.low > 2 * 3 * error
    assert len(report.methods[0].points) == 3
    assert "how 3 runs differ" in as_frontier_markdown(report)
    given = [tmp_path / name for name in pairs]
    assert rows_of(frontier(*given, at=(50.0,)))[50.0] == together


def test_runs_of_one_sweep_are_runs(tmp_path: Path) -> None:
    sweep = SampledSweep(tmp_path)
    points = {
        "instruct": ((40, 90), {}), "expert-gl": ((80, 10), {}),
        "linear-gl-weight1": ((60, 60), {"method": "linear", "weight": "1"}),
        "linear-gl-weight2": ((80, 40), {"method": "linear", "weight": "2"}),
        "ties-gl-weight1": ((60, 70), {"method": "ties", "weight": "1"}),
        "ties-gl-weight2": ((80, 40), {"method": "ties", "weight": "2"}),
    }  # fmt: skip
    for name, ((language, following), more) in points.items():
        by = 9 if name == "ties-gl-weight1" else 0
        runs = [
            {"iberian_ifeval_gl": followed(following + step * by)}
            for step in (-1, 0, 1)
        ]
        suites = {"choice": {"xstorycloze_gl": right(language)}, "ifeval": runs}
        sweep.model(name, suites, **more)
    report = frontier(tmp_path, at=(50.0,))
    row = rows_of(report)[50.0]
    assert report.seeds == 3
    assert row.difference == pytest.approx(10)
    assert row.found.stderr is not None
    assert row.found.stderr > 9 / np.sqrt(3)


def test_a_parameter_that_is_no_weight_does_not_begin_at_instruct(
    tmp_path: Path,
) -> None:
    sweep = two_curves(tmp_path)
    for density, pair in (("0.2", (50, 85)), ("0.9", (72, 60))):
        sweep.sampled(f"dare-gl-density{density}", pair, method="dare", density=density)
    report = frontier(tmp_path, at=(15.0, 50.0))
    dare = report.methods[2]
    assert dare.reaches == (25, 80)
    assert dare.merges == 2
    assert dare.at[0] is None
    assert dare.at[1] is not None


def test_others_are_held_against_a_baseline(tmp_path: Path) -> None:
    sweep = two_curves(tmp_path)
    sweep.curve("dare", {"0.5": (55, 60), "1": (75, 30)})
    report = frontier(tmp_path, at=(50.0,))
    assert [(r.a, r.b) for r in report.rows if r.at] == [
        ("linear", "ties"), ("linear", "dare"), ("ties", "dare"),
    ]  # fmt: skip
    # six tests: each p is adjusted among all
    for row in report.rows:
        assert row.found.p is not None
        assert row.p_holm is not None
        assert row.found.p <= row.p_holm <= 1
    assert report.tested == 6
    report = frontier(tmp_path, at=(50.0,), baseline="ties")
    assert [(r.a, r.b) for r in report.rows if r.at] == [
        ("ties", "linear"), ("ties", "dare"),
    ]  # fmt: skip
    report = frontier(tmp_path, at=(50.0,), only=("ties", "dare"))
    assert [(r.a, r.b) for r in report.rows if r.at] == [("ties", "dare")]
    with pytest.raises(UnknownNameError, match="Did you mean ties"):
        frontier(tmp_path, only=("tie",))


def test_series_of_one_method_are_told_apart(tmp_path: Path) -> None:
    sweep = SampledSweep(tmp_path)
    sweep.baselines()
    sweep.curve("ties", STEADY, density="0.2")
    sweep.curve("ties", KEEPING, density="0.8")
    names = {(row.a, row.b) for row in frontier(tmp_path).rows}
    assert names == {("ties density=0.2", "ties density=0.8")}


def test_few_points_and_single_merges_are_said(tmp_path: Path) -> None:
    sweep = two_curves(tmp_path)
    sweep.curve("dare", {"0.5": (60, 60)})
    notes = {(n.kind, n.about): n.text for n in frontier(tmp_path).notes}
    assert notes["few points", "gl: linear"].startswith("2 points")
    assert notes["not compared", "gl: dare"].startswith("one point: no curve")


def test_an_expert_without_a_template_says_where_the_gain_ends(tmp_path: Path) -> None:
    two_curves(tmp_path)
    results = next((tmp_path / "cells" / "expert-gl--choice-gl").glob("results_*"))
    content = json.loads(results.read_text("utf-8"))
    results.write_text(json.dumps(content | {"chat_template_sha": "abc"}), "utf-8")
    notes = [n for n in frontier(tmp_path).notes if n.kind == "mixed"]
    assert [n.about for n in notes] == ["expert-gl"]
    assert "chat template" in notes[0].text
    results = next(
        (tmp_path / "cells" / "ties-gl-weight1--choice-gl").glob("results_*")
    )
    content = json.loads(results.read_text("utf-8"))
    results.write_text(json.dumps(content | {"chat_template_sha": "abc"}), "utf-8")
    with pytest.raises(DataError, match=r"chat template .*ties-gl-weight1: xstory"):
        frontier(tmp_path)
    notes = [n for n in frontier(tmp_path, allow_mixed=True).notes if n.kind == "mixed"]
    assert "ties-gl-weight1" in notes[0].about


def one_point(folder: Path) -> None:
    sweep = SampledSweep(folder)
    sweep.baselines()
    sweep.curve("linear", {"0.5": (60, 70)})
    sweep.curve("ties", {"0.5": (50, 80)})


def without_samples(folder: Path) -> None:
    two_curves(folder, samples=False)


def with_a_gap(folder: Path) -> SampledSweep:
    sweep = two_curves(folder)
    sweep.curve("linear", {"2": None})
    return sweep


def without_expert(folder: Path) -> None:
    sweep = SampledSweep(folder)
    sweep.sampled("instruct", (40, 90))
    sweep.curve("linear", STEADY)
    sweep.curve("ties", KEEPING)


def without_instruct(folder: Path) -> None:
    sweep = SampledSweep(folder)
    sweep.sampled("expert-gl", (80, 10))
    sweep.curve("linear", STEADY)
    sweep.curve("ties", KEEPING)


def with_a_poor_expert(folder: Path) -> None:
    sweep = SampledSweep(folder)
    sweep.baselines(expert=(40, 10))
    sweep.curve("linear", STEADY)
    sweep.curve("ties", KEEPING)


def with_other_items(folder: Path) -> None:
    two_curves(folder)
    for file in (folder / "cells" / "ties-gl-weight1--ifeval-gl").iterdir():
        text = file.read_text("utf-8")
        file.write_text(text.replace('"doc_hash": "7', '"doc_hash": "x'), "utf-8")


def nothing(folder: Path) -> None:
    folder.mkdir()


def without_results(folder: Path) -> None:
    sweep = SampledSweep(folder)
    sweep.sampled("instruct", None)


@dataclass(frozen=True)
class Refused:
    why: str
    make: Callable[[Path], object]
    said: str
    more: dict[str, Any]


REFUSED = [
    Refused("one point each", one_point, "no two methods have a curve in a language"
            " .*linear, one point.*sweep a weight of two methods", {}),
    Refused("no samples", without_samples, "has no items of xstorycloze_gl to draw:"
            " .*--log_samples", {}),
    Refused("a cell is missing", with_a_gap, "1 of 3 points lack a score: linear"
            " weight=2: no result of .*linear-gl-weight2--choice-gl.*--keep-going", {}),
    Refused("no expert", without_expert, "of expert it has none", {}),
    Refused("no instructed model", without_instruct, "of instruct it has none", {}),
    Refused("no gain", with_a_poor_expert, "the expert of gl gains nothing", {}),
    Refused("other items", with_other_items, "not of the same items in all", {}),
    Refused("no sweep", nothing, "holds no sweep: no sweep.json", {}),
    Refused("no result", without_results, "no cell of the sweep has a result", {}),
    Refused("gain 0", two_curves, "greater than 0, found 0", {"at": (0.0,)}),
    Refused("no number", two_curves, "found nan", {"at": (float("nan"),)}),
    Refused("no score", two_curves, "Unknown score", {"language": "nowhere"}),
    Refused("no method", two_curves, "Unknown method .*linaer", {"baseline": "linaer"}),
    Refused("no parameter", two_curves, "Unknown parameter", {"swept": "wight"}),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.why)
def test_what_cannot_be_compared_is_said(case: Refused, tmp_path: Path) -> None:
    case.make(tmp_path / "sweep")
    with pytest.raises(IberianError, match=case.said):
        frontier(tmp_path / "sweep", **case.more)


def test_who_goes_on_without_points_is_told(tmp_path: Path) -> None:
    with_a_gap(tmp_path)
    report = frontier(tmp_path, keep_going=True)
    notes = {(n.kind, n.about): n.text for n in report.notes}
    assert "1 of 3 points lack a score" in notes["incomplete", "gl: linear"]
    assert report.methods[0].merges == 2


def test_methods_that_not_all_seeds_have_are_left_out(tmp_path: Path) -> None:
    two_curves(tmp_path / "one").curve("dare", STEADY)
    two_curves(tmp_path / "two")
    report = frontier(tmp_path, at=(50.0,))
    assert {row.b for row in report.rows} == {"ties"}
    assert [n.text for n in report.notes if n.kind == "not compared"] == [
        "not all sweeps have it: dare"
    ]


def test_the_same_sweep_twice_is_one(tmp_path: Path) -> None:
    two_curves(tmp_path)
    assert frontier(tmp_path, tmp_path).seeds == 1


def test_every_format_has_it(tmp_path: Path) -> None:
    sweep = two_curves(tmp_path)
    sweep.curve("a_b", {"0.5": (60, 20), "1": (70, 10)})
    report = frontier(tmp_path, at=(50.0, 90.0))
    text = as_frontier_markdown(report)
    line = next(x for x in text.splitlines() if x.startswith("| ties against linear "))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[1:4] == ["50 %", "70.00", "66.67"]
    assert cells[4].startswith("-3.33 [")
    assert "| a_b against linear " in text
    assert "**-50.00 [" in text
    assert "not reached by linear" in text
    latex = as_frontier_latex(report)
    assert latex.count(r"\begin{tabular}") == 2
    assert r"a\_b against linear & 50\,\% & 70.00 & 20.00 & \textbf{$-$50.00" in latex
    content = json.loads(as_frontier_json(report))
    rows = {(r["a"], r["b"], r["gain"]): r for r in content["comparisons"]}
    assert rows["linear", "ties", 50.0]["difference"] == pytest.approx(-10 / 3)
    assert rows["linear", "ties", 90.0]["difference"] is None
    assert rows["linear", "ties", "mean"]["to"] == 75
    assert content["family"] == report.tested
    table = list(csv.DictReader(io.StringIO(as_frontier_csv(report))))
    assert len(table) == len(report.rows)
    assert table[0]["ci95_low"] == str(rows["linear", "ties", 50.0]["ci95"][0])
    assert table[1]["difference"] == ""


def test_reading_leaves_the_sweep_as_it_was(tmp_path: Path) -> None:
    two_curves(tmp_path / "sweep")
    shutil.copytree(tmp_path / "sweep", tmp_path / "before")
    frontier(tmp_path / "sweep")
    for path in (tmp_path / "before").rglob("*"):
        twin = tmp_path / "sweep" / path.relative_to(tmp_path / "before")
        assert path.is_dir() or path.read_bytes() == twin.read_bytes()
