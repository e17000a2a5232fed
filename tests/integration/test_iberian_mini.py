"""Every twin in one run of ``lm_eval``, on a tiny model, without a network."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
from untrained_llamas import save_untrained

from lm_eval_iberian.tasks.catalogue import read_config, shipped


pytestmark = pytest.mark.slow
CONFIGS = {entry.name: read_config(entry.path) for entry in shipped()}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run the group; a proxy that nobody listens on stands for no network."""
    folder = tmp_path_factory.mktemp("mini")
    save_untrained(folder, "tiny", layers=1, langs=("eu", "gl", "en"))
    nowhere = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy")}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "lm_eval", "--model", "hf", "--device", "cpu"),
            *("--model_args", f"pretrained={folder / 'tiny'}"),
            *("--tasks", "iberian_mini", "--num_fewshot", "2"),
            # a model that was never trained does not end by itself
            *("--batch_size", "16", "--gen_kwargs", "max_gen_toks=16"),
            *("--output_path", str(folder), "--log_samples"),
        ],
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ
        | nowhere
        | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "hf")},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (path,) = folder.rglob("results_*.json")
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found | {"stdout": done.stdout}


def test_every_task_has_every_metric(results: dict[str, Any]) -> None:
    members = CONFIGS["iberian_mini"]["task"]
    for name in members:
        found = results["results"][name]
        for metric in CONFIGS[name]["metric_list"]:
            assert isinstance(found[f"{metric['metric']},none"], float), name
            printed = rf"\|{re.escape(metric['metric'])} *\|"
            assert re.search(printed, results["stdout"])
    assert set(results["results"]) == {"iberian_mini", *members}


def test_every_metric_has_a_standard_error(results: dict[str, Any]) -> None:
    assert "N/A" not in results["stdout"].replace("Version", "")


def test_examples_are_given_where_they_can_be(results: dict[str, Any]) -> None:
    shots = results["n-shot"]
    for name in CONFIGS["iberian_mini"]["task"]:
        assert shots[name] == (0 if "ifeval" in name else 2)
