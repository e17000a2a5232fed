"""Against a real SLURM on loopback: whatever ends jobs, every cell has one result."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import slurm_cells
import yaml
from cheap_cells import cheap_sweep
from click.testing import CliRunner, Result
from slurm_cells import merged_sweep, submit_missing
from slurm_cluster import SlurmCluster, wait_for

from lm_eval_iberian.cli import main, sweep_slurm
from lm_eval_iberian.corpus.prose import passages
from lm_eval_iberian.demo.tokenizer import train_tokenizer, with_chat
from lm_eval_iberian.demo.train import Shape, new_model
from lm_eval_iberian.sweep import slurm_submission
from lm_eval_iberian.sweep.slurm_manifest import (
    cells_in_flight,
    manifests,
    slurm_state,
)
from lm_eval_iberian.sweep.slurm_queue import SlurmError, queued_tasks
from lm_eval_iberian.sweep.sweep_folder import InFlightError, SweepFolder


pytestmark = pytest.mark.slow

PROGRAM = slurm_cells.__file__


def iberian(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["sweep", *map(str, arguments)])


def starts(sweep: SweepFolder) -> Counter[str]:
    path = sweep.path / "starts"
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return Counter(line.partition(" ")[0] for line in lines)


def states(sweep: SweepFolder) -> dict[str, str]:
    arrays = manifests(sweep)
    flight = cells_in_flight(sweep, arrays)
    return {cell.id: slurm_state(sweep, cell, flight, arrays) for cell in sweep.cells}


def submitted(sweep: SweepFolder) -> Counter[str]:
    """Return how often each cell was submitted."""
    return Counter(n for one in manifests(sweep) for names in one.tasks for n in names)


def test_thirty_cells_on_three_nodes(cluster: SlurmCluster, tmp_path: Path) -> None:
    sweep = merged_sweep(tmp_path / "sweep", merges=15, each=2)
    (first,) = submit_missing(sweep, 1.0)
    assert [len(names) for names in first.tasks] == [2] * 15
    wait_for(lambda: len(starts(sweep)) >= 3, "cells that run")
    assert submit_missing(sweep, 1.0) == []  # all are in flight
    on = dict(
        line.split() for line in cluster.say("squeue", "-h", "-o", "%i %N").splitlines()
        if " n" in line
    )  # fmt: skip
    cancelled = next(job for job, node in on.items() if node != "n1")
    assert "n1" in on.values()
    cluster.set_down("n1")
    cluster.say("scancel", cancelled)
    assert submit_missing(sweep, 1.0) == []
    wait_for(lambda: cancelled not in cluster.jobs(), "end of a cancelled job")
    lost = [name for name, state in states(sweep).items() if state == "lost"]
    assert lost
    assert set(lost) <= set(first.tasks[int(cancelled.partition("_")[2])])
    said = iberian("status", sweep.path)
    assert said.exit_code == 4
    assert f"lost     {len(lost)}\n  {lost[0]}\n" in said.output
    (again,) = submit_missing(sweep, 0.1)  # while the others are in flight
    assert [name for names in again.tasks for name in names] == lost
    cluster.wait_until_idle(90)
    assert set(states(sweep).values()) == {"done"}
    assert len(list((sweep.path / "cells").iterdir())) == 30
    for place in (sweep.path / "cells").iterdir():
        of = json.loads((place / "results_x.json").read_text("utf-8"))
        assert of == {"of": place.name}
    # what was lost was submitted twice, and nothing else; SLURM itself put back what
    # the node had
    assert {n for n, count in submitted(sweep).items() if count > 1} == set(lost)
    twice = {name for name, count in starts(sweep).items() if count > 1}
    assert len(twice - set(lost)) <= 2
    assert max(starts(sweep).values()) == 2
    assert iberian("status", sweep.path).exit_code == 0
    assert submit_missing(sweep, 0) == []
    assert list((sweep.path / "running").iterdir()) == []


@pytest.mark.parametrize("how", ["limit", "preemption"])
def test_a_job_that_has_to_make_room_goes_on_later(
    how: str, cluster: SlurmCluster, tmp_path: Path
) -> None:
    sweep = merged_sweep(tmp_path / "sweep", merges=1, each=2)
    (made,) = submit_missing(sweep, 5.0)
    wait_for(lambda: len(starts(sweep)) == 2, "a second cell")
    (job,) = cluster.jobs()
    if how == "limit":  # the signal that was asked for, some time before it
        cluster.say("scancel", "--signal=USR2", job)
    else:  # what SLURM sends, and does after the time of grace
        cluster.say("scancel", "--signal=TERM", job)
        time.sleep(4)
        assert cluster.jobs() == {job: "RUNNING"}
        assert states(sweep)["m00--s1-eu"] == "running"
        cluster.say("scontrol", "requeue", job)
    wait_for(lambda: cluster.jobs().get(job) == "PENDING", "a job that waits again")
    assert states(sweep) == {"m00--s0-eu": "done", "m00--s1-eu": "pending"}
    assert submit_missing(sweep, 0) == []
    status = iberian("status", sweep.path)
    assert f"m00--s1-eu  job {job} (pending" in status.output
    cluster.wait_until_idle(60)
    assert set(states(sweep).values()) == {"done"}
    assert starts(sweep) == {"m00--s0-eu": 1, "m00--s1-eu": 2}
    assert manifests(sweep) == [made]


@pytest.mark.parametrize(
    ("where", "arrays"),
    [
        # after the manifest was written; SLURM knows nothing of it
        ("_sbatch", 2),
        # SLURM has taken the jobs, and their id is written down nowhere
        ("with_job", 1),
        # somewhere in between, or before, or after
        ("", None),
    ],
)
def test_a_killed_submission_submits_nothing_twice(
    where: str, arrays: int | None, cluster: SlurmCluster, tmp_path: Path
) -> None:
    sweep = merged_sweep(tmp_path / "sweep", merges=3, each=1)
    command = [sys.executable, PROGRAM, "submit", "60", str(sweep.path)]
    with subprocess.Popen([*command, *([where] if where else [])]) as running:
        if not where:
            wait_for(lambda: manifests(sweep), "a manifest")
            time.sleep(0.05)
            running.kill()
        assert running.wait(60) in (0, -signal.SIGKILL)
    submit_missing(sweep, 60)
    found = {one.name: one for one in manifests(sweep)}
    assert arrays in (None, len(found))
    in_flight = [n for t in queued_tasks(found) for n in found[t.name].tasks[t.task]]
    assert sorted(in_flight) == [cell.id for cell in sweep.cells]
    ended = iberian("cancel", sweep.path)
    assert (ended.exit_code, ended.output) == (0, "3 jobs were ended\n")
    assert set(states(sweep).values()) == {"waiting"}


def test_two_at_once(cluster: SlurmCluster, tmp_path: Path) -> None:
    sweep = merged_sweep(tmp_path / "sweep", merges=1, each=1)
    with sweep.driven(), pytest.raises(InFlightError, match="by another process"):
        submit_missing(sweep, 0)
    assert manifests(sweep) == []


@pytest.mark.parametrize(
    ("profile", "says"),
    [
        ({"partition": "gqu"}, "nvalid partition"),
        ({"sbatch": {"mem": "900G"}}, "SLURM refuses the jobs: "),
        ({"sbatch": {"no-such-option": "1"}}, "no-such-option"),
    ],
)
def test_what_slurm_refuses_leaves_nothing(
    profile: dict[str, Any], says: str, cluster: SlurmCluster, tmp_path: Path
) -> None:
    sweep = merged_sweep(tmp_path / "sweep", merges=2, each=1)
    with pytest.raises(SlurmError) as caught:
        submit_missing(sweep, 0, **profile)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list((sweep.path / "slurm").iterdir()) == []
    assert cluster.jobs() == {}


def test_the_command_says_what_slurm_refuses(
    cluster: SlurmCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = merged_sweep(tmp_path / "sweep", merges=2, each=1)
    monkeypatch.setattr(sweep_slurm, "check_offline", lambda cells, settings: None)
    said = iberian(
        "run", sweep.path, "--executor", "slurm", "--time", "10", "--partition", "cpu"
    )
    assert said.exit_code == 2
    assert "Error: SLURM refuses the jobs: " in said.output
    assert "cpu" in said.output
    assert manifests(sweep) == []


def test_a_queue_that_does_not_answer_lets_nothing_be_submitted(
    cluster: SlurmCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = merged_sweep(tmp_path / "sweep", merges=2, each=1)
    submit_missing(sweep, 60)
    (tmp_path / "slurm.conf").write_text("nothing that SLURM knows\n")
    monkeypatch.setenv("SLURM_CONF", str(tmp_path / "slurm.conf"))
    with pytest.raises(SlurmError, match="squeue says"):
        submit_missing(sweep, 60)
    assert len(manifests(sweep)) == 1
    run = iberian("run", sweep.path)
    assert run.exit_code == 2
    assert "SLURM does not answer" in run.output
    status = iberian("status", sweep.path)
    assert status.exit_code == 4
    assert "what is in flight is not known: SLURM does not answer" in status.output


def test_arrays_are_as_long_as_slurm_lets_them(
    cluster: SlurmCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert slurm_submission.largest_array() == 1001
    monkeypatch.setattr(slurm_submission, "largest_array", lambda: 4)
    sweep = merged_sweep(tmp_path / "sweep", merges=5, each=1)
    made = submit_missing(sweep, 0.5, max_jobs=2)
    assert [len(one.tasks) for one in made] == [4, 1]
    most = 0
    deadline = time.monotonic() + 60
    while (jobs := cluster.jobs()) and time.monotonic() < deadline:
        most = max(most, list(jobs.values()).count("RUNNING"))
        time.sleep(0.1)
    assert most == 2  # not one of the second array beside two of the first
    assert set(states(sweep).values()) == {"done"}


def test_what_jobs_call_is_pickled_by_name(
    cluster: SlurmCluster, tmp_path: Path
) -> None:
    sweep = merged_sweep(tmp_path / "sweep", merges=2, each=1)
    (made,) = submit_missing(sweep, 60)
    pickles = list((sweep.path / "slurm" / made.id).glob("*_submitted.pkl"))
    assert len(pickles) == 2
    for path in pickles:
        content = path.read_bytes()
        assert b"lm_eval_iberian.sweep.slurm_task" in content
        assert b"cloudpickle" not in content  # which code is, pickled by value
    assert iberian("cancel", sweep.path).exit_code == 0
    submit_missing(sweep, 0)
    # what was to be called is gone with its jobs, what was printed is kept
    assert not list((sweep.path / "slurm" / made.id).glob("*.pkl"))


def test_cancel_ends_our_jobs_alone(cluster: SlurmCluster, tmp_path: Path) -> None:
    sweep = merged_sweep(tmp_path / "sweep", merges=8, each=1)
    other = cluster.say(
        "sbatch", "--parsable", "--output=/dev/null", "--wrap", "sleep 300"
    ).strip()
    submit_missing(sweep, 60)
    wait_for(lambda: starts(sweep), "a cell that runs")
    said = iberian("cancel", sweep.path)
    assert (said.exit_code, said.output) == (0, "8 jobs were ended\n")
    assert list(cluster.jobs()) == [other]
    assert set(states(sweep).values()) == {"waiting"}
    assert all(sweep.error(cell) is None for cell in sweep.cells)
    again = iberian("cancel", sweep.path)
    assert (again.exit_code, again.output) == (0, "nothing of this sweep runs\n")
    (made,) = submit_missing(sweep, 0)
    assert len(made.tasks) == 8


def test_what_fails_on_a_node_is_written_down(
    cluster: SlurmCluster, tmp_path: Path
) -> None:
    names = ["a--s-eu", "fails--s-eu", "dies--s-eu", "z--s-eu"]
    sweep = cheap_sweep(tmp_path / "sweep", names)  # of one merge, so of one job
    told = "echo gpu=$CUDA_VISIBLE_DEVICES cpus=$SLURM_CPUS_PER_TASK"
    (made,) = submit_missing(sweep, 0, setup=(told,), gpus_per_job=1, cpus_per_gpu=2)
    assert made.tasks == (tuple(names),)
    cluster.wait_until_idle()
    assert states(sweep) == dict(
        zip(names, ["done", "failed", "failed", "done"], strict=True)
    )
    said = [p.read_text() for p in (sweep.path / "slurm" / made.id).glob("*log.out")]
    assert "gpu=0 cpus=2\n" in "".join(said)
    assert submit_missing(sweep, 0) == []
    assert iberian("status", sweep.path).exit_code == 3


TASK = "iberian_ifeval_eu_mini"
SPEC: dict[str, Any] = {
    "models": {"instruct": "instruct", "experts": {"eu": "expert-eu"}},
    "methods": [{"method": "linear"}],
    "baselines": ["instruct"],
    "suites": {
        "ifeval": {
            "tasks": {"eu": [TASK]},
            "limit": 2,
            "gen_kwargs": {"max_gen_toks": 8},
        },
    },
    "device": "cpu",
}  # fmt: skip


def test_two_models_from_the_plan_to_the_report(
    cluster: SlurmCluster, tmp_path: Path
) -> None:
    texts = [p.text for lang in ("eu", "en") for p in passages(lang, "train")]
    tokenizer = with_chat(train_tokenizer(texts, 1000))
    shape = Shape(vocabulary=1000, hidden=32, intermediate=64, layers=2, heads=2)
    for name in ("expert-eu", "instruct"):
        new_model(shape, tokenizer, name).save_pretrained(tmp_path / name)
        tokenizer.save_pretrained(tmp_path / name)
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(SPEC), "utf-8")
    profile = "time: 0:20:00\ngpus-per-job: 0\npartition: gpu\nsbatch: {mem: 1G}\n"
    (tmp_path / "juno.yaml").write_text(profile, "utf-8")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "lm_eval_iberian.cli", *arguments], text=True,
            capture_output=True, cwd=tmp_path, check=False,
            env=os.environ | {"HF_HOME": str(tmp_path / "hf")},
        )  # fmt: skip

    assert run("sweep", "plan", "sweep.yaml", "-o", "out").returncode == 0
    submit = ("sweep", "run", "out", "--executor", "slurm", "--profile", "juno.yaml")
    done = run(*submit)
    assert done.returncode == 4, done.stderr
    assert "submitted 2 jobs of 2 cells as " in done.stdout
    assert "look: iberian sweep status out" in done.stderr
    again = run(*submit)
    assert again.returncode == 4
    assert "submitted" not in again.stdout
    status = json.loads(run("sweep", "status", "out", "--json").stdout)
    assert set(status["counts"]) == {
        "done", "running", "pending", "failed", "lost", "waiting",
    }  # fmt: skip
    assert {job["state"] for job in status["jobs"].values()} <= {"RUNNING", "PENDING"}
    cluster.wait_until_idle(400)
    whole = run(*submit)
    assert (whole.returncode, whole.stdout) == (0, "2 of 2 cells done, 0 failed\n")
    record = json.loads(
        (tmp_path / "out/cells/linear-eu--ifeval-eu/record.json").read_text("utf-8")
    )
    assert record["cell"]["method"] == "linear"
    report = run("report", "out", "--format", "csv")
    assert report.returncode == 0, report.stderr
