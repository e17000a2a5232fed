"""How a cluster's jobs are asked for: options of the command line, or of a file."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import DataError, unknown_name
from lm_eval_iberian.sweep.placed_yaml import read_placed
from lm_eval_iberian.toml import read_toml


# option, which is the key of a profile too -> the least it can be, for numbers
OPTIONS: Mapping[str, int | None] = {
    "account": None, "qos": None, "partition": None, "time": None,
    "gpus-per-job": 0, "cpus-per-gpu": 1, "merges-per-job": 1, "max-jobs": 1,
}  # fmt: skip
KEYS = (*OPTIONS, "sbatch", "setup")
# what a job is and where it writes, which is ours to say
_OURS = {
    "array", "error", "job-name", "nodes", "ntasks", "ntasks-per-node", "open-mode",
    "output", "parsable", "signal", "test-only", "wait", "wrap",
}  # fmt: skip
# what an option of ours is for
_OPTION_FOR = {
    **{key: f"--{key}" for key in ("account", "qos", "partition", "time")},
    "gpus-per-node": "--gpus-per-job", "gpus-per-task": "--gpus-per-job",
    "cpus-per-gpu": "--cpus-per-gpu",
}  # fmt: skip
_FLAG = re.compile(r"[a-z][a-z0-9-]{0,40}")
# days-hours, hours:minutes:seconds, minutes …, as sbatch takes them
_TIME = re.compile(r"(?:(\d{1,4})-)?(\d{1,7})(?::(\d{1,2}))?(?::(\d{1,2}))?")


@dataclass(frozen=True)
class SlurmProfile:
    """How jobs are asked for.

    Attributes:
        time: The most minutes that a job may take.
        account: Who pays; empty for the cluster's default, as below.
        qos: The quality of service.
        partition: The partition.
        gpus_per_job: How many GPUs a job has.
        cpus_per_gpu: How many cores for each; ``None`` for the cluster's default.
        merges_per_job: How many models a job evaluates, one after the other.
        max_jobs: How many jobs may run at once.
        sbatch: Other options of sbatch; ``True`` for one without a value.
        setup: The user's own lines of shell, before each job.
    """

    time: int
    account: str = ""
    qos: str = ""
    partition: str = ""
    gpus_per_job: int = 1
    cpus_per_gpu: int | None = None
    merges_per_job: int = 1
    max_jobs: int | None = None
    sbatch: Mapping[str, str | bool] = field(default_factory=dict)
    setup: tuple[str, ...] = ()


def read_profile(path: Path | None, given: Mapping[str, Any]) -> SlurmProfile:
    """Return how jobs are asked for.

    Args:
        path: A file of YAML or, by its suffix, TOML with any of ``KEYS``.
        given: The same by the command line, which wins: texts, for ``setup`` a list of
            them, for ``sbatch`` one of ``key=value``; what was not given is left out.

    Raises:
        DataError: A key does not exist, a value cannot be, or there is no time limit.
    """
    stated = _read(path) if path is not None else {}
    where = str(path) if path is not None else ""
    found = _checked(stated, f"{where}: ", _pairs(stated.get("sbatch", {}), where))
    ours = _checked(given, "--", _listed_pairs(given.get("sbatch", ())))
    sbatch = {**found.pop("sbatch", {}), **ours.pop("sbatch", {})}
    both = {**found, **ours}
    if "time" not in both:
        raise DataError(
            "jobs need a limit of time: give --time, e.g. 4:00:00, or `time` in a file"
            " for --profile"
        )
    if both.get("cpus_per_gpu") and not both.get("gpus_per_job", 1):
        raise DataError(
            "--cpus-per-gpu is for jobs with GPUs; for others there is"
            " --sbatch cpus-per-task=N"
        )
    return SlurmProfile(**both, sbatch=sbatch)


def _read(path: Path) -> dict[str, Any]:
    """Return a file's keys, and values as texts, or lists and mappings of them."""
    if path.suffix == ".toml":
        found = {name.replace("_", "-"): one for name, one in read_toml(path).items()}
        for name in found:
            if name not in KEYS:
                unknown = unknown_name("key of a profile", name, KEYS)
                raise DataError(f"{path}: {unknown}")
        return found
    placed = read_placed(path, as_written=True)
    named = {
        name.replace("_", "-"): one
        for name, one in placed.mapping("key of a profile", ()).items()
    }
    for name, one in named.items():
        if name not in KEYS:
            raise one.fault(unknown_name("key of a profile", name, KEYS))
    return {name: one.plain() for name, one in named.items()}


