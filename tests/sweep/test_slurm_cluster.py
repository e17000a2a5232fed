"""Against a real SLURM on loopback: whatever ends jobs, every cell has one result."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from slurm_cells import merged_sweep, submit_missing
from slurm_cluster import SlurmCluster, wait_for, why_not

from lm_eval_iberian.cli import main
from lm_eval_iberian.sweep.slurm_manifest import (
    cells_in_flight,
    manifests,
    slurm_state,
)
from lm_eval_iberian.sweep.sweep_folder import SweepFolder


pytestmark = pytest.mark.slow


def iberian(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["sweep", *map(str, arguments)])


@pytest.fixture(scope="module")
def whole_cluster() -> Iterator[SlurmCluster]:
    if (why := why_not()) is not None:
        pytest.skip(why)
    pytest.importorskip("submitit", reason="NO SUBMITIT: pip install submitit")
    found = SlurmCluster()
    yield found
    found.stop()


@pytest.fixture
def cluster(
    whole_cluster: SlurmCluster, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SlurmCluster]:
    for name, value in whole_cluster.environment.items():
        monkeypatch.setenv(name, value)
    here = str(Path(__file__).parent)
    monkeypatch.setenv("PYTHONPATH", f"{here}:{os.environ.get('PYTHONPATH', '')}")
    yield whole_cluster
    whole_cluster.say("scancel", f"--user={os.getuid()}")
    whole_cluster.wait_until_idle()


def starts(sweep: SweepFolder) -> Counter[str]:
    path = sweep.path / "starts"
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return Counter(line.partition(" ")[0] for line in lines)


def states(sweep: SweepFolder) -> dict[str, str]:
    arrays = manifests(sweep)
    flight = cells_in_flight(sweep, arrays)
    return {cell.id: slurm_state(sweep, cell, flight, arrays) for cell in sweep.cells}


def test_thirty_cells_on_three_nodes(cluster: SlurmCluster, tmp_path: Path) -> None:
    sweep = merged_sweep(tmp_path / "sweep", merges=15, each=2)
    (first,) = submit_missing(sweep, 1.0)
    assert len(first.tasks) == 15
    assert {len(names) for names in first.tasks} == {2}
    assert submit_missing(sweep, 1.0) == []  # all are in flight
    wait_for(lambda: len(starts(sweep)) >= 3, "cells that run")
    cluster.set_down("n1")
    running = [job for job, state in cluster.jobs().items() if state == "RUNNING"]
    cluster.say("scancel", running[-1])
    assert submit_missing(sweep, 1.0) == [] or len(manifests(sweep)) == 2
    cluster.wait_until_idle(90)
    lost = [name for name, state in states(sweep).items() if state == "lost"]
    assert set(states(sweep).values()) <= {"done", "lost"}
    if lost:
        again = submit_missing(sweep, 0.1)
        assert sorted(n for m in again for names in m.tasks for n in names) == lost
        cluster.wait_until_idle(90)
    assert set(states(sweep).values()) == {"done"}
    print(starts(sweep), time.monotonic())
