"""``iberian score``."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table


@click.command("score")
@click.argument("answers", type=click.Path(path_type=Path))
@click.option(
    "--data",
    "prompts",
    type=click.Path(path_type=Path),
    help="JSONL of prompts; left out, those of --set in the language.",
)
@click.option("--set", "which", default="paper", help="paper or mini (without --data).")
@click.option("--lang", required=True, help="Language of the prompts: eu, en …")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write rows here.")
def command(
    answers: Path, prompts: Path | None, which: str, lang: str, out: Path | None
) -> None:
    """Score ANSWERS, a JSONL of {"key" or "prompt", "response"}, by IFEval's rules.

    A null response is an empty answer. Answers without a prompt, and prompts without an
    answer, are reported; the latter are not scored.
    """
    from lm_eval_iberian.ifeval.answers import match, read_answers, write_scores
    from lm_eval_iberian.ifeval.data import load, read_prompts

    asked = load(lang, which) if prompts is None else read_prompts(prompts, lang)
    result = match(asked, read_answers(answers))
    metrics = result.metrics
    table = Table("", "prompt", "instruction", box=None, pad_edge=False)
    for row, strictness in (("strict", "strict"), ("loose", "loose")):
        cells = [
            f"{100 * getattr(metrics, f'{level}_level_{strictness}_acc'):.2f}"
            for level in ("prompt", "inst")
        ]
        table.add_row(row, *cells)
    console = Console(markup=False, highlight=False)
    console.print(f"IFEval, {lang}: {answers.name}")
    console.print(table)
    console.print(result.summary)
    if out is not None:
        write_scores(out, lang, result)
        console.print(f"rows with reasons: {out}")
