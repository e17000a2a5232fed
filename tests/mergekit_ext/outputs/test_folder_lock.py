"""A lock that is held by one and left by the dead."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from mergekit_ext.outputs import folder_lock
from mergekit_ext.outputs.folder_lock import is_locked, locked


def hold(path: Path) -> None:
    with locked(path):
        pass


def test_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "lock"
    with locked(path), pytest.raises(BlockingIOError):
        hold(path)
    assert not path.parent.exists()
    hold(path)


def test_whether_it_is_held_can_be_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "folder" / "lock"
    assert not is_locked(path)
    with locked(path):
        assert is_locked(path)
        assert is_locked(path)  # to ask takes nothing and lets go of nothing
        with pytest.raises(BlockingIOError):
            hold(path)
        monkeypatch.setattr(folder_lock, "fcntl", None)
        assert not is_locked(path)
        monkeypatch.undo()
    assert not path.parent.exists()
    path.parent.mkdir()
    path.touch()  # left by somebody who was killed
    assert not is_locked(path)


def test_the_dead_hold_nothing(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "lock"
    child = os.fork()
    if child == 0:
        held = locked(path)
        held.__enter__()
        os._exit(0)
    os.waitpid(child, 0)
    assert path.exists()
    hold(path)
    assert not path.parent.exists()


def test_a_file_that_its_owner_removed_is_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "folder" / "lock"
    real = folder_lock._lock
    calls = []

    def remove_first(handle: int) -> None:
        if not calls:
            path.unlink()
        calls.append(handle)
        real(handle)

    monkeypatch.setattr(folder_lock, "_lock", remove_first)
    with locked(path):
        assert path.exists()
    assert len(calls) == 2


def test_what_else_is_in_the_folder_stays(tmp_path: Path) -> None:
    with locked(tmp_path / "folder" / "lock"):
        (tmp_path / "folder" / "other").touch()
    assert os.listdir(tmp_path / "folder") == ["other"]


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS])
def test_a_file_system_without_locks(
    tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(folder_lock.fcntl, "flock", refuse)
    hold(tmp_path / "folder" / "lock")
    assert not (tmp_path / "folder").exists()


def test_other_faults_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> None:
        raise OSError(errno.EIO, "disk")

    monkeypatch.setattr(folder_lock.fcntl, "flock", refuse)
    with pytest.raises(OSError, match="disk"):
        hold(tmp_path / "folder" / "lock")


def test_the_lock_of_another_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "lock"
    with locked(path):
        path.unlink()
        path.write_text("another's")
    assert path.read_text() == "another's"
