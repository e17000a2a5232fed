"""``iberian search`` of tiny models: killed and gone on with, and what comes of it."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny_search import command, environment, files, run, write_spec

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.search.pareto_front import nobody_beats
from lm_eval_iberian.search.search_workers import SearchWorkers


pytest.importorskip("optuna", reason="NO OPTUNA: pip install 'optuna>=5' cmaes")
KILLS = 3


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_one_that_is_killed_comes_to_the_same(here: Path, undisturbed: Path) -> None:
    spec, out = write_spec(here), here / "disturbed"
    draw = random.Random("kills of a search")  # noqa: S311 (keyed, not secret)
    begun: set[int] = set()
    for _ in range(KILLS):
        process = subprocess.Popen(
            command(spec, out), env=environment(here),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        # until something more is there, and a little longer
        before, clock = len(files(out)), time.monotonic()
        while (
            process.poll() is None
            and len(files(out)) < before + 3
            and time.monotonic() - clock < 120
        ):
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 1.5))
        assert process.poll() is None, "it was done before it could be killed"
        process.kill()
        process.wait()
        begun.add(len(files(out)))
    assert len(begun) == KILLS, "some kills met nothing new"
    assert not (out / "front.json").exists()
    done = run(spec, out)
    assert done.exit_code == 0, done.output
    assert files(out) == files(undisturbed)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_at_a_time_come_to_the_same(here: Path, undisturbed: Path) -> None:
    done = run(write_spec(here), here / "two", "--jobs", "2")
    assert done.exit_code == 0, done.output
    assert files(here / "two") == files(undisturbed)


# ready at once, and gone at its third order
_GONE = """
import sys
print("ready", flush=True)
for number, line in enumerate(sys.stdin):
    if number == 2:
        raise SystemExit(7)
    print("done", flush=True)
"""


def test_a_worker_that_ends_is_told() -> None:
    orders = [{"held_out": str(number)} for number in range(4)]
    own = [sys.executable, "-c", _GONE]
    with SearchWorkers(own, ["0", "1"], gpus=False) as workers:
        workers.prepare()
        workers.do(orders[:2])
        # they have outlived the threads that fed them
        with pytest.raises(
            DataError, match=r"the process of slot \d ended with 7; what"
        ):
            workers.do(orders)


@pytest.mark.slow
def test_what_there_is_in_the_end(here: Path, undisturbed: Path) -> None:
    front = json.loads((undisturbed / "front.json").read_text("utf-8"))
    split = json.loads((undisturbed / "split.json").read_text("utf-8"))
    points = [
        (one["development"]["gain"]["difference"],
         one["development"]["instructions"]["difference"])
        for one in front["points"]
    ]  # fmt: skip
    assert nobody_beats(points) == list(range(len(points)))
    assert front["candidates"] == 6
    # the whole of them once, and instruct
    whole = {task: len(one["development"]) for task, one in split["tasks"].items()}
    assert whole == {"iberian_perplexity_eu_mini": 6, "iberian_ifeval_eu_mini": 25}
    assert front["whole"] == 31
    spent = 0
    for place in (undisturbed / "candidates").iterdir():
        seen = [json.loads(p.read_text("utf-8")) for p in place.glob("look-*.json")]
        spent += sum(len(rows) for one in seen for rows in one["items"].values())
    assert front["spent"] == spent <= 7 * 31
    for one in front["points"]:
        held_out = one["held_out"]["gain"]
        assert held_out["low"] < held_out["difference"] < held_out["high"] or (
            one["name"] == "instruct"
        )
        if one["recipe"]:
            recipe = yaml.safe_load((undisturbed / one["recipe"]).read_text("utf-8"))
            assert recipe["merge_method"] in (
                "task_arithmetic",
                "fused_task_arithmetic",
            )
        if one["name"] == "instruct":  # held against itself
            assert one["instructions"] == "kept"
    text = (undisturbed / "front.md").read_text("utf-8")
    assert "| instruct |  | 0 | 0 | 0 | 0 | kept |" in text
    assert f"{spent:,} items done; a grid of as many merges has 186" in text


@pytest.mark.slow
def test_more_candidates_go_on_where_it_was(here: Path, undisturbed: Path) -> None:
    out = here / "more"
    shutil.copytree(undisturbed, out)
    times = {path: path.stat().st_mtime_ns for path in out.rglob("look-*.json")}
    done = run(write_spec(here, candidates=8), out)
    assert done.exit_code == 0, done.output
    assert sorted(p.name for p in (out / "candidates").iterdir())[-2:] == [
        "0007", "instruct",
    ]  # fmt: skip
    assert {path: path.stat().st_mtime_ns for path in times} == times


@pytest.mark.slow
def test_a_report_is_not_of_what_the_search_saw(here: Path, undisturbed: Path) -> None:
    out = here / "mixed"
    shutil.copytree(undisturbed, out)
    spec = write_spec(here)
    # somebody puts what was seen in the place of what was held out
    name = json.loads((out / "front.json").read_text("utf-8"))["points"][0]["name"]
    seen: dict[str, list[Any]] = {}
    for path in sorted((out / "candidates" / name).glob("look-*.json")):
        for task, rows in json.loads(path.read_text("utf-8"))["items"].items():
            seen.setdefault(task, []).extend(rows)
    text = json.dumps({"seconds": 1.0, "items": seen})
    (out / "held_out" / f"{name}.json").write_text(text, "utf-8")
    (out / "front.json").unlink()
    done = run(spec, out)
    assert done.exit_code == 1
    assert "were held out, and" in done.output, done.output
    assert "a front is not reported on what it was chosen by" in done.output
    assert not (out / "front.json").exists()


def out_of_bounds(here: Path, name: str, weights: list[float]) -> Path:
    """Write a specification with weights of which some are beyond all numbers."""
    spec = yaml.safe_load(write_spec(here).read_text("utf-8"))
    spec["methods"] = [{"method": "task_arithmetic", "weight": weights}]
    spec["dtype"] = "float16"
    path = here / f"{name}.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False), "utf-8")
    return path


@pytest.mark.slow
def test_one_that_cannot_be_evaluated_is_passed_over(here: Path) -> None:
    spec = out_of_bounds(here, "some", [0.25, 0.5, 10**9])
    done = run(spec, here / "some")
    assert done.exit_code == 0, done.output
    front = json.loads((here / "some" / "front.json").read_text("utf-8"))
    failed = [p.parent for p in (here / "some" / "candidates").glob("*/error.json")]
    assert front["stopped"]["failed"] == len(failed) > 0
    for place in failed:
        values = json.loads((place / "proposed.json").read_text("utf-8"))
        assert values["task_arithmetic.weight"] == 10**9
    assert "could not be evaluated: candidate-" in done.output
    again = run(spec, here / "some")
    assert again.exit_code == 0, again.output


@pytest.mark.slow
def test_when_none_can_be_evaluated_it_ends(here: Path) -> None:
    spec = out_of_bounds(here, "none", [10**8, 10**9])
    done = run(spec, here / "none")
    assert done.exit_code == 1
    assert "5 candidates in a row could not be evaluated, the last: cand" in done.output


@pytest.mark.slow
def test_a_folder_of_something_else(here: Path, undisturbed: Path) -> None:
    other = run(write_spec(here, seed=2), undisturbed)
    assert other.exit_code == 1
    assert "is the folder of another search" in other.output
    (here / "things").mkdir(exist_ok=True)
    (here / "things" / "letter").write_text("dear", "utf-8")
    things = run(write_spec(here), here / "things")
    assert things.exit_code == 1
    assert "holds other things; give a new folder with -o" in things.output
