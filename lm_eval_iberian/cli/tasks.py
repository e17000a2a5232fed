"""``iberian tasks``."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Table

from lm_eval_iberian.errors import UnknownNameError


@click.command("tasks")
@click.option("--path", "show_path", is_flag=True, help="Print the folder and stop.")
@click.option("--fetch", is_flag=True, help="Fetch the data of the tasks named.")
@click.argument("names", nargs=-1)
def command(show_path: bool, fetch: bool, names: tuple[str, ...]) -> None:
    """List the tasks, groups and tags that this project adds to lm-eval.

    \b
    lm_eval --include_path "$(iberian tasks --path)" …   the explicit route
    iberian tasks --fetch ifeval_eu                      where there is a network
    """
    from lm_eval_iberian.paths import task_configs
    from lm_eval_iberian.tasks.catalogue import shipped

    if show_path:
        click.echo(task_configs())
        return
    entries = {entry.name: entry for entry in shipped()}
    for name in names:
        if name not in entries:
            raise UnknownNameError("task", name, entries)
    chosen = [entries[name] for name in names] or list(entries.values())
    if fetch:
        for entry in chosen:
            _fetch(entry.name)
        return
    table = Table("name", "kind", "what it is", box=None, pad_edge=False)
    for entry in chosen:
        table.add_row(entry.name, entry.kind, entry.description)
    Console().print(table)


def _fetch(name: str) -> None:
    from lm_eval.tasks import TaskManager

    from lm_eval_iberian.paths import task_configs

    manager = TaskManager(include_path=task_configs(), include_defaults=False)
    loaded = manager.load(name)["tasks"]
    for task_name, task in loaded.items():
        click.echo(f"{task_name}: {len(task.eval_docs)} documents")
