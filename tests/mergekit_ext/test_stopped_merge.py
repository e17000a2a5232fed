"""A merge that fails midway: one sentence, and everything as it was before."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from mergekit.io.lazy_tensor_loader import LazyTensorLoader
from mergekit.scripts import run_yaml

from lm_eval_iberian.cli import main as iberian


resource = pytest.importorskip("resource")
pytestmark = pytest.mark.usefixtures("attached")

Stop = Callable[[pytest.MonkeyPatch], Any]


@contextmanager
def small_files(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """No file grows beyond 20 kB: what a full disk does to weights of 50 kB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def bad_sector(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """The input can be read when it is checked, and later no more."""
    read, calls = LazyTensorLoader.get_tensor, []

    def get_tensor(self: Any, key: str, *args: Any, **options: Any) -> Any:
        calls.append(key)
        if len(calls) > 9:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read(self, key, *args, **options)

    patch.setattr(LazyTensorLoader, "get_tensor", get_tensor)
    yield
    assert len(calls) == 10


@contextmanager
def no_room_at_the_end(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """The disk is full when the list of what was written is to be written."""
    write = Path.write_text

    def write_text(self: Path, *args: Any, **options: Any) -> int:
        if "merge_" in self.name and "model.safetensors" in os.listdir(self.parent):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(self, *args, **options)

    patch.setattr(Path, "write_text", write_text)
    yield


STOPS: dict[str, tuple[Any, str]] = {
    "a file that cannot grow": (small_files, "File too large"),
    "a bad sector": (bad_sector, "Input/output error"),
    "no room at the end": (no_room_at_the_end, "No space left on device"),
}


def run(command: str, weight: float) -> Result:
    listed = [
        {"model": f"models/{name}", "parameters": {"weight": weight}}
        for name in ("basque", "galician")
    ]
    recipe = {"merge_method": "fused_linear", "models": listed, "dtype": "bfloat16"}
    Path("recipe.yml").write_text(yaml.safe_dump(recipe))
    if command == "iberian merge":
        return CliRunner().invoke(iberian, ["merge", "recipe.yml", "out"])
    return CliRunner().invoke(run_yaml.main, ["recipe.yml", "out", "--quiet"])


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("command", ["mergekit-yaml", "iberian merge"])
@pytest.mark.parametrize("name", STOPS)
def test_everything_is_as_it_was(
    work: Path, name: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, reason = STOPS[name]
    former = run(command, 0.5)
    assert former.exit_code == 0, former.output
    Path("out/notes.md").write_text("mine")
    before = contents(work / "out")
    assert len(before["model.safetensors"]) > 40_000
    for state in ("a former merge", "nothing"):
        if state == "nothing":
            for path in Path("out").iterdir():
                path.unlink()
            Path("out").rmdir()
            before = {}
        with monkeypatch.context() as patch, stop(patch):
            result = run(command, 0.25)
        assert result.exit_code == 1, result.output
        assert isinstance(result.exception, SystemExit), repr(result.exception)
        last = result.output.splitlines()[-1]
        assert last.startswith("Error: "), result.output
        assert "nothing was kept" in last
        assert reason in last
        assert "Traceback" not in result.output
        assert contents(work / "out") == before
        left = ["models", "recipe.yml"]
        assert sorted(os.listdir(work)) == sorted([*left, *(["out"] if before else [])])
