"""The demo's merges: a sweep's specification, and the commands that carry it out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import yaml
from rich.console import Console

from lm_eval_iberian.demo.commands import run_iberian
from lm_eval_iberian.demo.spec import DemoSpec
from lm_eval_iberian.files import write_whole


IFEVAL = "ifeval_eu_mini"
INSTRUCTIONS = "iberian_demo_instructions_en"
PERPLEXITY = "iberian_perplexity_{lang}_mini"
_HEAD = """\
# The sweep of the demo, to copy: put the folders of your models below and your tasks in
# the suite. Then
#   iberian sweep plan sweep.yaml -o sweep
#   iberian sweep run sweep
#   iberian report sweep
"""
_FOLLOWING = f"{INSTRUCTIONS}:prompt_level_strict_acc=English instructions followed"
_LANGUAGE = f"{PERPLEXITY}:byte_perplexity=perplexity of the language"
_COLUMNS = (
    f"{IFEVAL}=IFEval eu mini %",
    f"{INSTRUCTIONS}:prompt_level_strict_acc=English instructions %",
    f"{IFEVAL}:stop_rate=stops eu %",
    f"{INSTRUCTIONS}:stop_rate=stops en %",
    f"{PERPLEXITY}:byte_perplexity=perplexity of lang",
    f"{PERPLEXITY.format(lang='en')}:byte_perplexity=perplexity of en",
)
# what is left of the instructed model's instructions at the points that are compared
_KEPT = 0.5


def sweep_yaml(spec: DemoSpec) -> str:
    """Return the specification of the demo's sweep, for a file beside ``models``."""
    tasks = [
        IFEVAL,
        INSTRUCTIONS,
        *(PERPLEXITY.format(lang=lang) for lang in ("en", *spec.languages)),
    ]
    content = {
        "models": {
            "base": "models/base",
            "instruct": "models/instruct",
            "experts": {lang: f"models/expert-{lang}" for lang in spec.languages},
        },
        "methods": [dict(method.entry) for method in spec.methods],
        "baselines": ["instruct", "experts"],
        "suites": {
            "demo": {
                "tasks": {"all": tasks},
                "apply_chat_template": True,
                "gen_kwargs": {"max_gen_toks": spec.answer_tokens},
            }
        },
        "dtype": "float32",
        "batch_size": 50,
    }
    return _HEAD + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def merge_and_measure(spec: DemoSpec, out: Path, console: Console) -> None:
    """Merge in memory and evaluate what has no result yet, by ``iberian sweep``."""
    written, folder = out / "sweep.yaml", out / "sweep"
    write_whole(written, sweep_yaml(spec))
    run_iberian(["sweep", "plan", str(written), "-o", str(folder)], console)
    jobs = max(1, min(4, os.cpu_count() or 1))
    run_iberian(["sweep", "run", str(folder), "--jobs", str(jobs)], console)


def report(out: Path, console: Console) -> Path:
    """Show the best points, write table, curves and picture; return the table."""
    table = out / "table.md"
    figure = ["--figure-data", str(out / "figure.csv"), "--plot"]
    figure.append(str(out / "tradeoff.png"))
    run_iberian([*_report(out), *figure], console)
    every = ["--points", "all", "--out", str(table)]
    run_iberian([*_report(out), *every], console)
    return table


def _report(out: Path) -> Iterator[str]:
    yield from ("report", str(out / "sweep"), "--tables", "sweep")
    yield from ("--language-score", _LANGUAGE, "--following", _FOLLOWING)
    yield from ("--best-by", f"keep={_KEPT}")
    for column in _COLUMNS:
        yield from ("--column", column)
