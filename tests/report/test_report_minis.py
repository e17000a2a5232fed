"""Results of the mini sets: a table of their own, in no average."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import yaml
from made_results import Results

from lm_eval_iberian.report import build_report, load_catalogue, written


PAPER = {"belebele_eng_Latn": 0.9, "xstorycloze_en": 0.7, "bertaqa_en_local": 0.5}
MINI = {"iberian_belebele_en_mini": 0.3, "iberian_belebele_eu_mini": 0.25}
IFEVAL = {"inst_level_strict_acc,none": 0.5}


def test_minis_change_nothing_of_the_paper_s(results: Results) -> None:
    results.write(PAPER)
    before = build_report([results.root]).models["org/model"]
    results.write(MINI, n=20)
    model = build_report([results.root]).models["org/model"]
    assert model.cells == before.cells
    assert model.averages == before.averages
    assert list(model.minis) == ["belebele_eu_mini", "belebele_en_mini"]
    assert model.minis["belebele_en_mini"].measures["acc"].value == 30
    assert model.others == ()


def test_minis_alone_are_a_report_without_averages(results: Results) -> None:
    results.write(MINI, n=20)
    report = build_report([results.root])
    text = written(report, "md")
    assert "## Mini sets" in text
    assert "25.00† |" in text
    assert "## Averages" not in text
    assert "**mini**" in text
    assert all(a.value is None for a in report.models["org/model"].averages.values())


def test_minis_are_marked_and_none_is_the_best(results: Results) -> None:
    for model, share in (("org/a", 0.3), ("org/b", 0.4)):
        results.write({"iberian_belebele_en_mini": share}, model=model, n=20)
    report = build_report([results.root])
    for form in ("md", "latex"):
        text = written(report, form)
        assert "40.00" in text
        assert "**40" not in text
        assert "textbf" not in text


def test_minis_are_in_every_format(results: Results) -> None:
    results.write(PAPER | MINI, n=20)
    report = build_report([results.root])
    found = json.loads(written(report, "json"))["models"]["org/model"]
    assert found["mini"]["belebele_en_mini"]["value"] == 30
    assert "belebele_en_mini" not in found["benchmarks"]
    rows = csv.DictReader(io.StringIO(written(report, "csv")))
    tables = {row["column"]: row["table"] for row in rows}
    assert tables["belebele_en_mini"] == "mini"
    assert tables["belebele_en"] == "benchmarks"


def test_two_names_of_a_mini_set_are_one(results: Results) -> None:
    for at, name in enumerate(("ifeval_eu_mini", "iberian_ifeval_eu_mini")):
        row = {"inst_level_strict_acc,none": 0.4 + 0.2 * at}
        results.write({name: row}, shots=0, n=50, date=1e9 + at)
    cell = build_report([results.root]).models["org/model"].minis["ifeval_eu_mini"]
    assert len(cell.results) == 2
    assert cell.measures["inst_level_strict_acc"].value == 50


def test_every_mini_task_but_perplexity_has_a_benchmark(root: Path) -> None:
    tasks = load_catalogue().by_task()
    for path in sorted((root / "task_configs").glob("*/*_mini.yaml")):
        text = path.read_text("utf-8").replace("!function", "")
        content = yaml.safe_load(text)
        if "group" in content or "perplexity" in path.stem:
            continue
        assert tasks[content["task"]].id.endswith("_mini"), path
