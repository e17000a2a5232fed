"""What is recorded of a cell: what it was made of, with what, where, how it went."""

from __future__ import annotations

import json
import os
import platform
import socket
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lm_eval_iberian import __version__
from lm_eval_iberian.files import sha256
from lm_eval_iberian.harness.leaves import Leaf
from lm_eval_iberian.health import RATES
from lm_eval_iberian.suites.lock import state_of
from lm_eval_iberian.suites.needs import need_of
from lm_eval_iberian.sweep.sweep_cell import SweepCell


# what decides on results, whose versions are recorded
_PACKAGES = ("lm_eval", "mergekit", "torch", "transformers", "datasets", "tokenizers")


def cell_record(
    cell: SweepCell,
    work: Path,
    settings: Mapping[str, Any],
    begun: float,
    took: Mapping[str, float],
    merge: Mapping[str, Any] | None,
    datasets: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the record of a cell that has been evaluated.

    Args:
        cell: The cell.
        work: The folder with all its files.
        settings: What holds for the whole sweep.
        begun: When it began, in seconds.
        took: Step to the seconds that it took.
        merge: What the merge took, and whether it was another cell's; ``None`` where
            there was none.
        datasets: Task to what ``dataset_facts`` says of it.
    """
    (path,) = work.glob("results_*.json")
    results = json.loads(path.read_text("utf-8"))
    # of documents, prompts and targets: what was evaluated, whoever named it
    hashes = results.get("task_hashes") or {}
    return {
        "cell": cell.as_data(),
        "settings": dict(settings),
        "versions": versions(),
        "host": {
            "name": socket.gethostname(),
            "machine": platform.machine(),
            "devices": os.environ.get("CUDA_VISIBLE_DEVICES"),
        },
        "datasets": {
            task: {**facts, "documents_sha256": hashes.get(task)}
            for task, facts in datasets.items()
        },
        "merge": None if merge is None else dict(merge),
        "seeds": {"lm_eval": cell.options["seed"], "merge": cell.merge_seed},
        "began": time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(begun)),
        "seconds": {**took, "all": round(time.time() - begun, 3)},
        "health": _health(results["results"]),
        "files": {
            one.name: sha256(one) for one in sorted(work.iterdir()) if one.is_file()
        },
    }


def dataset_facts(leaf: Leaf, task: Any) -> dict[str, Any]:
    """Return which dataset a task evaluates, and what of it is here.

    Args:
        leaf: The task.
        task: The same, as lm-eval built it.
    """
    rows, _, revision = state_of(task.dataset)
    dataset, config = need_of(leaf).called
    return {
        "dataset": dataset,
        "config": config,
        "revision": revision or leaf.config.get("revision"),
        "rows": rows,
        "documents": len(task.eval_docs),
    }


def _health(results: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Return the rates of answers that do not stop, loop …, of tasks that have them."""
    found = {
        task: {
            name: value
            for metric, value in metrics.items()
            if (name := metric.partition(",")[0]) in RATES
        }
        for task, metrics in results.items()
    }
    return {task: rates for task, rates in found.items() if rates}


def versions() -> dict[str, str]:
    """Return the versions of what decides on results."""
    found = {"lm_eval_iberian": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # an optional one
            continue
    return found
