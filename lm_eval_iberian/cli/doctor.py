"""``iberian doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from lm_eval_iberian.cli import options
from lm_eval_iberian.terminal import console, progress, shown


if TYPE_CHECKING:
    from lm_eval_iberian.suites.checkup import Checked


@click.command("doctor")
@click.argument("suites", nargs=-1, metavar="[SUITE...]")
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
@options.include_path
def command(
    suites: tuple[str, ...],
    no_network: bool,
    lock: Path | None,
    num_fewshot: int | None,
    timeout: float,
    include_path: tuple[Path, ...],
) -> None:
    """Say what is installed, which route is live, what can be reached.

    With SUITE (a task, a group, a tag): load every task of it offline and without a
    model, render its first prompt, and say what is missing and how to get it.

    Exits with 1 where something that is needed is missing.
    """
    if suites:
        _check_up(suites, lock, num_fewshot, timeout, include_path)
        return
    from lm_eval_iberian.diagnosis import diagnose

    findings = diagnose(network=not no_network)
    table = Table("", "what", "found", box=None, pad_edge=False)
    for finding in findings:
        table.add_row(finding.mark, finding.what, finding.found)
    console().print(table)
    if any(finding.state == "missing" for finding in findings):
        raise SystemExit(1)


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
