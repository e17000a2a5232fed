"""Which benchmarks and averages there are, and where a new one is entered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from made_results import Results, everything

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report import Catalogue, build_report, load_catalogue, written
from lm_eval_iberian.report.report_catalogue import AVERAGES


@pytest.fixture
def changed(root: Path, tmp_path: Path) -> Callable[..., Catalogue]:
    """Return what loads the catalogue with a text of one of its files replaced."""

    def load(name: str, old: str, new: str, more: str = "") -> Catalogue:
        paths = {"averages.toml": AVERAGES}
        paths["BENCHMARKS.toml"] = root / "data" / "BENCHMARKS.toml"
        text = paths[name].read_text("utf-8")
        assert old in text
        paths[name] = tmp_path / name
        paths[name].write_text(text.replace(old, new, 1) + more, "utf-8")
        return load_catalogue(paths["averages.toml"], paths["BENCHMARKS.toml"])

    return load


def test_every_task_name_is_in_one_benchmark_only(
    changed: Callable[..., Catalogue],
) -> None:
    with pytest.raises(DataError, match="belongs to two benchmarks"):
        changed("BENCHMARKS.toml", '"parafrases_$lang"', '"eus_reading"')
    with pytest.raises(DataError, match="two benchmarks are eus_reading"):
        changed("BENCHMARKS.toml", 'task = "eus_trivia"', 'task = "eus_reading"')
    with pytest.raises(DataError, match=r"subset of \[\[bertaqa.tasks\]\] lacks a key"):
        changed("BENCHMARKS.toml", 'field = "group"', 'feld = "group"')
    with pytest.raises(DataError, match="accuracy has no 'bertaqa'"):
        changed("BENCHMARKS.toml", '"iberian_bertaqa_en_local"]\n', '"bertaqa"]\n')
    with pytest.raises(DataError, match="has no kind 'choice'"):
        changed("averages.toml", "[kind.choice]", "[kind.choices]")


# an entry of data/BENCHMARKS.toml that says nothing to the report
PROVERBS = """
[proverbs.eu]
task = "iberian_proverbs_eu"
what = "Proverbs, eu"
path = "own/proverbs"
revision = "main"
test = "test"
fewshot = "test"
columns = ["question", "answer"]
rows = 900
licence = "CC0-1.0"
mini = "proverbs/rows"

[[proverbs.tasks]]
about = "Proverbs in $language"
mini = "3 $language proverbs, shipped"
"""


def test_a_new_benchmark_is_known_by_its_entry(
    changed: Callable[..., Catalogue], results: Results
) -> None:
    catalogue = changed("BENCHMARKS.toml", "", "", PROVERBS)
    results.write({"iberian_proverbs_eu": 0.25, "iberian_proverbs_eu_mini": 0.5})
    report = build_report([results.root], catalogue=catalogue)
    model = report.models["org/model"]
    assert model.cells["proverbs_eu"].measures["acc"].value == 25
    assert model.minis["proverbs_eu_mini"].measures["acc"].value == 50
    assert "| proverbs |" in written(report, "md")
    assert catalogue.blocks == load_catalogue().blocks


def test_a_benchmark_in_a_suite_is_in_the_average(
    changed: Callable[..., Catalogue], results: Results
) -> None:
    last = '  "iberian_eus_exams_eu",\n'
    more = f'{last}  "iberian_proverbs_eu",\n'
    catalogue = changed("BENCHMARKS.toml", last, more, PROVERBS)
    results.write(everything(0.5))
    average = build_report([results.root], catalogue=catalogue).models["org/model"]
    assert average.averages["EU"].missing == ("proverbs_eu",)
    results.write({"iberian_proverbs_eu": 0.9})
    average = build_report([results.root], catalogue=catalogue).models["org/model"]
    assert average.averages["EU"].value == pytest.approx((7 * 50 + 90) / 8)


def test_a_language_that_the_paper_does_not_have_is_a_column_of_its_own(
    results: Results,
) -> None:
    results.write({"belebele_spa_Latn": 0.5})
    without = written(build_report([results.root]), "md")
    assert "IFEval PT" not in without
    assert "IFEval EU" in without
    row = {"inst_level_strict_acc,none": 0.75, "stop_rate,none": 1.0}
    results.write({"iberian_ifeval_pt": row}, shots=0)
    report = build_report([results.root])
    (model,) = report.models.values()
    assert model.averages["IFEval PT"].value == 75
    assert "IFEval PT" in written(report, "md")
