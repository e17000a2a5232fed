"""``iberian search`` against a real SLURM: what ends jobs does not change the front."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
import yaml
from click.testing import Result
from slurm_cluster import SlurmCluster, wait_for
from tiny_search import files, run, write_spec

from lm_eval_iberian.search.search_folder import SearchFolder


pytest.importorskip("optuna", reason="NO OPTUNA: pip install 'optuna>=5' cmaes")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3000)]
# of a machine that is busy with something else
_PATIENCE = 1200.0
SLURM = ("--executor", "slurm", "--time", "2:00:00", "--gpus-per-job", "0")


@pytest.fixture
def spec(here: Path) -> Path:
    """A specification that no other test writes anew while jobs read it."""
    found = here / "slurm.yaml"
    found.write_text(write_spec(here).read_text("utf-8"), "utf-8")
    return found


def submit(spec: Path, out: Path, *more: str) -> Result:
    return run(spec, out, *SLURM, *more)


def searching(out: Path) -> list[psutil.Process]:
    """Return the processes that jobs have for a search."""
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        if "--shared" in words and str(out) in words and "search" in words[:5]:
            found.append(process)
    return found


def test_jobs_of_which_one_is_killed_come_to_the_same(
    cluster: SlurmCluster, spec: Path, undisturbed: Path
) -> None:
    out = spec.parent / "jobs"
    profile = spec.parent / "juno.yaml"
    text = {"partition": "gpu", "sbatch": {"mem": "1G"}, "merges-per-job": 3}
    profile.write_text(yaml.safe_dump(text), "utf-8")
    begun = submit(spec, out, "--profile", str(profile), "--max-jobs", "16")
    assert begun.exit_code == 4, begun.stderr
    (job,) = {one.partition("_")[0] for one in cluster.jobs()}
    # as many as are raced at once
    assert f"submitted 2 jobs as {job}\n" in begun.stdout
    assert f"look: the same command; end them: scancel {job}\n" in begun.stderr
    again = submit(spec, out)
    assert again.exit_code == 4, again.stderr
    assert "2 jobs in flight already\n  job " in again.stdout
    assert "0 of 6 candidates are through\n" in again.stdout
    assert set(cluster.jobs()) == {f"{job}_0", f"{job}_1"}
    local = run(spec, out)
    assert local.exit_code == 1
    assert "is being searched by 2 jobs of the cluster" in local.output
    # both are at a candidate, and one dies as where memory is short
    places = [out / "candidates" / name / "look-0.json" for name in ("0000", "0001")]
    wait_for(lambda: any(one.exists() for one in places), "a look", _PATIENCE)
    process = searching(out)[0]
    process.kill()
    wait_for(lambda: list(out.glob("slurm/*/error-*.json")), "a note of it", _PATIENCE)
    wait_for(lambda: len(cluster.jobs()) == 1, "the end of its job", _PATIENCE)
    assert not (out / "front.json").exists()
    refilled = submit(spec, out)
    assert refilled.exit_code == 4, refilled.stderr
    assert "failed: its process was killed (SIGKILL); out of memory" in refilled.stderr
    assert "submitted 1 job as " in refilled.stdout
    assert "1 job in flight already\n  job " in refilled.stdout
    cluster.wait_until_idle(_PATIENCE)
    assert files(out, but="slurm") == files(undisturbed)
    done = submit(spec, out)
    assert done.exit_code == 0, done.stderr
    assert (undisturbed / "front.md").read_text("utf-8").strip() in done.stdout
    assert cluster.jobs() == {}
    assert files(out, but="slurm") == files(undisturbed)


def test_a_limit_of_time_and_a_node_that_goes_down(
    cluster: SlurmCluster, spec: Path, undisturbed: Path
) -> None:
    out = spec.parent / "requeued"
    assert submit(spec, out).exit_code == 4
    wait_for(lambda: (out / "candidates" / "0000").exists(), "a candidate", _PATIENCE)
    first, second = sorted(cluster.jobs())
    node = cluster.say("squeue", "-h", "-j", second, "-o", "%N").strip()
    cluster.say("scancel", "--signal=USR2", first)  # as some time before a limit
    cluster.set_down(node)
    wait_for(
        lambda: "PENDING" in cluster.jobs().values(),
        "a job that waits again",
        _PATIENCE,
    )
    assert set(cluster.jobs()) == {first, second}
    assert "submitted" not in submit(spec, out).stdout
    cluster.wait_until_idle(_PATIENCE)
    assert files(out, but="slurm") == files(undisturbed)
    assert run(spec, out).exit_code == 0  # here too, now that no job is at it


def test_what_cannot_be_submitted_leaves_no_jobs(
    cluster: SlurmCluster, spec: Path
) -> None:
    out = spec.parent / "refused"
    found = submit(spec, out, "--partition", "gqu")
    assert found.exit_code == 1
    assert "Error: SLURM refuses the jobs: " in found.stderr
    assert list((out / "slurm").iterdir()) == []
    with SearchFolder(out).held():
        held = submit(spec, out)
    assert held.exit_code == 1
    assert "is being searched by another process" in held.stderr
    assert cluster.jobs() == {}
