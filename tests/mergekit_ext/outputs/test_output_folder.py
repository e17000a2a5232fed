"""A result appears whole or not at all, wherever the process is killed."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mergekit_ext.errors import OutputError
from mergekit_ext.outputs.output_folder import (
    CONFIG,
    MARK,
    PARTIAL,
    check_replaceable,
    recover,
    whole_or_nothing,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(folder: Path, text: str, config: str = PARTIAL) -> None:
    """Write a model as far as this module knows one."""
    for name in (MARK, "model.safetensors", config):
        (folder / name).write_text(text)


def make(folder: Path, text: str) -> None:
    folder.mkdir(parents=True)
    write(folder, text, CONFIG)


def models(folder: Path) -> list[str]:
    """Return what would load, hidden folders included."""
    found = [path.parent for path in folder.rglob(CONFIG)]
    return sorted(str(path.relative_to(folder)) for path in found)


def test_nothing_is_seen_before_the_end(tmp_path: Path) -> None:
    with whole_or_nothing(tmp_path / "deep" / "out") as workshop:
        assert workshop.result.name == "out"
        write(workshop.result, "new")
        assert names(tmp_path / "deep") == [".out.partial"]
        assert models(tmp_path) == []
    assert names(tmp_path / "deep") == ["out"]
    assert names(tmp_path / "deep" / "out") == [CONFIG, MARK, "model.safetensors"]


@pytest.mark.parametrize("name", ["former", "new", "lock", "adapters"])
def test_any_name_will_do(tmp_path: Path, name: str) -> None:
    make(tmp_path / name, "former")
    with whole_or_nothing(tmp_path / name) as workshop:
        write(workshop.result, "new")
    assert (tmp_path / name / CONFIG).read_text() == "new"
    assert names(tmp_path) == [name]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_of_a_failure(
    tmp_path: Path, error: type[BaseException]
) -> None:
    make(tmp_path / "out", "former")
    with pytest.raises(error), whole_or_nothing(tmp_path / "out") as workshop:  # noqa: PT012
        write(workshop.result, "new")
        workshop.adapters.mkdir()
        raise error
    assert (tmp_path / "out" / CONFIG).read_text() == "former"
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("failing", range(1, 5))
def test_a_swap_that_fails_halfway_is_undone_or_done(
    tmp_path: Path, failing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "out", "former")
    calls = 0

    def once(real: Callable[..., None]) -> Callable[..., None]:
        def call(*args: Any) -> None:
            nonlocal calls
            calls += 1
            if calls == failing:
                raise OSError("disk")
            real(*args)

        return call

    for name in ("rename", "replace"):
        monkeypatch.setattr(os, name, once(getattr(os, name)))
    with (
        pytest.raises(OSError, match="disk"),
        whole_or_nothing(tmp_path / "out") as workshop,
    ):
        write(workshop.result, "new")
    expected = "new" if failing == 4 else "former"
    assert (tmp_path / "out" / CONFIG).read_text() == expected
    assert names(tmp_path) == ["out"]
    assert names(tmp_path / "out") == [CONFIG, MARK, "model.safetensors"]


# what changes names or contents; a kill may come before any of them
_STEPS = ("rename", "replace", "unlink", "rmdir", "mkdir", "open", "fsync", "close")


def killed_at(step: int, body: Callable[[], None]) -> bool:
    """Run ``body`` in a process that dies before a step; return whether it did."""
    child = os.fork()
    if child == 0:
        left = step

        def counted(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any, **options: Any) -> Any:
                nonlocal left
                left -= 1
                if left == 0:
                    os._exit(9)
                return real(*args, **options)

            return call

        try:
            for name in _STEPS:
                setattr(os, name, counted(getattr(os, name)))
            body()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def run(out: Path) -> None:
    with whole_or_nothing(out) as workshop:
        write(workshop.result, "new")
        workshop.adapters.mkdir()
        write(workshop.adapters, "adapter")


@pytest.mark.slow
@pytest.mark.parametrize("former", [True, False])
def test_a_kill_at_any_step_leaves_no_half(tmp_path: Path, former: bool) -> None:
    seen = set()
    for step in range(1, 500):
        root = tmp_path / str(step)
        root.mkdir()
        if former:
            make(root / "out", "former")
        died = killed_at(step, lambda root=root: run(root / "out"))
        seen.add(check_rests(root, former))
        # the next run may be killed as well, while it mends
        for second in (1, 2, 3, 5, 8, 13, 21):
            killed_at(second, lambda root=root: recover(root / "out"))
            check_rests(root, former)
        recover(root / "out")
        seen.add(check_rests(root, former))
        assert models(root) == (["out"] if former or (root / "out").exists() else [])
        assert names(root) in (["out"], [])
        run(root / "out")
        assert names(root / "out") == [CONFIG, MARK, "model.safetensors"]
        assert (root / "out" / CONFIG).read_text() == "new"
        if not died:
            break
    assert not died, "the steps came to an end"
    assert step > 20
    assert seen == ({"former", "new", "none"} if former else {"new", "none"})


def check_rests(root: Path, former: bool) -> str:
    """Check what a kill has left; return what of it would load."""
    assert models(root) in ([], ["out"])
    if not models(root):
        return "none"
    texts = {path.read_text() for path in (root / "out").iterdir()}
    assert len(texts) == 1, "no mixture"
    assert texts <= ({"former", "new"} if former else {"new"})
    return texts.pop()


def test_a_second_run_ends_with_a_sentence(tmp_path: Path) -> None:
    with whole_or_nothing(tmp_path / "out") as workshop:
        for second in (
            lambda: run(tmp_path / "out"),
            lambda: recover(tmp_path / "out"),
        ):
            with pytest.raises(
                OutputError, match=r"Another run is writing .*out; wait"
            ):
                second()
        assert workshop.result.is_dir(), "nothing of the first run is touched"
        write(workshop.result, "first")
    assert (tmp_path / "out" / CONFIG).read_text() == "first"


def test_recovery_leaves_alone_what_is_whole(tmp_path: Path) -> None:
    recover(tmp_path / "out")
    assert names(tmp_path) == []
    make(tmp_path / "out", "former")
    recover(tmp_path / "out")
    assert names(tmp_path / "out") == [CONFIG, MARK, "model.safetensors"]


def test_a_link_keeps_pointing_to_the_result(tmp_path: Path) -> None:
    (tmp_path / "disk" / "out").mkdir(parents=True)
    (tmp_path / "out").symlink_to(tmp_path / "disk" / "out")
    run(tmp_path / "out")
    assert (tmp_path / "out").is_symlink()
    assert CONFIG in names(tmp_path / "out")


def test_what_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    def merge() -> None:
        with whole_or_nothing(tmp_path / "out"):
            (tmp_path / "out").mkdir()
            (tmp_path / "out" / "thesis.tex").touch()

    with pytest.raises(OutputError, match="no former merge"):
        merge()
    assert names(tmp_path / "out") == ["thesis.tex"]


@pytest.mark.parametrize("mark", [MARK, "merge_provenance.json", PARTIAL])
def test_knows_a_former_merge(tmp_path: Path, mark: str) -> None:
    (tmp_path / mark).touch()
    check_replaceable(tmp_path)


def test_refuses_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(OutputError, match="out is a file"):
        run(tmp_path / "out")


def test_refuses_a_mount_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    monkeypatch.setattr(Path, "is_mount", lambda self: self.name == "out")
    with pytest.raises(OutputError, match="out is a mount point"):
        run(tmp_path / "out")


def test_refuses_what_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with suppress(NotADirectoryError), pytest.raises(OutputError, match="Cannot write"):
        run(tmp_path / "file" / "out")
