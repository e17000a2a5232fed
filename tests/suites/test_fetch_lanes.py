from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from lm_eval_iberian.suites.fetch import run_lanes


def test_a_lane_is_never_entered_twice_and_few_run_at_once() -> None:
    lock = threading.Lock()
    inside: list[str] = []
    most = 0

    def work(job: str) -> str:
        nonlocal most
        with lock:
            assert job[0] not in inside
            inside.append(job[0])
            most = max(most, len(inside))
        time.sleep(0.01)
        with lock:
            inside.remove(job[0])
        return job

    jobs = [f"{lane}{i}" for lane in "abcdef" for i in range(4)]
    done = list(run_lanes(jobs, lambda job: job[0], work, 3))
    assert sorted(done) == sorted(jobs)
    assert most == 3
    for lane in "abcdef":
        assert [job for job in done if job[0] == lane] == [
            f"{lane}{i}" for i in range(4)
        ]


def test_no_jobs() -> None:
    assert list(run_lanes([], str, str, 4)) == []


def test_what_work_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        list(run_lanes([0], str, lambda job: 1 / job, 2))


INTERRUPTED = """
import threading
from lm_eval_iberian.suites.fetch import run_lanes

def work(job):
    if job == "endless":
        threading.Event().wait()
    return job

for _ in run_lanes(["endless", "short", "never"], str, work, 2):
    raise KeyboardInterrupt
"""


def test_an_interrupt_waits_for_no_job() -> None:
    command = [sys.executable, "-c", INTERRUPTED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert done.stderr.endswith("KeyboardInterrupt\n")
