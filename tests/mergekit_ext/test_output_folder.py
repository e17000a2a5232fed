"""A result appears whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mergekit_ext.errors import OutputError
from mergekit_ext.output_folder import MARK, whole_or_nothing


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_nothing_is_seen_before_the_end(tmp_path: Path) -> None:
    with whole_or_nothing(tmp_path / "deep" / "out") as folder:
        assert folder.name == "out"
        (folder / "file").touch()
        assert names(tmp_path / "deep") == [f".out.partial-{os.getpid()}"]
    assert names(tmp_path / "deep") == ["out"]
    assert names(tmp_path / "deep" / "out") == ["file"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_of_a_failure(
    tmp_path: Path, error: type[BaseException]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / MARK).write_text("former")
    with pytest.raises(error), whole_or_nothing(tmp_path / "out") as folder:  # noqa: PT012
        (folder / MARK).write_text("new")
        raise error
    assert (tmp_path / "out" / MARK).read_text() == "former"
    assert names(tmp_path) == ["out"]


def test_a_swap_that_fails_halfway_is_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / MARK).write_text("former")
    rename = Path.rename

    def fail_on_new(self: Path, target: Path) -> Path:
        if self.name == "out" and ".partial-" in self.parent.name:
            raise OSError("disk")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_on_new)
    with pytest.raises(OSError, match="disk"), whole_or_nothing(tmp_path / "out"):
        pass
    assert (tmp_path / "out" / MARK).read_text() == "former"
    assert names(tmp_path) == ["out"]


def test_a_link_keeps_pointing_to_the_result(tmp_path: Path) -> None:
    (tmp_path / "disk" / "out").mkdir(parents=True)
    (tmp_path / "out").symlink_to(tmp_path / "disk" / "out")
    with whole_or_nothing(tmp_path / "out") as folder:
        (folder / "file").touch()
    assert (tmp_path / "out").is_symlink()
    assert names(tmp_path / "out") == ["file"]


def test_what_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    def merge() -> None:
        with whole_or_nothing(tmp_path / "out"):
            (tmp_path / "out").mkdir()
            (tmp_path / "out" / "thesis.tex").touch()

    with pytest.raises(OutputError, match="no former merge"):
        merge()
    assert names(tmp_path / "out") == ["thesis.tex"]


def test_refuses_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with (
        pytest.raises(OutputError, match="out is a file"),
        whole_or_nothing(tmp_path / "out"),
    ):
        pass


def test_refuses_a_mount_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    monkeypatch.setattr(Path, "is_mount", lambda self: self.name == "out")
    with (
        pytest.raises(OutputError, match="out is a mount point"),
        whole_or_nothing(tmp_path / "out"),
    ):
        pass


def test_refuses_what_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(OutputError, match="Cannot write to"),
        whole_or_nothing(tmp_path / "file" / "out"),
    ):
        pass
