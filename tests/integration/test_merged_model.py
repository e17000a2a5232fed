"""``lm_eval --model merged`` gives what ``iberian merge`` and ``--model hf`` give."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from untrained_llamas import save_untrained

from mergekit_ext.merge_file import merge_file
from mergekit_ext.watch import Watch


pytestmark = pytest.mark.slow

# untrained models say one word for ever, unless it is drawn: by lm-eval's seed
SAMPLED = {
    "max_gen_toks": 12, "do_sample": True, "temperature": 1.0,
    "suppress_tokens": [0, 1, 2, 3, 4, 5],
}  # fmt: skip
TASKS = "iberian_ifeval_eu_mini,iberian_flores_es-eu_mini,iberian_belebele_eu_mini"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three models, a recipe of them, and its result."""
    folder = tmp_path_factory.mktemp("merged")
    save_untrained(folder, "base", "expert-eu", "instruct", langs=("eu", "gl", "en"))
    recipe = {
        "merge_method": "fused_ties",
        "base_model": str(folder / "base"),
        "models": [
            {"model": str(folder / name), "parameters": {"weight": w, "density": 0.5}}
            for name, w in (("expert-eu", 0.5), ("instruct", 1.0))
        ],
        "tokenizer_source": str(folder / "instruct"),
        "dtype": "bfloat16",
    }
    (folder / "eu.yml").write_text(yaml.safe_dump(recipe), "utf-8")
    merge_file(str(folder / "eu.yml"), str(folder / "out"), {}, Watch())
    return folder


def run(here: Path, *command: str, hook: str = "1") -> subprocess.CompletedProcess[str]:
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(here / "hf")}
    return subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        cwd=here,
        env=os.environ | offline | {"LM_EVAL_IBERIAN_AUTOLOAD": hook},
        check=False,
    )


def evaluated(here: Path, out: str, *command: str, hook: str = "1") -> dict[str, Any]:
    done = run(
        here, *command, "--device", "cpu", "--tasks", TASKS, "--limit", "4",
        "--gen_kwargs", json.dumps(SAMPLED),
        "--batch_size", "4", "--apply_chat_template", "--output_path", out,
        "--log_samples", hook=hook,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    (path,) = (here / out).rglob("results_*.json")
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    answers = [
        [row["resps"] for row in map(json.loads, file.read_text("utf-8").splitlines())]
        for file in sorted((here / out).rglob("samples_*.jsonl"))
    ]
    return found | {"answers": answers}


@pytest.fixture(scope="module")
def on_disk(here: Path) -> dict[str, Any]:
    arguments = "pretrained=out,dtype=float32"
    return evaluated(
        here, "r-hf", "-m", "lm_eval", "--model", "hf", "--model_args", arguments
    )


ROUTES: dict[str, tuple[list[str], str, str]] = {
    "by its name": (["-m", "lm_eval"], "recipe=eu.yml", "1"),
    "of a folder": (["-m", "lm_eval"], "pretrained=out", "1"),
    "without the hook": (
        ["-c", "import lm_eval_iberian.harness.merged_hf, lm_eval.__main__ as lm;"
         "lm.cli_evaluate()",
         "--include_path", str(Path("task_configs").resolve())],
        "recipe=eu.yml",
        "0",
    ),
    "with weights that the recipe has": (
        ["-m", "lm_eval"], "recipe=eu.yml,weights=instruct:1+expert-eu:0.5", "1",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def results(here: Path) -> dict[str, dict[str, Any]]:
    """What each route gives."""
    return {
        route: evaluated(
            here, f"results/{number}", *command, "--model", "merged",
            "--model_args", f"{arguments},dtype=float32", hook=hook,
        )
        for number, (route, (command, arguments, hook)) in enumerate(ROUTES.items())
    }  # fmt: skip


@pytest.mark.parametrize("route", ROUTES)
def test_the_results_are_the_same(
    route: str, results: dict[str, dict[str, Any]], on_disk: dict[str, Any]
) -> None:
    found = results[route]
    assert found["answers"] == on_disk["answers"]
    assert len({str(row) for rows in found["answers"] for row in rows}) > 8
    if route != "without the hook":  # which gives some metrics their standard errors
        assert found["results"] == on_disk["results"]
    assert found["chat_template_sha"] == on_disk["chat_template_sha"]


def test_the_results_say_what_was_merged(results: dict[str, dict[str, Any]]) -> None:
    names = {route: found["model_name"] for route, found in results.items()}
    assert names == {
        "by its name": "eu",
        "of a folder": "out",
        "without the hook": "eu",
        "with weights that the recipe has": "eu-instruct:1+expert-eu:0.5",
    }
    for route, found in results.items():
        assert ("merge_recipe" in found["config"]) == (route != "of a folder")
    recipe = results["by its name"]["config"]["merge_recipe"]
    assert recipe["merge_method"] == "fused_ties"
    assert recipe["models"][1]["parameters"]["weight"] == 1.0


def test_a_report_tells_merges_apart(
    here: Path, results: dict[str, dict[str, Any]]
) -> None:
    done = run(
        here, "-m", "lm_eval_iberian.cli", "report", "results", "--format", "csv"
    )
    assert done.returncode == 0, done.stderr
    named = {line.partition(",")[0] for line in done.stdout.splitlines()}
    assert {found["model_name"] for found in results.values()} <= named


def test_a_fault_is_one_sentence(here: Path) -> None:
    done = run(
        here, "-m", "lm_eval", "--model", "merged", "--model_args", "recipe=none.yml",
        "--tasks", "iberian_ifeval_eu_mini",
    )  # fmt: skip
    assert done.returncode == 1
    assert "lm_eval: There is no recipe file none.yml" in done.stderr
    assert "Traceback" not in done.stderr
