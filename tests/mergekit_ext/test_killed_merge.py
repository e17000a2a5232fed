"""``iberian merge``, killed at random moments, leaves nothing that loads."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from transformers import AutoModelForCausalLM


KILLS = 20
# what a user keeps beside a merge
OTHERS = {
    "notes.md": "mine",
    "merged.gguf": "GGUF",
    "results/eu/results.json": "{}",
    ".git/objects/ab": "blob",
}
MERGE = ["merge", "recipe.yml", "out"]


class Command:
    """Runs ``iberian merge recipe.yml out`` and may kill it."""

    def __init__(self, folder: Path, root: Path) -> None:
        script = Path(__file__).with_name("killed_command.py")
        more = {"HF_HUB_OFFLINE": "1", "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, script, *MERGE],
            cwd=folder, env=os.environ | more, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert self._answer() == "ready"

    def run(self, **kill: float) -> int:
        """Return the exit code, -9 where it was killed.

        Args:
            kill: ``seconds`` or ``step`` after which it is killed.
        """
        assert self._process.stdin is not None
        print(json.dumps([MERGE, kill]), file=self._process.stdin, flush=True)
        return int(self._answer())

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@pytest.fixture
def command(own_models: Path, root: Path) -> Iterator[Command]:
    listed = [
        {"model": f"models/{name}", "parameters": {"weight": 0.5}}
        for name in ("basque", "galician")
    ]
    written = {"merge_method": "linear", "models": listed, "dtype": "bfloat16"}
    (own_models.parent / "recipe.yml").write_text(yaml.safe_dump(written))
    found = Command(own_models.parent, root)
    yield found
    found.close()


def add_others(folder: Path) -> None:
    for name, text in OTHERS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        (folder / name).chmod(0o400)
    (folder / "latest").symlink_to("results")


def check_others(folder: Path) -> None:
    for name, text in OTHERS.items():
        assert (folder / name).read_text() == text
    assert os.readlink(folder / "latest") == "results"


def check_rest(folder: Path, whole: set[str], former: bool) -> None:
    """Check that transformers takes nothing for a model that is not whole."""
    if former:
        check_others(folder / "out")
    for place, _, found in os.walk(folder):
        relative = os.path.relpath(place, folder)
        if found and not relative.startswith("models") and loads(place):
            assert relative == "out", "no other folder loads, hidden ones included"
            assert files(Path(place)) == whole


def files(folder: Path) -> set[str]:
    """Return the names of the files of a merge, without what is the user's."""
    found = {path.name for path in folder.iterdir()}
    return found - {name.split("/")[0] for name in OTHERS} - {"latest"}


def loads(place: str) -> bool:
    try:
        AutoModelForCausalLM.from_pretrained(place, local_files_only=True)
    except (OSError, ValueError):
        return False
    return True


def check_next(command: Command, folder: Path, whole: set[str]) -> None:
    """Check that the next run succeeds and leaves nothing behind."""
    assert command.run() == 0
    assert sorted(p.name for p in folder.iterdir()) == ["models", "out", "recipe.yml"]
    if (folder / "out" / "notes.md").exists():
        check_others(folder / "out")
    assert files(folder / "out") == whole
    assert loads(str(folder / "out"))


@pytest.mark.slow
@pytest.mark.parametrize("former", [False, True])
def test_killed_at_random_moments(
    command: Command, own_models: Path, former: bool
) -> None:
    folder = own_models.parent
    times = []
    for _ in range(5):
        begun = time.monotonic()
        assert command.run() == 0
        times.append(time.monotonic() - begun)
    whole = files(folder / "out")
    if former:
        add_others(folder / "out")
    draw = random.Random("killed")  # noqa: S311
    killed = 0
    for attempt in range(20 * KILLS):
        if not former:
            shutil.rmtree(folder / "out", ignore_errors=True)
        # half of them in the last third, where there is something to leave behind
        moment = draw.uniform(attempt % 2 * 0.67, 1) * statistics.median(times)
        killed += command.run(seconds=moment) == -signal.SIGKILL
        check_rest(folder, whole, former)
        if killed == KILLS:
            break
    assert killed == KILLS
    check_next(command, folder, whole)


@pytest.mark.slow
@pytest.mark.parametrize("former", [False, True])
def test_killed_before_every_step(
    command: Command, own_models: Path, former: bool
) -> None:
    folder = own_models.parent
    whole = files(folder / "out")
    if former:
        add_others(folder / "out")
    for step in range(1, 1000):
        if not former:
            shutil.rmtree(folder / "out", ignore_errors=True)
        if command.run(step=step) == 0:
            break
        check_rest(folder, whole, former)
        if former:  # the next one, killed as well, finds what this one left
            command.run(step=7)
            check_rest(folder, whole, former)
    assert 30 < step < 999
    check_next(command, folder, whole)
