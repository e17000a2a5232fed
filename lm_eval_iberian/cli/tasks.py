"""``iberian tasks``."""

from __future__ import annotations

import click
from rich.table import Table

from lm_eval_iberian.errors import UnknownNameError
from lm_eval_iberian.terminal import console


@click.command("tasks")
@click.option("--path", "show_path", is_flag=True, help="Print the folder and stop.")
@click.argument("names", nargs=-1)
def command(show_path: bool, names: tuple[str, ...]) -> None:
    """List the tasks, groups and tags that this project adds to lm-eval.

    \b
    lm_eval --include_path "$(iberian tasks --path)" …   the explicit route
    iberian fetch ifeval_eu                              its data, with a network
    """
    from lm_eval_iberian.paths import task_configs
    from lm_eval_iberian.tasks.catalogue import shipped

    if show_path:
        click.echo(task_configs())
        return
    entries = {entry.name: entry for entry in shipped()}
    for name in names:
        if name not in entries:
            raise UnknownNameError("task", name, entries, "iberian tasks")
    table = Table("name", "kind", "what it is", box=None, pad_edge=False)
    for entry in [entries[name] for name in names] or list(entries.values()):
        table.add_row(entry.name, entry.kind, entry.description)
    console().print(table)
