"""What the tables of the paper are of, as their description says it."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_results import Results, everything
from made_sweeps import MadeSweep, following, galician
from made_tables import column, made_tables, marks

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.paper_tables.described_table import described_tables
from lm_eval_iberian.report import build_report, find_sweeps, load_catalogue
from lm_eval_iberian.report.sweep_report import SweepReport, report_sweep


def swept(folder: Path) -> list[SweepReport]:
    (sweep,) = find_sweeps([folder], load_catalogue(), {})
    return [report_sweep(sweep, build_report([folder]))]


def test_every_table_of_the_paper_is_there_for_models_with_everything(
    results: Results,
) -> None:
    for model, share in (("a", 0.5), ("b", 0.25)):
        results.write(everything(share), model=model)
    tables = made_tables([results.root])
    assert list(tables) == [
        "Table 2: base models and experts, averages by language",
        "Table 3: benchmarks, Basque", "Table 3: benchmarks, Galician",
        "Table 3: benchmarks, Catalan", "Table 3: benchmarks, Spanish",
        "Table 3: benchmarks, English", "Table 3: translation by direction, BLEU",
        "Table 3: translation by direction, chrF++",
        "Table 3: translation by direction, TER (lower is better)",
        "Table 4: IFEval, Basque, strict, instruction level",
        "Table 4: IFEval, Galician, strict, instruction level",
        "Table 4: IFEval, Catalan, strict, instruction level",
        "Table 4: IFEval, Spanish, strict, instruction level",
        "Table 4: IFEval, English, strict, instruction level",
        "Table 8: the best of each language",
    ]  # fmt: skip
    averages = tables["Table 2: base models and experts, averages by language"]
    assert averages.columns == ("EU", "GL", "CA", "ES", "EN")
    assert len(tables["Table 3: translation by direction, BLEU"].columns) == 14
    english = tables["Table 3: benchmarks, English"]
    # the metric that counts bears the benchmark's name alone
    assert english.columns[:2] == ("Belebele", "Belebele MCC")


def test_ifeval_is_a_mean_over_runs_by_both_scorings(results: Results) -> None:
    for run, share in enumerate((0.5, 0.6, 0.7)):
        row = {
            "inst_level_strict_acc,none": share,
            "inst_level_strict_acc_original,none": share - 0.2,
            "inst_level_strict_acc_first_turn,none": share + 0.1,
            "stop_rate,none": 0.9,
        }
        tasks = {"iberian_ifeval_eu": row}
        results.write(
            tasks, shots=0, date=run, chat_template="<s>", chat_template_sha="c"
        )
    table = made_tables([results.root])[
        "Table 4: IFEval, Basque, strict, instruction level"
    ]
    assert table.columns == ("repaired", "the paper's", "first turn", "stops")
    values = [column(table, title)["org/model"].measure for title in table.columns]
    assert [table.written(one) for one in values if one is not None] == [
        "60.00 ± 10.00 (3)", "40.00 ± 10.00 (3)", "70.00 ± 10.00 (3)",
        "90.00 ± 0.00 (3)",
    ]  # fmt: skip


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Galician merges with their baselines, and an expert of another language."""
    made = MadeSweep(tmp_path / "sweep")
    for role, language, share in (
        ("base", 0.5, 0.125), ("instruct", 0.25, 0.75), ("expert-gl", 0.75, 0.25),
    ):  # fmt: skip
        made.model(
            role, {"choice": galician(language), "ifeval": following("gl", share)}
        )
    made.model("expert-eu", {"choice": galician(0.9)}, languages=("eu",))
    made.merges("linear", {"0.5": (0.5, 0.5), "1": (0.625, 0.375), "2": (0.55, 0.25)})
    made.merges("fused_task_arithmetic", {"0.5": (0.3, 0.7), "1": (0.6, 0.25)})
    # third in both scores, and the best of both together
    made.merges("dare_linear", {"0.5": (0.59, 0.49), "1": (0.2, 0.2)})
    return tmp_path / "sweep"


