"""``iberian score``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from lm_eval_iberian.terminal import console, shown


if TYPE_CHECKING:
    from lm_eval_iberian.ifeval.pairing import Asked

_ACCURACIES = {
    "prompt, strict": "prompt_level_strict_acc",
    "prompt, loose": "prompt_level_loose_acc",
    "instruction, strict": "inst_level_strict_acc",
    "instruction, loose": "inst_level_loose_acc",
    "types, strict (macro)": "inst_level_strict_acc_macro",
    "satisfiable, strict": "inst_level_strict_acc_satisfiable",
    "first turn, strict": "inst_level_strict_acc_first_turn",
}
_RATES = {
    "stop": "stop_rate",
    "cut off": "no_stop_rate",
    "run on": "run_on_rate",
    "loop": "loop_rate",
    "empty": "empty_rate",
    "unclosed thought": "unclosed_thought_rate",
    "copied prompt": "copied_prompt_rate",
    "off-language": "off_language_rate",
    "marks left around": "left_marks_rate",
}
# so large a share of answers in another language is hardly the model's fault
_SUSPICIOUS = 0.5


@click.command("score")
@click.argument("answers", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--data",
    "prompts",
    type=click.Path(path_type=Path),
    help="Any published file of prompts; left out, those of --set in the language.",
)
@click.option("--set", "which", help="paper or mini; left out, and no --data: paper.")
@click.option("--lang", required=True, help="Language of the prompts: eu, en …")
@click.option(
    "--scoring",
    type=click.Choice(["repaired", "original", "both"]),
    default="repaired",
    help="original: as the paper's scorer, for English lm-eval's, faults included.",
)
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write rows here.")
@click.option("--keep-going", is_flag=True, help="Leave out rows that cannot be used.")
def command(
    answers: tuple[Path, ...],
    prompts: Path | None,
    which: str | None,
    lang: str,
    scoring: str,
    out: Path | None,
    keep_going: bool,
) -> None:
    """Score ANSWERS by IFEval's rules.

    A row is {"key" or "prompt", "response"}, a sample that lm-eval logged, chat
    messages, a completion, the batch output of OpenAI or vLLM (custom_id is the key) or
    vLLM's own. The file is JSON Lines or a JSON array, either of them gzipped, or
    parquet. A row's prompt must be that of its key; a null response is an empty answer.

    Several files are several runs on the same prompts: mean ± standard deviation.
    Answers without a prompt, and prompts without an answer, are reported and not
    scored; with too many of the former nothing is.
    """
    from lm_eval_iberian.ifeval.answers import read_answers
    from lm_eval_iberian.ifeval.data import load
    from lm_eval_iberian.ifeval.known_prompts import require_language, set_name
    from lm_eval_iberian.ifeval.pairing import Asked, score_answers
    from lm_eval_iberian.ifeval.prompt_files import read_published
    from lm_eval_iberian.ifeval.report import (
        ScoredRun,
        metrics,
        over_runs,
        suffixes,
        write_scores,
    )
    from lm_eval_iberian.ifeval.runs import match_runs
    from lm_eval_iberian.ifeval.scoring import SCORINGS

    if prompts is not None and which is not None:
        raise click.UsageError("--set and --data both name the prompts; give one")
    _require_room(out, answers if prompts is None else (*answers, prompts))
    # before the prompts, which may have to be fetched
    files = [read_answers(path, keep_going=keep_going) for path in answers]
    if prompts is None:
        name = set_name(which or "paper", lang)
        asked = Asked(load(lang, which or "paper"), lang, name)
    else:
        name = f"{prompts}, language {lang}"
        own = read_published(prompts, lang, keep_going=keep_going)
        require_language([one.prompt for one in own.prompts], lang, prompts)
        asked = Asked(own.prompts, lang, name, own.bad_rows)
    scorings = SCORINGS if scoring == "both" else (scoring,)
    found = match_runs(files, asked, keep_going=keep_going)
    runs = []
    for matched in found.each:
        rows = score_answers(asked, matched, scorings)
        runs.append(ScoredRun(matched, rows, metrics(rows)))
    names = suffixes(scorings)
    screen = console()
    for run in runs:
        screen.print(shown(f"IFEval, {lang}: {run.matched.path.name}"))
        screen.print(_accuracies(run.metrics, names))
        screen.print(_by_type(run.metrics, names))
        screen.print(_foot(run.metrics))
        unchecked = "" if run.matched.has_prompts else _unchecked(run.metrics, asked)
        for line in filter(None, (*asked.unjudged, unchecked)):
            screen.print(shown(line))
        for line in run.matched.leftovers:
            screen.print(shown(line))
        screen.print()
    for line in found.copies:
        screen.print(shown(line))
    if len(runs) > 1:
        means, deviations = over_runs([run.metrics for run in runs])
        screen.print(f"{len(runs)} runs, mean ± standard deviation")
        screen.print(_over_runs(means, deviations, names))
    if out is not None:
        write_scores(out, asked, runs)
        screen.print(shown(f"rows with reasons: {out}"))


def _require_room(out: Path | None, read: tuple[Path, ...]) -> None:
    """Refuse to write over what is read, or where nothing can be written."""
    from lm_eval_iberian.errors import DataError

    if out is None:
        return
    if out.resolve() in {path.resolve() for path in read}:
        raise DataError(f"{out} is one of the files to read; give --json another name")
    if out.is_dir() or not out.absolute().parent.is_dir():
        what = "is a folder" if out.is_dir() else "is in a folder that does not exist"
        raise DataError(f"--json {out} {what}; give the name of a file")


def _unchecked(found: Mapping[str, Any], asked: Asked) -> str:
    """Say that answers were paired by key alone, and if they look wrong."""
    line = (
        "no row holds its prompt: whether these are answers to "
        f"{asked.name} cannot be checked"
    )
    rate = found["off_language_rate"]
    if rate is not None and rate > _SUSPICIOUS:
        line += (
            f"; {100 * rate:.0f} % of them are in another language: is --lang "
            f"{asked.lang} right?"
        )
    return line


def _accuracies(found: Mapping[str, Any], scorings: dict[str, str]) -> Table:
    """Return accuracies in per cent with their standard errors."""
    table = _table("per cent ± standard error", scorings)
    for label, name in _ACCURACIES.items():
        cells = []
        for suffix in scorings.values():
            error = found[f"stderr{suffix}"][name]
            cells.append(_cell(found[f"{name}{suffix}"], error))
        table.add_row(label, *cells)
    return table


def _by_type(found: Mapping[str, Any], scorings: dict[str, str]) -> Table:
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


def _foot(found: Mapping[str, Any]) -> str:
    """Return what was counted, and how the answers behave."""
    lines = [
        f"{found['prompts']} prompts, {found['instructions']} instructions scored, "
        f"{found['satisfiable']} of them satisfiable by both scorings"
    ]
    if found["left_out"]:
        lines.append(
            f"{found['left_out']} prompts without instructions to check, not counted"
        )
    rates = [f"{label} {_cell(found[name], None)} %" for label, name in _RATES.items()]
    half = len(rates) // 2
    lines += ["answers: " + ", ".join(rates[:half]), "  " + ", ".join(rates[half:])]
    return "\n".join(lines)


def _table(title: str, scorings: dict[str, str]) -> Table:
    table = Table(title, box=None, pad_edge=False)
    for scoring in scorings:
        table.add_column(scoring, justify="right")
    return table


def _cell(value: float | None, error: float | None) -> str:
    if value is None:
        return "none"
    return f"{100 * value:.2f}" + (f" ± {100 * error:.2f}" if error is not None else "")
