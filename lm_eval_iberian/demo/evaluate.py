"""Run ``lm_eval`` on one model and keep what it measured."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from lm_eval_iberian import _bootstrap
from lm_eval_iberian.demo.commands import CommandError, run_command
from lm_eval_iberian.paths import task_configs


IFEVAL = "ifeval_eu_mini"
INSTRUCTIONS = "iberian_demo_instructions_en"


def perplexity(lang: str) -> str:
    """Return the name of a language's perplexity task."""
    return f"iberian_perplexity_{lang}_mini"


def tasks(languages: tuple[str, ...]) -> list[str]:
    """Return what every model is measured on."""
    return [IFEVAL, INSTRUCTIONS, *map(perplexity, ("en", *languages))]


def evaluate(
    model: Path, names: list[str], answer_tokens: int, out: Path, log: Path
) -> None:
    """Measure a model; ``out`` is lm-eval's own results file.

    Args:
        model: Folder of the model.
        names: Tasks.
        answer_tokens: Longest answer that is generated.
        out: Appears only when the run is whole; the samples lie beside it.
        log: Where lm-eval's output goes.
    """
    partial = out.with_name(f".{out.stem}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    arguments = [
        *("--model", "hf", "--model_args", f"pretrained={model}"),
        *("--tasks", ",".join(names), "--batch_size", "50"),
        *("--gen_kwargs", f"max_gen_toks={answer_tokens}"),
        *("--output_path", str(partial), "--log_samples"),
    ]
    if _has_template(model):  # a base has none
        arguments.append("--apply_chat_template")
    if not _bootstrap.active():
        arguments += ["--include_path", str(task_configs())]
    run_command("lm_eval", arguments, log, threads=1)
    results = list(partial.rglob("results_*.json"))
    if len(results) != 1:
        raise CommandError(f"lm_eval left {len(results)} result files in {partial}")
    samples = out.with_name(f"{out.stem}-samples")
    samples.mkdir(exist_ok=True)
    for old in samples.glob("samples_*.jsonl"):  # of a run that was cut short just here
        old.unlink()
    for path in partial.rglob("samples_*.jsonl"):
        path.rename(samples / path.name)
    results[0].rename(out)
    shutil.rmtree(partial)


def _has_template(model: Path) -> bool:
    """Tell whether a model has a chat template, in its own file or in the other."""
    config = model / "tokenizer_config.json"
    return (model / "chat_template.jinja").is_file() or (
        config.is_file() and "chat_template" in json.loads(config.read_text("utf-8"))
    )


def read_results(path: Path) -> dict[str, dict[str, Any]]:
    """Return task → metric → value of a results file, without lm-eval's filter."""
    found = json.loads(path.read_text("utf-8"))["results"]
    return {
        task: {name.removesuffix(",none"): value for name, value in metrics.items()}
        for task, metrics in found.items()
    }
