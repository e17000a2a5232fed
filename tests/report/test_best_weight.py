"""Which merges are a series, and which of its points is the best."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from made_sweeps import MadeSweep, following, galician, two_methods

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.report import (
    BestRule,
    ScoreName,
    SweepReport,
    SweepView,
    build_report,
    find_sweeps,
    load_catalogue,
    report_sweep,
)
from lm_eval_iberian.report.sweep_results import SweptModel
from lm_eval_iberian.report.swept_series import series_of


def reported(folder: Path, **view: Any) -> SweepReport:
    (sweep,) = find_sweeps([folder], load_catalogue(), {})
    return report_sweep(sweep, build_report([folder], needed=False), SweepView(**view))


def best(report: SweepReport) -> dict[str, Any]:
    return {f"{one.lang} {one.series.name}": one for one in report.best}


def merge(method: str, langs: str = "gl", **values: str) -> SweptModel:
    name = f"{method}-{langs}-{values}"
    return SweptModel(
        name, "merge", tuple(langs.split("+")), method, values, name, ()
    )  # fmt: skip


SERIES = [
    (
        "the weight is swept, and the density tells series apart",
        [{"weight": w, "density": d} for d in ("0.5", "0.9") for w in ("1", "0.25")],
        "",
        [("weight", {"density": d}, (0.25, 1.0)) for d in ("0.5", "0.9")],
    ),
    (
        "what is asked for is swept",
        [{"weight": w, "density": d} for w in ("1", "2") for d in ("0.5", "0.9")],
        "density",
        [("density", {"weight": w}, (0.5, 0.9)) for w in ("1", "2")],
    ),
    (
        "a weight of one value is no sweep where another number has several",
        [{"weight": "1", "density": d} for d in ("0.5", "0.9")],
        "",
        [("density", {"weight": "1"}, (0.5, 0.9))],
    ),
    (
        "seeds are repetitions",
        [{"weight": "1", "seed": s} for s in ("1", "2")],
        "",
        [("weight", {"seed": s}, (1.0,)) for s in ("1", "2")],
    ),
    (
        "a name has no place on an axis",
        [{"embeddings": e} for e in ("language", "task")],
        "",
        [("", {"embeddings": e}, (None,)) for e in ("language", "task")],
    ),
    (
        "a merge that sets nothing more is a series beside those that do",
        [{"weight": "1"}, {"weight": "2"}, {"weight": "1", "special_tokens": "base"}],
        "",
        [("weight", {}, (1.0, 2.0)), ("weight", {"special_tokens": "base"}, (1.0,))],
    ),
    (
        "of one model's weight and another's, the first that varies",
        [{"weight.eu": "1", "weight.gl": w} for w in ("1", "2")],
        "",
        [("weight.gl", {"weight.eu": "1"}, (1.0, 2.0))],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("why", "values", "swept", "expected"), SERIES)
def test_series(why: str, values: Any, swept: str, expected: Any) -> None:
    found = series_of([merge("m", **one) for one in values], swept)
    assert [
        (one.parameter, dict(one.settings), tuple(value for value, _ in one.points))
        for one in found
    ] == expected


def test_series_are_of_one_method_and_the_same_languages() -> None:
    merges = [merge(m, langs, weight="1") for m in "ab" for langs in ("eu", "eu+gl")]
    assert len(series_of(merges)) == 4
    with pytest.raises(UnknownNameError, match="Did you mean weight"):
        series_of(merges, "wieght")


@pytest.mark.parametrize(
    ("rule", "linear", "arithmetic"),
    [
        ("mean", (0.5, (1.0,)), (0.25, ())),
        ("language", (1.0, ()), (1.0, ())),
        ("following", (0.25, (0.5,)), (0.25, ())),
        ("keep=0.5", (1.0, ()), (0.5, ())),
        ("keep=0.6", (0.5, ()), (0.5, ())),
        ("keep=1", (None, ()), (0.25, ())),
    ],
)
def test_the_best_point(
    tmp_path: Path, rule: str, linear: Any, arithmetic: Any
) -> None:
    two_methods(tmp_path / "sweep")
    found = best(reported(tmp_path / "sweep", rule=BestRule(rule)))
    assert {name: (one.value, one.ties) for name, one in found.items()} == {
        "gl linear": linear, "gl fused_task_arithmetic": arithmetic,
    }  # fmt: skip


def test_where_no_point_keeps_enough_there_is_no_best(tmp_path: Path) -> None:
    two_methods(tmp_path / "sweep")
    report = reported(tmp_path / "sweep", rule=BestRule("keep=1"))
    texts = {note.about: note.text for note in report.notes}
    assert texts["gl: linear"] == (
        "no point that was compared has at least 100 % of the instructed model's IFEval"
    )
    assert "gl: linear weight=0.5" not in report.tables[1].rows


def test_a_rule_that_is_none_is_named() -> None:
    for text in ("best", "keep=2", "keep=x", "keep=", "keep=nan"):
        with pytest.raises(UnknownNameError, match="Available: following, keep=SHARE"):
            BestRule(text)


def test_both_scores_and_the_rule_stand_in_the_table(tmp_path: Path) -> None:
    two_methods(tmp_path / "sweep")
    table = reported(tmp_path / "sweep").tables[0]
    assert table.title == "Best weight by method and language"
    assert table.columns == (
        "best", "mean", "the language's average", "IFEval", "compared",
    )  # fmt: skip
    row = table.rows["gl: linear"]
    assert [one.text or (one.measure and one.measure.value) for one in row] == [
        "weight 0.5 (as good: 1)", 50.0, 50.0, 50.0, "4 of 4",
    ]  # fmt: skip
    assert table.foot[0] == (
        "best: the highest mean of the language's average and IFEval"
    )
    assert table.foot[1].startswith("chosen on these very results")


def test_a_point_without_a_result_is_named_and_not_compared(tmp_path: Path) -> None:
    two_methods(tmp_path / "sweep")
    report = reported(tmp_path / "sweep")
    one = best(report)["gl fused_task_arithmetic"]
    assert (one.compared, len(one.series.points)) == (3, 4)
    cells = [f"fused_task_arithmetic-gl-weight2--{s}-gl" for s in ("choice", "ifeval")]
    assert one.without == (
        f"fused_task_arithmetic weight=2: no result of {', '.join(cells)}",
    )
    texts = [note.text for note in report.notes]
    assert f"2 of 24 cells have no result: {', '.join(cells)}" in texts
    assert any(one.without[0] in text for text in texts)


def test_half_an_average_is_none(tmp_path: Path) -> None:
    sweep = MadeSweep(tmp_path / "sweep")
    sweep.merges("linear", {"0.5": (0.5, 0.5)})
    half = {"choice": {"iberian_belebele_gl": 1.0}, "ifeval": following("gl", 1.0)}
    sweep.model("linear-gl-weight1", half, method="linear", weight="1")
    one = best(reported(tmp_path / "sweep"))["gl linear"]
    assert one.value == 0.5
    assert one.without == (
        "linear weight=1: GL lacks XStoryCloze, GalCoLA, OpenBookQA, Parafrases",
    )


def test_what_is_kept_needs_the_instructed_model(tmp_path: Path) -> None:
    sweep = MadeSweep(tmp_path / "sweep")
    sweep.merges("linear", {"0.5": (0.5, 0.5), "1": (0.5, 0.25)})
    found = best(reported(tmp_path / "sweep", rule=BestRule("keep=0.5")))["gl linear"]
    assert found.value is None
    assert found.without == (
        "--best-by keep=0.5: instruct is none of the sweep's baselines",
    )
    waiting = {"choice": galician(0.5), "ifeval": None}
    sweep.model("instruct", waiting)
    found = best(reported(tmp_path / "sweep", rule=BestRule("keep=0.5")))["gl linear"]
    assert found.without == ("instruct: no result of instruct--ifeval-gl",)


def test_no_mean_of_a_share_and_a_perplexity(tmp_path: Path) -> None:
    sweep = MadeSweep(tmp_path / "sweep")
    for weight, perplexity in (("0.5", 30.0), ("1", 20.0)):
        tasks = {"own_text_gl": {"byte_perplexity,none": perplexity}}
        suites = {"text": tasks, "ifeval": following("gl", 0.5)}
        name = f"linear-gl-weight{weight}"
        sweep.model(name, suites, method="linear", weight=weight)
    language = ScoreName("own_text_{lang}:byte_perplexity")
    with pytest.raises(DataError, match="have no mean; choose another --best-by: lang"):
        reported(tmp_path / "sweep", rule=BestRule("mean", language))
    # less of it is better
    rule = BestRule("language", language)
    assert best(reported(tmp_path / "sweep", rule=rule))["gl linear"].value == 1.0
