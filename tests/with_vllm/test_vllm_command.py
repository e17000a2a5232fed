"""``lm_eval --model merged-vllm`` gives what ``iberian merge`` and ``vllm`` give."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


TASKS = "iberian_ifeval_eu_mini,iberian_flores_es-eu_mini,iberian_belebele_eu_mini"
MODULE = ["-m", "lm_eval"]
WITHOUT_HOOK = [
    "-c",
    "import lm_eval_iberian.harness.merged_vllm, lm_eval.__main__ as lm;"
    "lm.cli_evaluate()",
]


def evaluated(
    here: Path, out: str, model: str, arguments: str, *more: str, hook: bool = True
) -> dict[str, Any]:
    given = json.dumps({"max_gen_toks": 12, "do_sample": True, "temperature": 1.0})
    command = [
        sys.executable, *(MODULE if hook else WITHOUT_HOOK), "--model", model,
        "--model_args", f"{arguments},dtype=float32,enforce_eager=True,"
        "max_model_len=2048", "--tasks", TASKS, "--limit", "4", "--gen_kwargs", given,
        "--output_path", out, "--log_samples", *more,
    ]  # fmt: skip
    # what is drawn depends on when requests reach a process of its own
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(here / "hf"),
                   "LM_EVAL_IBERIAN_AUTOLOAD": str(int(hook))}  # fmt: skip
    if model == "vllm":
        environment["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=here,
        env=os.environ | environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (path,) = (here / out).rglob("results_*.json")
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    answers = [
        [row["resps"] for row in map(json.loads, file.read_text("utf-8").splitlines())]
        for file in sorted((here / out).rglob("samples_*.jsonl"))
    ]
    return found | {"answers": answers}


@pytest.mark.parametrize("chat", [True, False])
def test_the_results_are_the_same(chat: bool, llama: Path, root: Path) -> None:
    """With a chat template by its name, without by an import, as no hook runs."""
    configs = str(root / "task_configs")
    more = ["--apply_chat_template"] if chat else ["--include_path", configs]
    wanted = evaluated(
        llama, f"r-vllm-{chat}", "vllm", "pretrained=out", *more, hook=chat
    )
    found = evaluated(
        llama, f"r-merged-{chat}", "merged-vllm", "recipe=eu.yml", *more, hook=chat
    )
    assert found["answers"] == wanted["answers"]
    assert len({str(row) for rows in found["answers"] for row in rows}) > 8
    assert found["results"] == wanted["results"]
    assert found["chat_template_sha"] == wanted["chat_template_sha"]
    assert found["model_name"] == "eu"
    assert found["config"]["merge_recipe"]["merge_method"] == "fused_ties"
    assert "merge_recipe" not in wanted["config"]