def test_base_models_and_experts_of_a_sweep_have_a_table(sweep: Path) -> None:
    tables = made_tables([sweep], swept(sweep))
    table = tables["Table 2: base models and experts, averages by language"]
    assert list(table.rows) == ["base", "expert-eu", "expert-gl"]
    assert table.columns == ("GL",)
    assert not any("a sweep says" in line for line in table.foot)
    benchmarks = tables["Table 3: benchmarks, Galician"]
    assert list(benchmarks.rows)[:4] == ["base", "instruct", "expert-eu", "expert-gl"]


def test_tables_of_methods_have_intervals_and_marks_of_a_language(sweep: Path) -> None:
    tables = made_tables([sweep], swept(sweep))
    title = "Table 5: merges with one expert, by language and method"
    table = tables[title]
    # the best is the best merge; the expert, at 75, is none
    assert marks(table, "average") == {
        "gl: base": "", "gl: instruct": "", "gl: expert-gl": "",
        "gl: linear weight=0.5": "second",
        "gl: fused_task_arithmetic weight=0.5": "",
        "gl: dare_linear weight=0.5": "best",
    }  # fmt: skip
    best = tables["Best weight by method and language"]
    assert (
        "no interval (mean): of no benchmark or average that can be compared"
    ) in best.foot
    order = list(tables)
    assert order.index("Best weight by method and language") < order.index(title)
    assert order.index(title) < order.index("Table 8: the best of each language")


def test_the_best_of_a_language_are_those_of_each_score_and_of_the_rule(
    sweep: Path,
) -> None:
    table = made_tables([sweep], swept(sweep))["Table 8: the best of each language"]
    assert list(table.rows) == [
        "gl: base", "gl: instruct", "gl: expert-gl",
        # average, then IFEval, then the rule's
        "gl: linear-gl-weight1", "gl: fused_task_arithmetic-gl-weight1",
        "gl: fused_task_arithmetic-gl-weight0.5", "gl: linear-gl-weight0.5",
        "gl: dare_linear-gl-weight0.5",
    ]  # fmt: skip
    assert marks(table, "average")["gl: linear-gl-weight1"] == "best"
    assert marks(table, "average")["gl: expert-gl"] == ""
    assert marks(table, "IFEval")["gl: fused_task_arithmetic-gl-weight0.5"] == "best"
    assert (
        "of each language the best and the second best, each in: average, IFEval; and"
        " the merge with the highest mean of the language's average and IFEval"
    ) in table.foot


def test_only_the_tables_of_sweeps_where_they_stand_alone(sweep: Path) -> None:
    from lm_eval_iberian.report.sweep_report import SweepView

    (found,) = find_sweeps([sweep], load_catalogue(), {})
    alone = report_sweep(found, build_report([sweep]), SweepView(alone=True))
    assert list(made_tables([sweep], [alone])) == [
        "Best weight by method and language",
        "Table 5: merges with one expert, by language and method",
        "Table 8: the best of each language",
    ]


def test_models_without_a_value_are_named_below(results: Results) -> None:
    results.write({"belebele_eus_Latn": 0.5}, model="a")
    results.write({"belebele_spa_Latn": 0.5}, model="b")
    table = made_tables([results.root])["Table 3: benchmarks, Basque"]
    assert list(table.rows) == ["a"]
    assert table.columns == ("Belebele",)
    assert "without any result of these: b" in table.foot


def test_mini_sets_have_a_table_and_are_held_against_each_other(
    results: Results,
) -> None:
    for model, share in (("a", 0.5), ("b", 0.75)):
        row = {"inst_level_strict_acc,none": share, "stop_rate,none": 1.0}
        results.write({"ifeval_eu_mini": row}, model=model, shots=0)
    table = made_tables([results.root])["Mini sets, not the paper's benchmarks"]
    assert marks(table, "eu IFEval") == {"a": "second", "b": "best"}


@pytest.mark.parametrize("text", ["[[table]]\nnmber = 2\n", "x = 1\n"])
def test_a_description_with_an_unknown_key_is_refused(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "t.toml"
    path.write_text(text)
    with pytest.raises(DataError, match="a key is missing or not known"):
        described_tables(path)
