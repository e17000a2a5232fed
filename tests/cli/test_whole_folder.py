"""A folder that is whole or as it was, and holds what others put there."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lm_eval_iberian.cli.whole_folder import MANIFEST, whole_folder
from lm_eval_iberian.errors import DataError


def fill(out: Path, text: str = "one", *names: str) -> None:
    with whole_folder(out) as into:
        for name in names or ("a.md", "pictures/b.svg"):
            path = into / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def fail(out: Path, error: BaseException, *inputs: Path) -> None:
    with whole_folder(out, inputs) as into:
        (into / "a.md").write_text("half")
        raise error


def files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }


def test_it_is_made_with_a_list_of_what_is_in_it(tmp_path: Path) -> None:
    fill(tmp_path / "not" / "there" / "out")
    out = tmp_path / "not" / "there" / "out"
    assert files(out) == {"a.md": "one", "pictures/b.svg": "one"}
    written = json.loads((out / MANIFEST).read_text())["files"]
    assert list(written) == ["a.md", "pictures/b.svg"]
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_a_rerun_replaces_all_that_the_first_wrote(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()  # an empty one is as good as none
    fill(out)
    fill(out, "two", "a.md", "c/d/e.csv")
    assert files(out) == {"a.md": "two", "c/d/e.csv": "two"}


def test_a_folder_that_nothing_was_put_in_is_left_out(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "out") as into:
        (into / "a" / "b").mkdir(parents=True)
        (into / "c.md").write_text("")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["c.md", MANIFEST]
    fill(tmp_path / "out")


@pytest.mark.parametrize(
    "error", [DataError("no"), KeyboardInterrupt(), OSError(28, "full")]
)
@pytest.mark.parametrize("before", [True, False])
def test_when_the_body_fails_all_is_as_it_was(
    tmp_path: Path, error: BaseException, before: bool
) -> None:
    out = tmp_path / "new" / "out"
    if before:
        fill(out)
    with pytest.raises(type(error) if not isinstance(error, OSError) else DataError):
        fail(out, error)
    if before:
        assert files(out) == {"a.md": "one", "pictures/b.svg": "one"}
        assert [path.name for path in out.parent.iterdir()] == ["out"]
    else:
        assert list(tmp_path.iterdir()) == []


def own_file(out: Path) -> None:
    (out / "thesis.tex").write_text("mine")


def own_folder(out: Path) -> None:
    (out / "drafts").mkdir()


def changed(out: Path) -> None:
    (out / "a.md").write_text("edited")


def linked(out: Path) -> None:
    (out / "pictures" / "b.svg").unlink()
    (out / "pictures" / "b.svg").symlink_to(out / "a.md")


def manifest_gone(out: Path) -> None:
    (out / MANIFEST).unlink()


@pytest.mark.parametrize(
    ("meddle", "named"),
    [
        (own_file, "thesis.tex"),
        (own_folder, "drafts/"),
        (changed, "a.md"),
        (linked, "pictures/b.svg"),
        (manifest_gone, "a.md, pictures/b.svg"),
    ],
)
def test_what_is_not_ours_is_named_and_stays(
    tmp_path: Path, meddle: Callable[[Path], None], named: str
) -> None:
    out = tmp_path / "out"
    fill(out)
    meddle(out)
    before = files(out)
    with pytest.raises(DataError, match=f"holds what no report wrote.*: {named};"):
        fill(out, "two")
    assert files(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_comes_while_it_is_made_stays_too(tmp_path: Path) -> None:
    out = tmp_path / "out"
    fill(out)

    def fill_and_meddle() -> None:
        with whole_folder(out) as into:
            (into / "a.md").write_text("two")
            own_file(out)

    with pytest.raises(DataError, match=r"thesis\.tex"):
        fill_and_meddle()
    assert files(out) == {"a.md": "one", "pictures/b.svg": "one", "thesis.tex": "mine"}


@pytest.mark.parametrize(
    ("out", "inputs", "said"),
    [
        ("file", [], "file is a file; give --out a folder"),
        ("file/out", [], "file/out cannot be written: Not a directory"),
        ("results", ["results"], "results is where results are read from"),
        (".", ["results/model"], "is where results are read from"),
        ("results/out", ["other", "results"], "is in .*results, in which results are"),
        ("here", [], "here is the folder that this was started in"),
        ("/dev", [], "/dev is a mount point, beside which nothing can be prepared"),
        ("/proc/out", [], "/proc/out cannot be written: "),
    ],
)
def test_a_place_that_cannot_be_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    out: str,
    inputs: list[str],
    said: str,
) -> None:
    for name in ("results/model", "other", "here"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "file").write_text("mine")
    monkeypatch.chdir(tmp_path / "here")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError, match=said):
        fail(tmp_path / out, AssertionError(), *(tmp_path / one for one in inputs))
    assert sorted(tmp_path.rglob("*")) == before


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "real")
    fill(tmp_path / "out")
    assert (tmp_path / "out").is_symlink()
    assert files(tmp_path / "real") == {"a.md": "one", "pictures/b.svg": "one"}


def test_a_second_run_at_the_same_time_is_refused(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "out") as into:
        (into / "a.md").write_text("one")
        with pytest.raises(DataError, match="another run is writing"):
            fill(tmp_path / "out")
    assert files(tmp_path / "out") == {"a.md": "one"}


@pytest.mark.parametrize("renamed", [True, False])
def test_what_a_kill_has_left_is_brought_to_its_end(
    tmp_path: Path, renamed: bool
) -> None:
    """Between two renames the old folder waits under another name."""
    out, workshop = tmp_path / "out", tmp_path / ".out.partial"
    fill(out)
    (workshop / "new").mkdir(parents=True)
    (workshop / "new" / "half.md").write_text("half")
    if renamed:
        os.rename(out, workshop / "former")
    with pytest.raises(KeyboardInterrupt):
        fail(out, KeyboardInterrupt())
    assert files(out) == {"a.md": "one", "pictures/b.svg": "one"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_of_the_workshops_name_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / ".out.partial").mkdir()
    (tmp_path / ".out.partial" / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match=r"\.out\.partial.*no report wrote: mine\.txt"):
        fill(tmp_path / "out")
    assert files(tmp_path) == {".out.partial/mine.txt": "mine"}
