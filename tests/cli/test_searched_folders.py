"""What a search saw is reported by nobody but the search."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from made_frontiers import two_curves
from made_samples import Evaluations, answers

from lm_eval_iberian.cli import main
from lm_eval_iberian.search.candidate_items import ItemRow
from lm_eval_iberian.search.search_folder import SearchFolder


TASK = "xstorycloze_eu"
ROWS = {TASK: answers([1, 0, 1, 1] * 5, 2)}


def search(place: Path, done: bool = True) -> Path:
    """A folder as a search leaves it."""
    folder = SearchFolder(place)
    place.mkdir(parents=True)
    folder.begin({"file": "/specs/search.yaml"}, "abc")
    rows = {TASK: [ItemRow(f"{number}", f"{number}", {"acc": 1}) for number in (1, 2)]}
    for name in ("instruct", "0000"):
        folder.note_look(name, 0, rows, 1.0)
    if done:
        folder.note_held_out("0000", rows, 1.0)
        for name in ("front.json", "front.md"):
            (place / name).write_text("{}", "utf-8")
    return place


def evaluated(place: Path) -> Path:
    evaluations = Evaluations(place)
    for model in ("org/a", "org/b"):
        evaluations.evaluated(ROWS, model)
    return place


def iberian(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


# why, what is asked for with {} for the search's folder and {other} for results
ASKED = [
    ("its folder", "report {}"),
    ("what is in it", "report {}/candidates"),
    ("a file of it", "report {}/candidates/0000/look-0.json"),
    ("its own report", "report {}/front.json"),
    ("beside results", "report {other} {}"),
    ("all at once", "report {} --all -o {other}/all"),
    ("compared", "compare {other} {} --baseline org/a"),
    ("the first of two", "compare {} {other}"),
    ("with itself", "compare {} {}"),
    ("one of its models", "compare {other}::org/a {}::0000"),
    ("a frontier", "frontier {}"),
    ("a frontier of its candidates", "frontier {}/candidates"),
]


@pytest.mark.parametrize(("why", "asked"), ASKED, ids=[why for why, _ in ASKED])
def test_a_search_is_refused(tmp_path: Path, why: str, asked: str) -> None:
    folder, other = search(tmp_path / "search"), evaluated(tmp_path / "other")
    words = [one.format(folder, other=other) for one in asked.split()]
    found = iberian(*words)
    assert found.exit_code == 1
    assert found.stdout == ""
    (line,) = found.stderr.splitlines()
    assert f"{folder} is the folder of a search" in line
    assert line.endswith(f"stands in {folder / 'front.md'}")
    assert not (other / "all").exists()


@pytest.mark.parametrize("verb", ["report", "frontier"])
def test_before_its_end_it_is_said_how_to_go_on(tmp_path: Path, verb: str) -> None:
    folder = search(tmp_path / "my search", done=False)
    found = iberian(verb, folder)
    assert found.exit_code == 1
    assert f"iberian search /specs/search.yaml -o '{folder}'" in found.stderr
    assert f"{folder / 'front.md'} at its end" in found.stderr


def test_from_within_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(search(tmp_path / "search") / "candidates")
    found = iberian("report", ".")
    assert found.exit_code == 1
    assert f"{tmp_path / 'search'} is the folder of a search" in found.stderr


def test_results_that_somebody_put_there_have_the_same_items(tmp_path: Path) -> None:
    folder = search(tmp_path / "all" / "search")
    evaluated(folder / "evaluated")
    for asked in (folder, tmp_path / "all", folder / "evaluated"):
        found = iberian("report", asked)
        assert found.exit_code == 1
        assert f"{folder} is the folder of a search" in found.stderr
    # others beside it are reported by who goes on, and it is said
    Evaluations(tmp_path / "all" / "other").evaluated(ROWS, "org/c")
    found = iberian("report", tmp_path / "all", "--keep-going", "--format", "json")
    assert found.exit_code == 0, found.output
    assert "org/c" in found.stdout
    assert "org/a" not in found.stdout
    assert f"{folder} is the folder of a search" in found.stdout


def test_a_sweep_in_it_has_no_frontier(tmp_path: Path) -> None:
    folder = search(tmp_path / "all" / "search")
    two_curves(folder / "sweep")
    for asked in (folder, tmp_path / "all"):
        found = iberian("frontier", asked)
        assert found.exit_code == 1
        assert f"{folder} is the folder of a search" in found.stderr


def test_results_beside_a_search_are_reported(tmp_path: Path) -> None:
    search(tmp_path / "all" / "search")
    evaluated(tmp_path / "all" / "other")
    found = iberian("report", tmp_path / "all")
    assert found.exit_code == 0, found.output
    assert "org/a" in found.stdout


def test_a_folder_above_that_has_nothing_else_names_it(tmp_path: Path) -> None:
    folder = search(tmp_path / "all" / "search")
    for verb in ("report", "frontier"):
        found = iberian(verb, tmp_path / "all")
        assert found.exit_code == 1
        assert f"{folder} is the folder of a search" in found.stderr


def as_text(folder: Path) -> None:
    (folder / "search.json").write_text("no JSON", "utf-8")


def as_list(folder: Path) -> None:
    (folder / "search.json").write_text('["search", "lm_eval_iberian"]', "utf-8")


def as_another(folder: Path) -> None:
    content = json.dumps({"search": "of somebody's", "format": 1})
    (folder / "search.json").write_text(content, "utf-8")


def as_folder(folder: Path) -> None:
    (folder / "search.json").mkdir()


@pytest.mark.parametrize("put", [as_text, as_list, as_another, as_folder])
def test_what_is_only_called_so_is_like_any_other(
    tmp_path: Path, put: Callable[[Path], None]
) -> None:
    folder = evaluated(tmp_path / "results")
    put(folder)
    found = iberian("report", folder)
    assert found.exit_code == 0, found.output
    assert "org/b" in found.stdout
