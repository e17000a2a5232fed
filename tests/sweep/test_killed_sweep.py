"""A sweep of real merges that is killed twenty times has each result once."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from tiny_sweep import (
    MODELS,
    SHORT,
    TASK,
    environment,
    evaluated,
    make_sweep_models,
    plan,
)

from lm_eval_iberian.sweep.sweep_folder import open_sweep


KILLS = 20
# 12 models, each evaluated twice
SPEC: dict[str, Any] = {
    "models": MODELS,
    "methods": [
        {"method": "fused_task_arithmetic", "weight": "0.25..2 step 0.25"},
        {"method": "linear"},
    ],
    "suites": {
        "chat": {
            "tasks": {"eu": [TASK]}, "apply_chat_template": True, "limit": 1,
            "gen_kwargs": SHORT,
        },
        "lines": {"tasks": {"eu": ["iberian_perplexity_eu_mini"]}, "limit": 2},
    },
    "device": "cpu",
}  # fmt: skip


def start(here: Path, folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            sys.executable, "-m", "lm_eval_iberian.cli", "sweep", "run", str(folder),
            "--jobs", "2",
        ],
        cwd=here, env=environment(here), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def workers(folder: Path) -> list[psutil.Process]:
    """Return the processes that run cells of a sweep."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        said = process.info["cmdline"] or []
        if str(folder) in said and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return [one for one in found if "cell" in one.info["cmdline"]]


def done(folder: Path) -> set[str]:
    return {one.parent.name for one in (folder / "cells").glob("*/record.json")}


def check_nobody_is_left(folder: Path) -> None:
    deadline = time.monotonic() + 20
    while (left := workers(folder)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert left == []


@pytest.mark.slow
def test_twenty_kills_of_real_cells(tmp_path: Path) -> None:
    make_sweep_models(tmp_path)
    undisturbed, disturbed = (
        plan(tmp_path, SPEC, name) for name in ("undisturbed", "disturbed")
    )
    assert start(tmp_path, undisturbed).wait(400) == 0
    draw = random.Random("twenty real kills")  # noqa: S311 (keyed, not secret)
    made: dict[str, int] = {}
    at_a_cell = 0
    for number in range(KILLS):
        driver = start(tmp_path, disturbed)
        begun = time.monotonic()
        # most kills meet a cell that runs, some a start
        if draw.random() < 0.7:
            running = disturbed / "running"
            while driver.poll() is None and time.monotonic() - begun < 60:
                if running.is_dir() and any(running.iterdir()):
                    break
                time.sleep(0.01)
        time.sleep(draw.uniform(0, 1.0))
        at_a_cell += any((disturbed / "running").glob("*"))
        if number % 4 == 3 and (found := workers(disturbed)):
            draw.choice(found).kill()
            time.sleep(draw.uniform(0, 0.5))
        driver.kill()
        driver.wait()
        check_nobody_is_left(disturbed)
        now = {
            name: os.stat(disturbed / "cells" / name / "record.json").st_mtime_ns
            for name in done(disturbed)
        }
        # what had its result has the very same
        assert made.items() <= now.items()
        made = now
    assert at_a_cell >= KILLS // 3, "hardly a kill met a cell"
    last = subprocess.run(
        [
            sys.executable, "-m", "lm_eval_iberian.cli", "sweep", "run",
            str(disturbed), "--jobs", "2", "--retry-failed",
        ],
        cwd=tmp_path, env=environment(tmp_path), check=False,
    )  # fmt: skip
    assert last.returncode == 0
    sweep = open_sweep(disturbed)
    assert sweep.counts()["done"] == len(sweep.cells) == 24
    assert list((disturbed / "running").iterdir()) == []
    assert not (disturbed / "locks").exists()
    for cell in sweep.cells:
        ours, theirs = (one / "cells" / cell.id for one in (disturbed, undisturbed))
        assert evaluated(ours) == evaluated(theirs)
        assert len(list(ours.glob("results_*.json"))) == 1
    check_nobody_is_left(disturbed)