def _checked(
    values: Mapping[str, Any], where: str, sbatch: Mapping[str, str | bool]
) -> dict[str, Any]:
    """Return values as ``SlurmProfile`` has them."""
    found: dict[str, Any] = {"sbatch": sbatch} if sbatch else {}
    for name, value in values.items():
        key = name.replace("-", "_")
        if name == "time":
            found[key] = minutes(_text(value, where + name))
        elif name == "setup":
            lines = [value] if isinstance(value, str) else value
            if not isinstance(lines, (list, tuple)):
                raise DataError(f"{where}setup must be a list of lines")
            found[key] = tuple(_text(one, f"{where}setup") for one in lines)
        elif name in OPTIONS:
            text, least = _text(value, where + name), OPTIONS[name]
            found[key] = text if least is None else _number(text, where + name, least)
    return found


def _text(value: Any, name: str) -> str:
    text = "" if isinstance(value, (dict, list)) else str(value).strip()
    if not text or not text.isprintable():
        raise DataError(f"{name} must be a text in one line, found {value!r}")
    return text


def _number(text: str, name: str, least: int) -> int:
    if not (text.isascii() and text.isdigit()) or not least <= int(text[:9]) == int(
        text
    ):
        raise DataError(
            f"{name} must be a whole number from {least} on, found {text!r}"
        )
    return int(text)


def minutes(text: str) -> int:
    """Return a time in sbatch's forms in whole minutes, rounded up.

    Raises:
        DataError: It is none of them, or no time at all.
    """
    of = _TIME.fullmatch(text)
    if of is None:
        raise DataError(
            f"time must be as sbatch takes it, minutes, hours:minutes:seconds or"
            f" days-hours:minutes:seconds, found {text!r}"
        )
    days, numbers = int(of[1] or 0), [int(one) for one in of.groups()[1:] if one]
    if of[1] is not None or len(numbers) == 3:  # from hours on
        hours, mins, seconds = (*numbers, 0, 0)[:3]
    else:
        hours, (mins, seconds) = 0, (*numbers, 0)[:2]
    found = math.ceil(days * 24 * 60 + hours * 60 + mins + seconds / 60)
    if found < 1:
        raise DataError(f"time must be a minute at least, found {text!r}")
    return found


def _listed_pairs(texts: tuple[str, ...]) -> dict[str, str | bool]:
    pairs = {}
    for text in texts:
        key, sign, value = text.partition("=")
        pairs[key.removeprefix("--")] = value if sign else "true"
    return _pairs(pairs, "--sbatch")


def _pairs(values: Any, where: str) -> dict[str, str | bool]:
    if not isinstance(values, Mapping):
        raise DataError(f"{where}: sbatch must be a mapping of its options")
    found: dict[str, str | bool] = {}
    for name, value in values.items():
        key = str(name).replace("_", "-")
        if not _FLAG.fullmatch(key):
            raise DataError(f"{where}: {name!r} is no option of sbatch")
        if key in _OURS:
            raise DataError(f"{where}: {key} is set by the sweep itself")
        if key in _OPTION_FOR:
            option = _OPTION_FOR[key]
            raise DataError(f"{where}: {key} has an option of its own, {option}")
        flag = value is True or str(value) in ("true", "")
        found[key] = True if flag else _text(value, f"{where}: {key}")
    return found
