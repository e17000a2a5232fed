"""``iberian fetch``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from lm_eval_iberian.cli import options
from lm_eval_iberian.network import offline
from lm_eval_iberian.terminal import console, progress, shown


if TYPE_CHECKING:
    from lm_eval_iberian.suites.fetch import Fetched


@click.command("fetch")
@click.argument("suites", nargs=-1, required=True, metavar="SUITE...")
@click.option(
    "--lock", type=click.Path(dir_okay=False, path_type=Path),
    help="The lock file; iberian.lock.json when left out.",
)  # fmt: skip
@click.option("--frozen", is_flag=True, help="Fetch the revisions the lock has.")
@click.option(
    "--jobs", type=click.IntRange(1, 4), default=4, show_default=True,
    help="How many datasets at the same time.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@options.include_path
def command(
    suites: tuple[str, ...],
    lock: Path | None,
    frozen: bool,
    jobs: int,
    as_json: bool,
    include_path: tuple[Path, ...],
) -> None:
    """Fetch every dataset that SUITE needs: on a login node, before a GPU is paid for.

    A suite is what lm_eval --tasks takes: a task, a group, a tag, ours or upstream's.
    Exits with 1 where a dataset is missing; what is whole is kept and locked.

    \b
    iberian fetch merge_and_conquer_eu     where there is a network
    iberian doctor merge_and_conquer_eu    where the job will run
    """
    from lm_eval_iberian.network import introduce

    introduce()  # both libraries read the environment once
    from lm_eval_iberian.harness.building import open_suites
    from lm_eval_iberian.suites.fetch import fetch_all, require_room
    from lm_eval_iberian.suites.lock import LOCK, read_lock
    from lm_eval_iberian.suites.needs import needs

    path = lock or LOCK
    known = read_lock(path) if frozen or path.exists() else {}
    with progress() as bars:
        looking = bars.add_task("looking up the tasks", total=None)
        manager, leaves = open_suites(suites, include_path)
        wanted = needs(leaves)
        require_room(wanted, None if frozen else path)
        bars.remove_task(looking)
        total = bars.add_task("datasets", total=len(wanted))
        load = bars.add_task("downloaded, KiB", total=None)
        outcomes = []
        for outcome in fetch_all(
            manager, wanted, lock=path, known=known, frozen=frozen, jobs=jobs,
            meter=lambda count: bars.advance(load, count / 1024),
        ):  # fmt: skip
            outcomes.append(outcome)
            bars.update(total, advance=1, description=shown(outcome.need.dataset))
    outcomes.sort(key=lambda one: one.need.key)
    missing = [one for one in outcomes if one.missing]
    if as_json:
        rows = [one.as_json() for one in outcomes]
        lock_now = str(path) if path.exists() else None
        found = {"lock": lock_now, "tasks": len(leaves), "datasets": rows}
        click.echo(json.dumps(found, indent=1))
    else:
        _print(outcomes, len(leaves), path, frozen)
    if missing:
        raise SystemExit(1)


def _print(outcomes: list[Fetched], tasks: int, lock: Path, frozen: bool) -> None:
    names = ("dataset", "config", "revision", "rows", "size", "status")
    table = Table(*names, box=None, pad_edge=False)
    for one in outcomes:
        table.add_row(*map(shown, _cells(one)))
    out = console()
    out.print(table)
    for one in outcomes:
        if one.missing:
            name = " ".join(one.need.called).rstrip()
            out.print(shown(f"{name}: {one.missing.sentence}"))
    whole = sum(not one.missing for one in outcomes)
    said = f"{tasks} tasks, {whole} of {len(outcomes)} datasets whole"
    if whole and not frozen:
        said += f"; {lock} written"
    elif lock.exists():
        said += f"; {lock} unchanged"
    out.print(shown(said))
    forbids = offline()
    if forbids and whole < len(outcomes):
        out.print(f"Nothing is fetched while {forbids} is set: unset it to fetch")


def _cells(one: Fetched) -> tuple[str, ...]:
    dataset, config = one.need.called
    head = (dataset, config or "–")
    if not one.entries:
        return (*head, "–", "–", "–", one.status)
    entry = one.entries[0]
    commits = (entry.revision or "").split(",")
    revision = ", ".join(commit[:10] for commit in commits[:2]) or "–"
    more = f" +{len(commits) - 2}" if len(commits) > 2 else ""
    rows = f"{sum(entry.rows.values()):,}"
    return (*head, revision + more, rows, _size(entry.size), one.status)


def _size(count: int | None) -> str:
    if count is None:
        return "–"
    if count < 1 << 20:
        return f"{count / 1024:.1f} KiB"
    return f"{count / (1 << 20):.1f} MiB"
