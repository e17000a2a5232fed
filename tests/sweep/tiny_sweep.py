"""Three tiny models, sweeps of them by the command, and what came of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from untrained_llamas import save_untrained


TASK = "iberian_ifeval_eu_mini"
MODELS = {"base": "base", "instruct": "instruct", "experts": {"eu": "expert-eu"}}
# of a model that was never trained: no special token, and few of them
SHORT = {"max_gen_toks": 8, "suppress_tokens": [0, 1, 2, 3, 4, 5]}


def environment(here: Path) -> dict[str, str]:
    ours = {
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(here / "hf"),
        "TMPDIR": str(here / "tmp"),
    }
    (here / "tmp").mkdir(exist_ok=True)
    return os.environ | ours


def iberian(here: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lm_eval_iberian.cli", *arguments],
        capture_output=True, text=True, cwd=here, env=environment(here), check=False,
    )  # fmt: skip


def make_sweep_models(folder: Path) -> None:
    save_untrained(folder, "base", "expert-eu", "instruct")


def plan(here: Path, spec: dict[str, Any], name: str) -> Path:
    """Plan a sweep; return its folder."""
    (here / f"{name}.yaml").write_text(yaml.safe_dump(spec), "utf-8")
    done = iberian(here, "sweep", "plan", f"{name}.yaml", "-o", name)
    assert done.returncode == 0, done.stderr
    return here / name


# of one evaluation, however often it is repeated
_OF_THE_RUN = {"date", "start_time", "end_time", "total_evaluation_time_seconds"}


def evaluated(place: Path) -> dict[str, Any]:
    """Return results and samples of a folder, without what is another each time."""
    (path,) = place.rglob("results_*.json")
    results = json.loads(path.read_text("utf-8"))
    samples = {
        path.name.rpartition("_")[0]: path.read_text("utf-8").splitlines()
        for path in sorted(place.rglob("samples_*.jsonl"))
    }
    assert samples
    return {k: v for k, v in results.items() if k not in _OF_THE_RUN} | samples
