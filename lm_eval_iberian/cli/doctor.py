"""``iberian doctor``."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click
from rich.table import Table

from lm_eval_iberian.cli import options
from lm_eval_iberian.errors import IberianError
from lm_eval_iberian.terminal import console, progress, shown


if TYPE_CHECKING:
    from lm_eval_iberian.suites.checkup import Checked


@click.command("doctor")
@click.argument("names", nargs=-1, metavar="[SUITE...|MODEL...]")
@click.option("--no-network", is_flag=True, help="Do not try to reach the hub.")
@click.option(
    "--lock", type=click.Path(dir_okay=False, path_type=Path),
    help="The lock to compare with; iberian.lock.json where there is one.",
)  # fmt: skip
@click.option(
    "--num-fewshot", "--num_fewshot", type=click.IntRange(0), metavar="N",
    help="Examples in a prompt, as for lm_eval; the task's own number when left out.",
)  # fmt: skip
@click.option(
    "--timeout", type=click.FloatRange(1, 3600), default=120, show_default=True,
    help="Seconds that one task may take.",
)  # fmt: skip
@click.option(
    "--like", metavar="INSTRUCT",
    help="With MODEL: the folder of the model that it is to behave as.",
)  # fmt: skip
@click.option(
    "--factor", type=click.FloatRange(1, min_open=True), metavar="X",
    help="With MODEL: how much longer or shorter a row may be; 2 when left out.",
)  # fmt: skip
@options.include_path
def command(
    names: tuple[str, ...],
    no_network: bool,
    lock: Path | None,
    num_fewshot: int | None,
    timeout: float,
    like: str | None,
    factor: float | None,
    include_path: tuple[Path, ...],
) -> None:
    """Say what is installed, which route is live, what can be reached.

    With SUITE (a task, a group, a tag): load every task of it offline and without a
    model, render its first prompt, and say what is missing and how to get it.

    With MODEL (a local folder): say what its answers end on, which chat template it
    has, whether its vocabulary fits, and which special tokens have rows unlike those of
    INSTRUCT, or unlike its own others.

    \b
    iberian doctor models/merged --like models/instruct

    Exits with 1 where something that is needed is missing or wrong.
    """
    of_models = like is not None or factor is not None
    models = [name for name in names if of_models or _is_model(name)]
    if of_models and not names:
        raise click.UsageError("--like and --factor are for a MODEL, a local folder")
    if models and len(models) < len(names):
        suite = next(name for name in names if name not in models)
        raise click.UsageError(
            f"give suites or models: {models[0]!r} is a folder, and {suite!r} is none"
        )
    if models:
        _check_models(models, like, factor or 2.0)
        return
    if names:
        _check_up(names, lock, num_fewshot, timeout, include_path)
        return
    from lm_eval_iberian.diagnosis import diagnose

    findings = diagnose(network=not no_network)
    table = Table("", "what", "found", box=None, pad_edge=False)
    for finding in findings:
        table.add_row(finding.mark, finding.what, finding.found)
    console().print(table)
    if any(finding.state == "missing" for finding in findings):
        raise SystemExit(1)


def _is_model(name: str) -> bool:
    """Whether a name is that of a folder rather than of a suite."""
    path = Path(name)
    kinds = ("*.json", "*.safetensors", "*.bin")
    if path.is_dir() and any(any(path.glob(kind)) for kind in kinds):
        return True
    return "/" in name or name in (".", "..") or path.is_file()


def _check_models(models: list[str], like: str | None, factor: float) -> None:
    from mergekit_ext.errors import InputError
    from mergekit_ext.inputs.model_checkup import check_model, read_model

    try:
        donor = None if like is None else read_model(like)
    except InputError as error:
        raise IberianError(f"--like: {error}") from error
    out, wrong = console(), False
    for number, name in enumerate(models):
        if number:
            out.print()
        try:
            facts = check_model(read_model(name), donor, factor)
        except InputError as error:
            out.print(shown(f"✗ {error}"))
            wrong = True
            continue
        out.print(shown(name))
        table = Table("", "what", "found", box=None, pad_edge=False)
        for fact in facts:
            mark = {"ok": "✓", "note": "·", "wrong": "✗"}[fact.state]
            table.add_row(mark, fact.what, shown(fact.found))
        out.print(table)
        told = {"name": quote(name), "like": quote(like or "INSTRUCT")}
        for remedy in dict.fromkeys(fact.remedy for fact in facts if fact.remedy):
            out.print(shown(_REMEDIES[remedy].format(**told)))
        wrong |= any(fact.state == "wrong" for fact in facts)
    if wrong:
        raise SystemExit(1)


_REMEDIES = {
    "fetch": "Its files: fetch the model again",
    "mend": "What it ends on and its template: `iberian mend {name} --like {like}`",
    "merge": (
        "Its weights: merge again; `iberian recipe … --special-tokens instruct` keeps"
        " the rows of chat tokens whole"
    ),
}


def _check_up(
    suites: tuple[str, ...],
    lock: Path | None,
    shots: int | None,
    seconds: float,
    include_path: tuple[Path, ...],
) -> None:
    from lm_eval_iberian.suites.checkup import Started, check_up, fetch_command
    from lm_eval_iberian.suites.lock import LOCK, read_lock

    path = lock or LOCK
    locked = read_lock(path) if lock or path.exists() else {}
    found: list[Checked] = []
    with progress() as bars:
        bar = bars.add_task("looking up the tasks", total=None)
        for fact in check_up(
            suites, include_path=include_path, shots=shots, locked=locked,
            lock=lock, seconds=seconds,
        ):  # fmt: skip
            if isinstance(fact, Started):
                bars.update(bar, total=fact.total, description=shown(fact.task))
            else:
                bars.advance(bar)
                found.append(fact)
    _print(found, f"; compared with {path}" if locked else "")
    if sum("`iberian fetch " in one.why for one in found) > 1:
        together = fetch_command(suites, include_path)
        console().print(shown(f"All at once: `{together}`"))
    if any(one.why for one in found):
        raise SystemExit(1)


def _print(found: list[Checked], compared: str) -> None:
    names = ("", "task", "documents", "shots", "first prompt", "found")
    table = Table(*names, box=None, pad_edge=False)
    for one in found:
        numbers = (one.documents, one.shots, one.length)
        cells = ("–" if number is None else f"{number:,}" for number in numbers)
        mark = "✗" if one.why else "✓"
        table.add_row(mark, shown(one.task), *cells, "missing" if one.why else "ok")
    out = console()
    out.print(table)
    for one in found:
        if one.why:
            out.print(shown(f"{one.task}: {one.why}"))
    fine = sum(not one.why for one in found)
    out.print(shown(f"{fine} of {len(found)} tasks would run here{compared}"))
