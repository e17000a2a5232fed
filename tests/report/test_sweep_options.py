"""``iberian report`` on the folder of a sweep."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from made_results import Results
from made_sweeps import MadeSweep, following, two_methods

from lm_eval_iberian.cli import main


def report(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["report", *map(str, arguments)])


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    two_methods(tmp_path / "sweep")
    return tmp_path / "sweep"


def test_the_tables_of_a_sweep_come_before_those_of_all_models(sweep: Path) -> None:
    result = report(sweep)
    assert result.exit_code == 0, result.output
    titles = [line for line in result.stdout.splitlines() if line.startswith("## ")]
    assert titles == [
        "## Best weight by method and language",
        "## Table 5: merges with one expert, by language and method",
        "## Table 8: nearswap, by language",
        "## Averages", "## IFEval, strict, instruction level", "## Galician",
        "## Notes",
    ]  # fmt: skip
    alone = report(sweep, "--tables", "sweep")
    assert "## Averages" not in alone.stdout
    assert "2 of 24 cells have no result" in alone.stdout
    assert "no result at all" not in alone.stdout


def test_what_a_mark_refers_to_stands_below_the_tables_of_a_sweep_too(
    sweep: Path,
) -> None:
    (path,) = (sweep / "cells" / "linear-gl-weight0.5--ifeval-gl").glob("results_*")
    content = json.loads(path.read_text())
    content["n-samples"]["iberian_ifeval_gl"]["original"] = 1000
    path.write_text(json.dumps(content))
    text = report(sweep, "--tables", "sweep").stdout
    assert "50.00†" in text
    assert "**limit** linear-gl-weight0.5, ifeval_gl: " in text
    assert "## Averages" not in text


def test_how_a_sweep_is_reported_can_be_asked_for(sweep: Path) -> None:
    result = report(
        sweep, "--tables", "sweep", "--best-by", "keep=0.5", "--points", "all",
        "--language-score", "belebele_{lang}=Belebele", "--following",
        "ifeval_{lang}=instructions", "--column", "belebele_gl=own column",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "the best Belebele among points with at least 50 %" in result.stdout
    assert "| own column" in result.stdout
    assert "## Merges with one expert" in result.stdout
    assert "gl: linear weight=0.25" in result.stdout


def test_notes_of_a_sweep_go_to_the_error_stream_with_the_others(sweep: Path) -> None:
    result = report(sweep, "--format", "csv")
    assert "2 of 24 cells have no result" in result.stderr
    assert "2 of 24" not in result.stdout


@pytest.mark.slow
def test_curves_are_written_and_drawn(sweep: Path, tmp_path: Path) -> None:
    data, picture = tmp_path / "figure.csv", tmp_path / "figure.png"
    result = report(sweep, "--figure-data", data, "--plot", picture)
    assert result.exit_code == 0, result.output
    assert data.read_text().startswith("sweep,lang,role,model")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_each_sweep_has_tables_of_its_own(sweep: Path, tmp_path: Path) -> None:
    other = MadeSweep(tmp_path / "other")
    other.merges("dare_ties", {"1": (0.5, 0.5), "2": (0.25, 0.5)})
    result = report(tmp_path)
    assert result.exit_code == 0, result.output
    assert result.stdout.count("## Best weight by method and language") == 2
    drawn = report(tmp_path, "--plot", tmp_path / "a.png")
    assert drawn.exit_code == 2
    assert "--plot draws one sweep, and PATHS hold" in drawn.stderr


def test_results_that_lie_beside_the_cells_are_no_runs_of_theirs(sweep: Path) -> None:
    before = report(sweep, "--tables", "sweep").stdout
    other = Results(sweep / "more")
    row = following("gl", 0.0)
    chat = {"chat_template": "<s>", "chat_template_sha": "abc"}
    other.write(row, "linear-gl-weight0.5", shots=0, **chat)
    assert report(sweep, "--tables", "sweep").stdout == before
    assert "25.00 ± 35.36 (2)" in report(sweep).stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--best-by", "worst"], "Unknown rule for the best point 'worst'"),
        (["--swept", "wieght"], "Did you mean weight"),
        (["--plot", "a.gif"], "Unknown format of a picture 'gif'"),
        (["--figure-data", "a.tex"], "Unknown format of the figure's data 'tex'"),
        (["--language-score", "GLL"], "Unknown score 'GLL'. Did you mean GL"),
    ],
)
def test_bad_arguments_are_one_sentence(
    sweep: Path, arguments: list[str], said: str
) -> None:
    result = report(sweep, *arguments)
    assert result.exit_code in (1, 2)
    assert said in result.stderr
    assert result.stdout == ""


def test_a_picture_is_of_a_sweep(sweep: Path) -> None:
    for option in (["--plot", "a.png"], ["--figure-data", "a.csv"]):
        result = report(sweep / "cells", *option)
        assert result.exit_code == 2
        assert f"{option[0]} is for a sweep, and PATHS hold none" in result.stderr
    assert report(sweep / "cells", "--tables", "sweep").exit_code == 2
