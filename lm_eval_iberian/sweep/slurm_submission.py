"""Hands work to SLURM, as arrays of jobs: of a sweep the cells that lack a result.

No process of ours goes on: SLURM starts the jobs, files say what they have done, and
the names of arrays, written down before SLURM is told of them, which are in flight.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from importlib.util import find_spec
from typing import Any

from lm_eval_iberian.errors import DataError, MissingExtraError
from lm_eval_iberian.sweep.slurm_call import SlurmCall
from lm_eval_iberian.sweep.slurm_manifest import (
    HasPath,
    SlurmManifest,
    cells_in_flight,
    manifest_place,
    manifests,
    new_manifest,
    packed,
    take_back,
    with_job,
)
from lm_eval_iberian.sweep.slurm_profile import SlurmProfile
from lm_eval_iberian.sweep.slurm_queue import (
    QueuedTask,
    SlurmError,
    largest_array,
    require_slurm,
)
from lm_eval_iberian.sweep.slurm_task import SlurmTask
from lm_eval_iberian.sweep.sweep_cell import SweepCell
from lm_eval_iberian.sweep.sweep_folder import SweepFolder
from lm_eval_iberian.terminal import one_line


# a job that needs its limit of time more often waits for another run
_TIMES_OUT = 10
CELL_PROGRAM = (sys.executable, "-m", "lm_eval_iberian.cli", "sweep", "cell")


def require_submission(folder: HasPath) -> None:
    """Check that jobs can be submitted here at all.

    Raises:
        SlurmError: SLURM's commands are not here.
        MissingExtraError: submitit is not.
        DataError: The folder's name would be taken for a pattern.
    """
    require_slurm()
    if find_spec("submitit") is None:
        raise MissingExtraError(
            "submitit is not installed, jobs are submitted with it:"
            " pip install 'lm-eval-iberian[slurm]'"
        )
    if "%" in str(folder.path.absolute()):
        raise DataError(
            f"{folder.path.absolute()}: SLURM takes a % in the name of a folder for a"
            " pattern of its own; rename it"
        )


def submit(
    folder: SweepFolder,
    cells: Sequence[SweepCell],
    profile: SlurmProfile,
    program: Sequence[str] = CELL_PROGRAM,
) -> list[SlurmManifest]:
    """Submit those of the cells that have no result and are not in flight.

    Args:
        folder: The sweep.
        cells: Which cells.
        profile: How jobs are asked for.
        program: What takes the folder and ids of cells.

    Returns:
        What was submitted; nothing where all are in flight.

    Raises:
        InFlightError: Another process drives the sweep.
        SlurmError: SLURM does not say what is in flight, or refuses the jobs.
        MissingExtraError: submitit is not installed.
    """
    require_submission(folder)
    with folder.driven():
        before = manifests(folder)
        flight = cells_in_flight(folder, before)
        # results are looked for after the queue was: what ended between has one
        wanted = [c for c in cells if c.id not in flight and not folder.is_done(c)]
        if not wanted:
            return []
        forget_calls(folder, before, flight.values())
        for cell in wanted:
            folder.clear(cell, everywhere=True)
        # with a maximum of jobs one array runs after the other
        after = {task.array for task in flight.values()} if profile.max_jobs else None
        return submit_arrays(
            folder, packed(wanted, profile.merges_per_job),
            lambda tasks: new_manifest(folder, tasks), profile,
            SlurmTask(), program, after,
        )  # fmt: skip


def submit_arrays(
    folder: HasPath,
    tasks: Sequence[tuple[str, ...]],
    written: Callable[[Sequence[tuple[str, ...]]], SlurmManifest],
    profile: SlurmProfile,
    call: SlurmCall,
    program: Sequence[str],
    after: Collection[str] | None = None,
) -> list[SlurmManifest]:
    """Submit tasks, in arrays that are as long as SLURM lets them.

    Args:
        folder: Whose they are; no other process submits any of it now.
        tasks: The tasks, as manifests have them.
        written: Writes down those of an array.
        profile: How jobs are asked for.
        call: What a job calls.
        program: The last arguments of that.
        after: The arrays after which one runs, and each after the one before it;
            ``None`` where they run side by side.

    Returns:
        What was submitted.

    Raises:
        SlurmError: SLURM refuses the jobs.
    """
    most = largest_array()
    made: list[SlurmManifest] = []
    for begin in range(0, len(tasks), most):
        manifest = written(tasks[begin : begin + most])
        parameters = _parameters(profile, manifest, sorted(after or ()))
        try:
            job = _sbatch(folder, manifest, parameters, call, program)
        except SlurmError as error:
            take_back(folder, manifest)
            if made:
                raise SlurmError(
                    f"{error}; {sum(len(m.tasks) for m in made)} jobs before were"
                    " submitted"
                ) from error
            raise
        made.append(with_job(folder, manifest, job))
        after = None if after is None else {job}
    return made


def _parameters(
    profile: SlurmProfile, manifest: SlurmManifest, after: Sequence[str]
) -> dict[str, Any]:
    """Return what submitit takes; ``None`` for what the cluster decides."""
    more = dict(profile.sbatch)
    if after:
        told = [str(more["dependency"])] if "dependency" in more else []
        more["dependency"] = ",".join([*told, f"afterany:{':'.join(after)}"])
    if "no-requeue" not in more:
        more.setdefault("requeue", True)
    cpus = (profile.cpus_per_gpu or 0) * profile.gpus_per_job or None
    cpus = more.pop("cpus-per-task", cpus)  # type: ignore[assignment]
    # the job's one step has all that the job has, which is not SLURM's own choice
    step = ["--cpu-bind=none", *([f"--cpus-per-task={cpus}"] if cpus else [])]
    return {
        "job_name": manifest.name,
        "comment": more.pop("comment", manifest.name),
        "time": profile.time,
        "account": profile.account or None,
        "qos": profile.qos or None,
        "partition": profile.partition or None,
        "gpus_per_node": profile.gpus_per_job or None,
        "cpus_per_task": cpus,
        "array_parallelism": profile.max_jobs or len(manifest.tasks),
        "setup": list(profile.setup) or None,
        "signal_delay_s": min(120, 15 * profile.time),
        "srun_args": step,
        "stderr_to_stdout": True,
        "wckey": None,
        "additional_parameters": more,
    }


def _sbatch(
    folder: HasPath,
    manifest: SlurmManifest,
    parameters: dict[str, Any],
    call: SlurmCall,
    program: Sequence[str],
) -> str:
    """Submit an array and return SLURM's id of it."""
    import submitit
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    place = manifest_place(folder, manifest.id).absolute()
    executor = submitit.SlurmExecutor(place, max_num_timeout=_TIMES_OUT)
    executor.update_parameters(**parameters)
    count = len(manifest.tasks)
    texts = [
        [str(folder.path.absolute())] * count,
        [manifest.id] * count,
        [str(number) for number in range(count)],
        *([word] * count for word in program),
    ]
    try:
        jobs = executor.map_array(call, *texts)
    except (FailedJobError, FailedSubmissionError) as error:
        said = " ".join(
            line.removeprefix("sbatch: ").removeprefix("error: ").strip()
            for line in str(error).splitlines()
        )
        raise SlurmError(f"SLURM refuses the jobs: {one_line(said)}") from error
    return str(jobs[0].job_id).partition("_")[0]


def forget_calls(
    folder: HasPath, of: Sequence[SlurmManifest], flight: Collection[QueuedTask]
) -> None:
    """Remove what jobs were to call that have ended, and keep what they printed."""
    in_flight = {task.name for task in flight}
    places = [manifest_place(folder, one.id) for one in of if one.name not in in_flight]
    for place in places:
        for pattern in ("*.pkl", "*.sh", ".*.sh"):
            for path in place.glob(pattern):
                path.unlink(missing_ok=True)
