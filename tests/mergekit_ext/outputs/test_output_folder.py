"""A result appears whole or not at all, wherever the process is killed."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mergekit_ext.errors import OutputError
from mergekit_ext.outputs.former_merge import CONFIG, MARK, PARTIAL, list_files
from mergekit_ext.outputs.output_folder import (
    check_replaceable,
    recover,
    whole_or_nothing,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(folder: Path, text: str, config: str = PARTIAL) -> None:
    """Write a model as far as this module knows one, in mergekit's order."""
    for name in ("model.safetensors", config, MARK):
        (folder / name).write_text(text)


def make(folder: Path, text: str) -> None:
    folder.mkdir(parents=True)
    write(folder, text, CONFIG)


MODEL = [CONFIG, MARK, "model.safetensors"]
# what a user may keep beside a merge; none of it may ever be touched
OTHERS = [".git", "empty", "link", "merged.gguf", "notes.md", "results", "secret"]


def add_others(folder: Path) -> dict[str, Any]:
    """Add what is the user's own, and return what ``others`` is to find."""
    (folder / "notes.md").write_text("mine")
    (folder / "merged.gguf").write_bytes(b"GGUF")
    (folder / "results" / "eu").mkdir(parents=True)
    (folder / "results" / "eu" / "r.json").write_text("{}")
    (folder / ".git" / "objects").mkdir(parents=True)
    (folder / ".git" / "objects" / "ab").write_bytes(b"blob")
    (folder / ".git" / "objects" / "ab").chmod(0o400)
    (folder / "empty").mkdir()
    (folder / "link").symlink_to("/nowhere")
    (folder / "secret").write_text("read-only")
    (folder / "secret").chmod(0o400)
    found = others(folder)
    assert len(found) == 11
    return found


def others(folder: Path) -> dict[str, Any]:
    """Return everything of what is the user's own: content, inode and mode."""
    found: dict[str, Any] = {}
    for top in OTHERS:
        for path in (folder / top, *(folder / top).rglob("*")):
            status = path.lstat()
            content = path.read_bytes() if path.is_file() else None
            key = str(path.relative_to(folder))
            found[key] = (content, status.st_ino, status.st_mode, status.st_mtime_ns)
    return found


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


@pytest.mark.parametrize("failing", range(1, 9))
def test_a_swap_that_fails_halfway_is_undone_or_done(
    tmp_path: Path, failing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "out", "former")
    theirs = add_others(tmp_path / "out")
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
    expected = "new" if failing == 8 else "former"
    assert calls >= failing
    for name in MODEL:
        assert (tmp_path / "out" / name).read_text() == expected
    assert names(tmp_path) == ["out"]
    assert names(tmp_path / "out") == sorted([*MODEL, *OTHERS])
    assert others(tmp_path / "out") == theirs


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
        theirs = None
        if former:
            make(root / "out", "former")
            theirs = add_others(root / "out")
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
        assert names(root / "out") == sorted([*MODEL, *(OTHERS if former else [])])
        assert (root / "out" / CONFIG).read_text() == "new"
        assert theirs is None or others(root / "out") == theirs
        if not died:
            break
    assert not died, "the steps came to an end"
    assert step > 20
    assert seen == ({"former", "new", "none"} if former else {"new", "none"})


def check_rests(root: Path, former: bool) -> str:
    """Check what a kill has left; return what of it would load."""
    assert models(root) in ([], ["out"])
    if former:
        assert set(OTHERS) <= set(names(root / "out")), "no kill moves what is theirs"
    if not models(root):
        return "none"
    texts = {(root / "out" / name).read_text() for name in MODEL}
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


@pytest.mark.parametrize(
    ("mark", "text"),
    [
        (MARK, ""),
        ("merge_provenance.json", '{"output": []}'),
        (".merge_files.json", "{}"),
        (PARTIAL, ""),
    ],
)
def test_knows_a_former_merge(tmp_path: Path, mark: str, text: str) -> None:
    (tmp_path / mark).write_text(text)
    assert check_replaceable(tmp_path) == {mark}


