from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from made_frontiers import FOLLOWING, LANGUAGE, two_curves

from lm_eval_iberian.cli import main


SCORES = ("--language-score", LANGUAGE, "--following", FOLLOWING)


def frontier(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["frontier", *map(str, arguments)])


def test_tables_are_printed(tmp_path: Path) -> None:
    two_curves(tmp_path)
    result = frontier(tmp_path, *SCORES, "--at", 50)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("## Galician: ")
    assert "| ties against linear " in result.stdout
    assert "75 %" not in result.stdout.split("\n- ")[0].replace("0 to 75 %", "")


@pytest.mark.parametrize(
    ("name", "start"),
    [("a.tex", "% "), ("a.csv", "lang,a,b,gain"), ("a.json", "{"), ("a.md", "## ")],
)
def test_out_s_suffix_is_the_format(tmp_path: Path, name: str, start: str) -> None:
    two_curves(tmp_path / "sweep")
    out = tmp_path / name
    result = frontier(tmp_path / "sweep", *SCORES, "--at", 80, "-o", out)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert out.read_text("utf-8").startswith(start)
    # what is not in a table is said beside it
    assert "not reached by linear" in result.stderr


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    two_curves(tmp_path / "sweep")
    drawn = []
    for name in ("a.svg", "b.svg"):
        out = tmp_path / name
        result = frontier(tmp_path / "sweep", *SCORES, "--plot", out)
        assert result.exit_code == 0, result.output
        drawn.append(out.read_text("utf-8"))
    assert drawn[0].startswith("<svg ")
    assert "ties" in drawn[0]
    assert drawn[0] == drawn[1]


def test_json_is_nothing_but_json(tmp_path: Path) -> None:
    two_curves(tmp_path)
    result = frontier(tmp_path, *SCORES, "--baseline", "ties", "--format", "json")
    rows = json.loads(result.stdout)["comparisons"]
    assert [(r["a"], r["b"], r["gain"]) for r in rows] == [
        ("ties", "linear", gain) for gain in (25.0, 50.0, 75.0, "mean")
    ]


@dataclass(frozen=True)
class Refused:
    """What is asked for, with {} for the sweep, and what is said of it."""

    asked: tuple[str, ...]
    said: str
    code: int = 1


REFUSED = [
    Refused((), "Missing argument 'SWEEP...'", 2),
    Refused(("{}", "--format", "xls"), "Unknown format 'xls'"),
    Refused(("{}", "--plot", "{}/a.gif"), "Unknown format of a picture 'gif'"),
    Refused(("{}/nowhere",), "{}/nowhere does not exist"),
    Refused(("{}",), "instruct: GL lacks Belebele"),
    Refused(("{}", *SCORES, "--at", "-5"), "greater than 0, found -5"),
    Refused(("{}", *SCORES, "--only", "ties"), "no two methods have a curve"),
    Refused(("{}", *SCORES, "-o", "{}/sweep.json", "--format", "json"),
            "is one of the results"),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.said)
def test_what_cannot_be_done_is_said_in_a_sentence(
    case: Refused, tmp_path: Path
) -> None:
    two_curves(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    result = frontier(*(text.format(tmp_path) if "lang" not in text else text
                        for text in case.asked))  # fmt: skip
    assert result.exit_code == case.code, result.output
    assert case.said.format(tmp_path) in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    assert before == {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
