"""Every task on shipped data with the start-up hook and without: the same numbers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lm_eval_iberian.paths import task_configs
from lm_eval_iberian.tasks.catalogue import read_config, shipped


pytestmark = pytest.mark.slow


def mini_tasks() -> list[str]:
    found = []
    for entry in shipped():
        kwargs = read_config(entry.path).get("dataset_kwargs") or {}
        if entry.kind == "task" and kwargs.get("which", "mini") == "mini":
            found.append(entry.name)
    return found


def evaluate(model: Path, out: Path, *route: str, hook: bool) -> dict[str, Any]:
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(out / "hf")}
    if not hook:
        environment["LM_EVAL_IBERIAN_AUTOLOAD"] = "0"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "lm_eval", "--model", "hf", "--device", "cpu"),
            *("--model_args", f"pretrained={model}", "--batch_size", "8"),
            *("--tasks", ",".join(mini_tasks()), "--limit", "6", *route),
            *("--gen_kwargs", "max_gen_toks=16", "--output_path", str(out)),
            *("--metadata", '{"lang": "gl"}'),
        ],
        capture_output=True,
        text=True,
        cwd=out,
        env=os.environ | environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "--metadata" not in done.stderr
    (path,) = out.rglob("results_*.json")
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))["results"]
    return found


def numbers(results: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        task: {k: v for k, v in found.items() if "_stderr" not in k}
        for task, found in results.items()
    }


def test_the_numbers_are_the_same_without_the_hook(model: Path, tmp_path: Path) -> None:
    folders = (tmp_path / "on", tmp_path / "off")
    for folder in folders:
        folder.mkdir()
    with_hook = evaluate(model, folders[0], hook=True)
    route = ("--include_path", str(task_configs()))
    without = evaluate(model, folders[1], *route, hook=False)
    assert set(without) == set(mini_tasks())
    assert len(without) > 40
    assert numbers(without) == numbers(with_hook)
    flores = without["iberian_flores_es-eu_mini"]
    assert flores["bleu_stderr,none"] == "N/A"
    assert isinstance(with_hook["iberian_flores_es-eu_mini"]["bleu_stderr,none"], float)
