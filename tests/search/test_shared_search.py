"""Several processes that share one search's folder and nothing else."""

from __future__ import annotations

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tiny_search import command, environment, files, run, write_spec

from lm_eval_iberian.search import shared_search
from lm_eval_iberian.search.candidate_items import ItemRow
from lm_eval_iberian.search.search_folder import SearchFolder
from lm_eval_iberian.search.shared_search import SharedWork


pytest.importorskip("optuna", reason="NO OPTUNA: pip install 'optuna>=5' cmaes")
NAMES = [f"{number:04d}" for number in range(8)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SearchFolder:
    monkeypatch.setattr(shared_search, "POLL", 0.01)
    return SearchFolder(tmp_path)


def test_each_thing_is_done_by_one(folder: SearchFolder) -> None:
    done: list[tuple[int, str]] = []

    def one_of_three(mine: int) -> list[str]:
        def work(name: str) -> str:
            path = folder.path / name
            if not path.exists():
                done.append((mine, name))
                time.sleep(0.05)
                path.write_text(f"of {name}", "utf-8")
            return path.read_text("utf-8")

        return SharedWork(folder).do(NAMES, work)

    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(one_of_three, range(3)))
    assert found == [[f"of {name}" for name in NAMES]] * 3
    assert sorted(name for _, name in done) == NAMES
    assert {mine for mine, _ in done} == {0, 1, 2}
    assert not (folder.path / "locks").exists()


def test_what_fails_lets_go_of_its_claim(folder: SearchFolder) -> None:
    with pytest.raises(ZeroDivisionError):
        SharedWork(folder).do(["a"], lambda name: 1 / 0)
    assert SharedWork(folder).do(["a"], len) == [1]


def test_who_is_silent_for_long_is_not_waited_for(
    folder: SearchFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock may outlive the node of whoever has it."""
    clock = [0.0]

    def later(seconds: float) -> None:
        clock[0] += 1000.0
        if clock[0] == 5000.0:  # it was alive by then
            folder.note_look("a", 0, {}, 1.0)

    monkeypatch.setattr(shared_search.time, "sleep", later)
    monkeypatch.setattr(shared_search.time, "monotonic", lambda: clock[0])
    with folder.claimed("a"):
        assert SharedWork(folder).do(["a"], len) == [1]
    # an hour or two after what it did last, and not after the wait began
    assert 5000.0 + shared_search.SILENCE < clock[0] < 7000.0 + shared_search.SILENCE


def test_what_was_written_first_counts(folder: SearchFolder) -> None:
    """Two may do the same where there are no locks between nodes."""
    first, second = (
        {"t": [ItemRow("key", "cluster", {"acc": value})]} for value in (1.0, 0.0)
    )
    folder.place("a").mkdir(parents=True)
    assert folder.note_look("a", 0, first, 1.0) == first
    assert folder.note_look("a", 0, second, 1.0) == first
    assert folder.look("a", 0) == first
    assert folder.note_held_out("a", first, 1.0) == first
    assert folder.note_held_out("a", second, 1.0) == first
    assert folder.note_failure("a", "no number") == "no number"
    assert folder.note_failure("a", "no memory") == "no number"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_come_to_the_same_though_one_is_killed(
    here: Path, undisturbed: Path
) -> None:
    spec, out = write_spec(here), here / "shared"
    both = [
        subprocess.Popen(
            [*command(spec, out), "--shared"], env=environment(here),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]  # fmt: skip
    at = "candidates/0001/proposed.json"
    while at not in files(out) and both[0].poll() is None:
        time.sleep(0.02)
    assert both[0].poll() is None
    both[0].kill()
    both[0].wait()
    assert not (out / "front.json").exists()
    assert both[1].wait(600) == 0
    assert files(out) == files(undisturbed)
    assert (out / "optuna_journal.log").stat().st_size > 0
    # what nobody did again says so
    again = run(spec, out)
    assert again.exit_code == 0, again.output
    assert files(out) == files(undisturbed)
