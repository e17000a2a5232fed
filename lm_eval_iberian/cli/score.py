"""``iberian score``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.table import Table

from lm_eval_iberian.terminal import console


_ACCURACIES = {
    "prompt, strict": "prompt_level_strict_acc",
    "prompt, loose": "prompt_level_loose_acc",
    "instruction, strict": "inst_level_strict_acc",
    "instruction, loose": "inst_level_loose_acc",
    "types, strict (macro)": "inst_level_strict_acc_macro",
    "satisfiable, strict": "inst_level_strict_acc_satisfiable",
}
_RATES = {
    "empty": "empty_rate",
    "unclosed thought": "unclosed_thought_rate",
    "off-language": "off_language_rate",
    "truncated": "truncation_rate",
}


@click.command("score")
@click.argument("answers", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--data",
    "prompts",
    type=click.Path(path_type=Path),
    help="JSONL of prompts; left out, those of --set in the language.",
)
@click.option("--set", "which", default="paper", help="paper or mini (without --data).")
@click.option("--lang", required=True, help="Language of the prompts: eu, en …")
@click.option(
    "--scoring",
    type=click.Choice(["repaired", "original", "both"]),
    default="repaired",
    help="original: as the paper's scorer, for English lm-eval's, faults included.",
)
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write rows here.")
def command(
    answers: tuple[Path, ...],
    prompts: Path | None,
    which: str,
    lang: str,
    scoring: str,
    out: Path | None,
) -> None:
    """Score ANSWERS, a JSONL of {"key" or "prompt", "response"}, by IFEval's rules.

    The samples that lm-eval logs will do as well. Several files are several runs on the
    same prompts: mean ± standard deviation. A null response is an empty answer. Answers
    without a prompt, and prompts without an answer, are reported; the latter are not
    scored.
    """
    from lm_eval_iberian.ifeval.answers import match, read_answers
    from lm_eval_iberian.ifeval.data import left_out, load, read_prompts
    from lm_eval_iberian.ifeval.report import (
        metrics,
        over_runs,
        suffixes,
        write_scores,
    )
    from lm_eval_iberian.ifeval.scoring import SCORINGS

    asked = load(lang, which) if prompts is None else read_prompts(prompts, lang)
    scorings = SCORINGS if scoring == "both" else (scoring,)
    runs = {str(path): match(asked, read_answers(path), scorings) for path in answers}
    found = {name: metrics(run.rows) for name, run in runs.items()}
    names = suffixes(scorings)
    screen = console()
    for name, run in runs.items():
        screen.print(f"IFEval, {lang}: {Path(name).name}")
        screen.print(_accuracies(found[name], names))
        screen.print(_by_type(found[name], names))
        screen.print(_foot(found[name]))
        for line in (*filter(None, [left_out(asked)]), *run.leftovers):
            screen.print(line)
        screen.print()
    if len(runs) > 1:
        means, deviations = over_runs(list(found.values()))
        screen.print(f"{len(runs)} runs, mean ± standard deviation")
        screen.print(_over_runs(means, deviations, names))
    if out is not None:
        rows = {name: run.rows for name, run in runs.items()}
        write_scores(out, lang, rows, found)
        screen.print(f"rows with reasons: {out}")


def _accuracies(found: dict[str, Any], scorings: dict[str, str]) -> Table:
    """Return accuracies in per cent with their standard errors."""
    table = _table("per cent ± standard error", scorings)
    for label, name in _ACCURACIES.items():
        cells = []
        for suffix in scorings.values():
            error = found[f"stderr{suffix}"][name]
            cells.append(_cell(found[f"{name}{suffix}"], error))
        table.add_row(label, *cells)
    return table


def _by_type(found: dict[str, Any], scorings: dict[str, str]) -> Table:
    """Return the strict accuracy of each instruction type."""
    table = _table("instruction type, strict", scorings)
    table.add_column("count", justify="right")
    columns = [found[f"by_instruction{suffix}"] for suffix in scorings.values()]
    for name in sorted(set().union(*columns)):
        cells = [_cell(c[name]["strict"], None) if name in c else "" for c in columns]
        count = max(column[name]["count"] for column in columns if name in column)
        table.add_row(name, *cells, str(count))
    return table


def _over_runs(
    means: dict[str, float], deviations: dict[str, float], scorings: dict[str, str]
) -> Table:
    table = _table("per cent ± standard deviation", scorings)
    for label, name in _ACCURACIES.items():
        names = [f"{name}{suffix}" for suffix in scorings.values()]
        table.add_row(label, *(_cell(means.get(n), deviations.get(n)) for n in names))
    return table


def _foot(found: dict[str, Any]) -> str:
    """Return what was counted, and how the answers behave."""
    lines = [
        f"{found['prompts']} prompts, {found['instructions']} instructions scored, "
        f"{found['satisfiable']} of them satisfiable by both scorings"
    ]
    if found["left_out"]:
        lines.append(f"{found['left_out']} prompts without instructions, not counted")
    rates = [f"{label} {_cell(found[name], None)} %" for label, name in _RATES.items()]
    return "\n".join([*lines, "answers: " + ", ".join(rates)])


def _table(title: str, scorings: dict[str, str]) -> Table:
    table = Table(title, box=None, pad_edge=False)
    for scoring in scorings:
        table.add_column(scoring, justify="right")
    return table


def _cell(value: float | None, error: float | None) -> str:
    if value is None:
        return "none"
    return f"{100 * value:.2f}" + (f" ± {100 * error:.2f}" if error is not None else "")
