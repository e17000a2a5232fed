"""The tables, notes and data of a sweep, from its files alone."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from made_sweeps import MadeSweep, following, galician, two_methods
from test_best_weight import reported

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.report import (
    ScoreName,
    build_report,
    figure_data,
    score_name,
    written,
)
from lm_eval_iberian.report.table_entries import Table


GOLDEN = Path(__file__).parent / "golden"


def values(table: Table) -> dict[str, list[Any]]:
    return {
        name: [one.measure and round(one.measure.value, 2) for one in row]
        for name, row in table.rows.items()
    }


def test_the_golden_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    two_methods(Path("sweep"))
    sweep, report = reported(Path("sweep")), build_report([Path("sweep")])
    text = written(report, "md", [sweep])
    assert text == (GOLDEN / "sweep.md").read_text("utf-8")
    latex = written(report, "latex", [sweep])
    assert latex.count("\\begin{table}") == text.count("\n## ")  # but for the notes
    data = figure_data([sweep], Path("figure.csv"))
    assert data == (GOLDEN / "figure.csv").read_text("utf-8")


def test_merges_of_several_experts_have_a_row_for_each_language(tmp_path: Path) -> None:
    sweep = MadeSweep(tmp_path / "sweep")
    for method, share in (("dare_ties", 0.5), ("linear", 0.25)):
        suites = {
            "choice@gl": galician(share),
            "ifeval@gl": following("gl", share / 2),
            "ifeval@eu": following("eu", share * 2),
        }
        languages = ("eu", "gl")
        sweep.model(f"{method}-eu+gl", suites, method=method, languages=languages)
    (table,) = reported(tmp_path / "sweep").tables
    assert table.title == (
        "Table 6: merges with several experts, by language and method"
    )
    assert table.columns == ("average", "IFEval", "stops")
    assert values(table) == {
        "eu: linear": [None, 50, 100], "eu: dare_ties": [None, 100, 100],
        "gl: linear": [25, 12.5, 100], "gl: dare_ties": [50, 25, 100],
    }  # fmt: skip
    # the best of a language, not of all
    assert [row[1].best for row in table.rows.values()] == [False, True, False, True]


def test_a_merge_of_another_method_is_in_a_table_without_a_number(
    tmp_path: Path,
) -> None:
    sweep = MadeSweep(tmp_path / "sweep")
    suites = {"ifeval": following("gl", 0.5)}
    sweep.model("layer_swap-gl-top4", suites, method="layer_swap", top="4")
    titles = [table.title for table in reported(tmp_path / "sweep").tables]
    assert titles == ["Merges by other methods, by language"]


def test_runs_are_a_mean_with_its_spread(tmp_path: Path) -> None:
    sweep = MadeSweep(tmp_path / "sweep")
    runs = [following("gl", share) for share in (0.25, 0.5, 0.75)]
    for weight in ("0.5", "1"):
        name = f"linear-gl-weight{weight}"
        suites = {"ifeval": runs, "choice": galician(0.5)}
        sweep.model(name, suites, method="linear", weight=weight)
    table = reported(tmp_path / "sweep").tables[0]
    measure = table.rows["gl: linear"][3].measure
    assert measure is not None
    assert table.written(measure) == "50.00 ± 25.00 (3)"


def test_a_mean_lacks_no_run(tmp_path: Path) -> None:
    """Two of three runs are no value; which is missing, is said."""
    sweep = MadeSweep(tmp_path / "sweep")
    some = [following("gl", 0.25), None, following("gl", 0.75)]
    own = {"own_task": {"acc,none": 0.5}}
    suites = {"ifeval": some, "own": [own, None], "choice": galician(0.5)}
    sweep.model("linear-gl", suites, method="linear", weight="1")
    columns = tuple(map(score_name, ("IFEval {LANG}", "own_task:acc", "{LANG}")))
    report = reported(tmp_path / "sweep", columns=columns)
    assert values(report.tables[0]) == {"gl: linear weight=1": [50.0]}
    (curve,) = report.curves
    assert curve.following.measure is None
    assert curve.following.why == "2 of 3 runs have a result"
    assert curve.following.lacking == ("linear-gl--ifeval-gl--run1",)


def test_any_number_that_lm_eval_wrote_can_be_a_column(tmp_path: Path) -> None:
    sweep = MadeSweep(tmp_path / "sweep")
    row = {"byte_perplexity,none": 12.5, "prompt_level_strict_acc,none": 0.5}
    suites = {"own@all": {"own_gl": row, "ifeval_eu_mini": following("eu", 0.25)[
        "iberian_ifeval_eu"
    ]}}  # fmt: skip
    sweep.model("linear-gl", suites, method="linear", weight="1")
    names = (
        "own_{lang}:byte_perplexity=perplexity", "own_gl:prompt_level_strict_acc",
        "ifeval_eu_mini", "ifeval_eu_mini:stop_rate=stops",
    )  # fmt: skip
    columns = tuple(map(score_name, names))
    (table,) = reported(tmp_path / "sweep", columns=columns).tables
    # these are not the paper's columns
    assert table.title == "Merges with one expert, by language and method"
    assert table.columns == ("perplexity", names[1], names[2], "stops")
    assert values(table) == {"gl: linear weight=1": [12.5, 50, 25, 100]}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("IFEval {lang}", "Did you mean IFEval GL"),
        ("own_glx:acc", "task of the sweep 'own_glx'. Did you mean own_gl"),
        ("own_gl:acccc", "metric 'acccc'. Did you mean acc"),
        ("ifeval_gl:acc", "metric of ifeval_gl 'acc'"),
    ],
)
def test_a_score_that_does_not_exist_is_named(
    tmp_path: Path, name: str, text: str
) -> None:
    sweep = MadeSweep(tmp_path / "sweep")
    suites = {"own": {"own_gl": 0.5}}
    sweep.model("linear-gl", suites, method="linear", weight="1")
    with pytest.raises(UnknownNameError, match=text):
        reported(tmp_path / "sweep", columns=(ScoreName(name),))


def test_a_task_of_two_suites_is_no_number(tmp_path: Path) -> None:
    sweep = MadeSweep(tmp_path / "sweep")
    suites = {"zero": {"own_gl": 0.5}, "five": {"own_gl": 0.25}}
    sweep.model("linear-gl", suites, method="linear", weight="1")
    with pytest.raises(DataError, match=r"several suites of .*, five-gl, zero-gl"):
        reported(tmp_path / "sweep", columns=(ScoreName("own_gl:acc"),))


def test_a_baseline_by_its_id_on_the_hub_is_found(tmp_path: Path) -> None:
    sweep = MadeSweep(tmp_path / "sweep")
    suites = {"choice": galician(0.5), "ifeval": following("gl", 0.75)}
    sweep.model("instruct", suites, called="org/Instruct")
    sweep.merges("linear", {"1": (0.5, 0.5)})
    (table,) = reported(tmp_path / "sweep").tables
    assert values(table)["gl: instruct"] == [50, 75, 100]


def test_every_point_can_be_in_the_tables(tmp_path: Path) -> None:
    two_methods(tmp_path / "sweep")
    table = reported(tmp_path / "sweep", points="all").tables[1]
    merges = [name for name in table.rows if "weight" in name]
    assert len(merges) == 8
    assert not [sentence for sentence in table.foot if "chosen" in sentence]


def test_the_data_of_the_curves(tmp_path: Path) -> None:
    two_methods(tmp_path / "sweep")
    report = reported(tmp_path / "sweep")
    rows = list(csv.DictReader(io.StringIO(figure_data([report], Path("a.csv")))))
    # of three baselines, four points of two methods and a merge alone, two scores each
    assert len(rows) == 2 * (3 + 8 + 1)
    assert {row["model"] for row in rows if not row["x"]} == {
        "base", "instruct", "expert-gl", "nearswap-gl-t0.5",
    }  # fmt: skip
    missing = [row for row in rows if row["missing"]]
    assert [(row["x"], row["value"], row["runs"]) for row in missing] == [
        ("2.0", "", ""), ("2.0", "", ""),
    ]  # fmt: skip
    found = json.loads(figure_data([report], Path("a.json")))
    assert len(found) == len(rows)
    with pytest.raises(UnknownNameError, match="Available: csv, json"):
        figure_data([report], Path("a.xlsx"))


def test_json_has_all_of_it(tmp_path: Path) -> None:
    two_methods(tmp_path / "sweep")
    sweep, report = (
        reported(tmp_path / "sweep"),
        build_report([tmp_path / "sweep"]),
    )
    (found,) = json.loads(written(report, "json", [sweep]))["sweeps"]
    assert found["cells"] == 24
    assert len(found["missing"]) == 2
    assert found["best_by"]["rule"] == "mean"
    linear = found["best"][0]
    assert (linear["best"], linear["as_good"]) == (0.5, [1.0])
    assert (linear["language"]["value"], linear["following"]["value"]) == (50, 50)
    assert [table["title"][:7] for table in found["tables"]] == [
        "Best we", "Table 5", "Table 8",
    ]  # fmt: skip