def test_what_is_somebody_else_s_stays(tmp_path: Path) -> None:
    make(tmp_path / "out", "former")
    theirs = add_others(tmp_path / "out")
    folder = (tmp_path / "out").stat().st_ino
    run(tmp_path / "out")
    assert others(tmp_path / "out") == theirs
    assert (tmp_path / "out").stat().st_ino == folder
    assert names(tmp_path / "out") == sorted([*MODEL, *OTHERS])
    assert (tmp_path / "out" / "model.safetensors").read_text() == "new"
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("README.md", "a card of mine"),
        ("model-00001-of-00002.safetensors", "weights of mine"),
        ("tokenizer.json", "a tokenizer of mine"),
        ("model.safetensors", "trained on"),
        ("config.json", "edited"),
    ],
)
@pytest.mark.parametrize("listed", [False, True])
def test_what_is_in_the_way_is_named_before_the_merge(
    tmp_path: Path, name: str, text: str, listed: bool
) -> None:
    make(tmp_path / "out", "former")
    if listed:
        list_files(tmp_path / "out")
    path = tmp_path / "out" / name
    path.write_text(text)
    # 2 minutes after the merge
    late = (tmp_path / "out" / MARK).stat().st_mtime + 120
    os.utime(path, (late, late))
    with pytest.raises(OutputError, match=rf"changed since: {name}\. Move that away"):
        run(tmp_path / "out")
    assert path.read_text() == text
    assert names(tmp_path) == ["out"]


def test_a_link_in_the_place_of_a_file_is_no_file_of_ours(tmp_path: Path) -> None:
    make(tmp_path / "out", "former")
    (tmp_path / "out" / "model.safetensors").rename(tmp_path / "elsewhere")
    (tmp_path / "out" / "model.safetensors").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match=r"changed since: model\.safetensors"):
        run(tmp_path / "out")
    assert (tmp_path / "elsewhere").read_text() == "former"


def test_what_appears_in_the_way_meanwhile_is_kept(tmp_path: Path) -> None:
    def merge() -> None:
        with whole_or_nothing(tmp_path / "out") as workshop:
            write(workshop.result, "new")
            (workshop.result / "extra.py").touch()
            (tmp_path / "out" / "extra.py").write_text("mine")

    make(tmp_path / "out", "former")
    with pytest.raises(OutputError, match=r"changed since: extra\.py"):
        merge()
    assert (tmp_path / "out" / "extra.py").read_text() == "mine"
    assert (tmp_path / "out" / CONFIG).read_text() == "former"
    assert names(tmp_path) == ["out"]


@pytest.mark.slow
def test_what_is_changed_after_a_kill_is_not_deleted(tmp_path: Path) -> None:
    folder = tmp_path
    for step in itertools.count(1):  # until config.json has gone, and nothing else
        tmp_path = folder / str(step)
        make(tmp_path / "out", "former")
        killed_at(step, lambda out=tmp_path / "out": run(out))  # type: ignore[misc]
        if (tmp_path / ".out.partial" / "replaced" / "config.json.former").exists():
            break
    (tmp_path / "out" / MARK).write_text("mine now")
    with pytest.raises(OutputError, match=r"mergekit_config.yml has been changed or"):
        run(tmp_path / "out")
    assert (tmp_path / "out" / MARK).read_text() == "mine now"
    assert (tmp_path / "out" / "model.safetensors").read_text() == "former"
    (tmp_path / "out" / MARK).unlink()
    run(tmp_path / "out")
    assert names(tmp_path / "out") == MODEL
    assert names(tmp_path) == ["out"]


def test_a_folder_of_the_workshop_s_name_may_be_somebody_else_s(tmp_path: Path) -> None:
    (tmp_path / ".out.partial" / "new").mkdir(parents=True)
    (tmp_path / ".out.partial" / "thesis.tex").touch()
    with pytest.raises(OutputError, match=r"no merge wrote: thesis\.tex"):
        run(tmp_path / "out")
    assert names(tmp_path / ".out.partial") == ["new", "thesis.tex"]


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
