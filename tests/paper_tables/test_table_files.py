"""Tables with intervals as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from made_results import Results
from made_tables import belebele, made_tables

from lm_eval_iberian.paper_tables import TABLE_FILES
from lm_eval_iberian.report import build_report, written


@pytest.fixture
def files(results: Results) -> dict[str, str]:
    values = {"=org/a": (0.7, 0.015), "b_b": (0.69, 0.015), "c": (0.5, 0.015)}
    belebele(results, values)
    belebele(results, {"short": (0.9, 0.1)}, n=10, of=900)
    report = build_report([results.root])
    tables = list(made_tables([results.root], report=report).values())
    return {name: write(tables, report, []) for name, write in TABLE_FILES.items()}


def test_markdown_has_values_intervals_and_marks(files: dict[str, str]) -> None:
    text = files["tables.md"]
    assert "| **70.00** [67.1, 72.9] |" in " ".join(text.split())
    assert "| *69.00*≈ [66.1, 71.9] |" in " ".join(text.split())
    assert "| 50.00 [47.1, 52.9] |" in " ".join(text.split())
    assert "90.00† [" in text
    assert (
        "bold: the best; italic: the second; ≈: not told from the best (p > .05, Holm"
        " over the column); [ ]: 95 % interval; † not as in the paper, see the notes"
    ) in text
    assert "- **limit** short, belebele_eu: " in text


def test_csv_has_a_row_for_every_entry(files: dict[str, str]) -> None:
    rows = list(csv.DictReader(io.StringIO(files["tables.csv"])))
    found = {r["row"]: r for r in rows if r["table"] == "Table 3: benchmarks, Basque"}
    best, second, third = found["'=org/a"], found["b_b"], found["c"]
    assert best["model"] == "'=org/a"
    assert (best["value"], best["best"], best["against"]) == ("70.0", "true", "")
    assert float(best["low"]) < 70 < float(best["high"])
    assert (second["second"], second["as_good"]) == ("true", "true")
    assert second["against"] == "'=org/a"
    assert float(third["p"]) * 2 == pytest.approx(float(third["p_holm"]))
    assert (third["as_good"], third["method"], third["n"]) == ("false", "stored", "900")
    assert found["short"]["marked"] == "true"


def test_json_has_all_that_is_known(files: dict[str, str]) -> None:
    tables = json.loads(files["tables.json"])["tables"]
    table = next(t for t in tables if t["title"] == "Table 3: benchmarks, Basque")
    assert table["columns"] == ["Belebele"]
    rows = {row["name"]: row["entries"][0] for row in table["rows"]}
    assert rows["c"]["against"] == "=org/a"
    assert rows["c"]["score"] == "belebele_eu"
    assert rows["c"]["metric"] == "acc"
    assert rows["c"]["p_holm"] < 0.001
    assert rows["=org/a"]["p"] is None
    assert rows["short"]["untested"] == ""


def test_the_plain_report_knows_nothing_of_it(results: Results) -> None:
    belebele(results, {"a": (0.7, 0.015), "b": (0.69, 0.015)})
    for form in ("md", "latex"):
        text = written(build_report([results.root]), form)
        for word in ("[", "interval", "approx", "≈", "underline", "*69"):
            assert word not in text.replace("[ht]", "").replace("[T1]", ""), form


def test_reference_results_have_the_paper_s_averages(reference: Path) -> None:
    """Real files: both averages, and which differences they can tell."""
    tables = made_tables([reference / "hitz_results"], allow_mixed=True)
    table = tables["Table 2: base models and experts, averages by language"]
    llama = table.rows["meta-llama/Llama-3.1-8B"]
    assert [one.measure and round(one.measure.value, 2) for one in llama] == [
        47.36,
        72.74,
    ]
    latxa = table.rows["HiTZ/Latxa-Llama-3.1-8B"]
    assert latxa[0].best
    assert latxa[1].second
    assert latxa[1].as_good
    assert latxa[0].interval is not None
    assert latxa[0].interval[0] > 60
