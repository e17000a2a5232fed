"""``--format html`` of ``iberian compare`` and ``iberian report``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from made_results import Results
from made_sweeps import two_methods

from lm_eval_iberian.cli import main


pytestmark = pytest.mark.slow  # pictures are drawn


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


def data_of(text: str) -> Any:
    found = re.search('<script type="application/json" id="data">(.*?)</script>', text)
    assert found is not None
    return json.loads(found[1])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    results = Results(tmp_path / "results")
    for model, share in (("org/a", 0.5), ("org/b", 0.75)):
        row = {"acc,none": share, "acc_stderr,none": 0.015}
        results.write({"belebele_eus_Latn": row, "eus_trivia": row}, model=model)
    return results.root


def test_a_comparison_is_a_page(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    result = run("compare", folder, "--baseline", "org/b", "--out", out)
    assert result.exit_code == 0, result.output
    data = data_of(out.read_text("utf-8"))
    assert data["models"][data["baseline"]]["name"] == "org/b"
    assert {row["difference"] for row in data["comparisons"]} == {-25.0}


def test_a_report_is_a_page(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    result = run("report", folder, "--baseline", "org/b", "--out", out)
    assert result.exit_code == 0, result.output
    data = data_of(out.read_text("utf-8"))
    assert data["models"][data["baseline"]]["name"] == "org/b"
    assert {row["difference"] for row in data["comparisons"]} == {-25.0}


def test_a_page_goes_to_the_terminal_too(folder: Path) -> None:
    for verb in ("compare", "report"):
        result = run(verb, folder, "--baseline", "org/a", "--format", "html")
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith("<!DOCTYPE html>")


def test_a_sweep_has_a_page_with_its_methods(tmp_path: Path) -> None:
    sweep = two_methods(tmp_path / "sweep")
    result = run("report", sweep.folder, "--format", "html")
    assert result.exit_code == 0, result.output
    methods = {one["about"].get("method") for one in data_of(result.stdout)["models"]}
    assert methods >= {"linear", "fused_task_arithmetic"}


def test_a_page_never_replaces_results(folder: Path) -> None:
    (file,) = (folder / "org__a").glob("results_*.json") or [None]
    before = file.read_bytes()
    result = run("compare", folder, "--baseline", "org/a", "--format", "html",
                 "--out", file)  # fmt: skip
    assert result.exit_code == 1
    assert "is one of the results" in result.stderr
    assert file.read_bytes() == before


def test_gemma_against_llama_row_by_row(reference: Path) -> None:
    """Lost 80, gained 151: the rows of the page say what the difference says."""
    result = run(
        "compare", reference / "cpt_ift", "--baseline", "meta-llama/Llama-3.1-8B",
        "--format", "html",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    data = data_of(result.stdout)
    names = [one["name"] for one in data["models"]]
    (row,) = [
        one
        for one in data["comparisons"]
        if (names[one["b"]], one["key"]) == ("google/gemma-2-9b", "xstorycloze_eu")
    ]
    assert (row["gained"], row["lost"]) == (151, 80)
    assert {one["key"] for one in data["rows"]} >= {"xstorycloze_eu"}
