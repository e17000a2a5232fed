"""Options that more than one verb takes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click


include_path = click.option(
    "--include-path", "--include_path", type=click.Path(path_type=Path), multiple=True,
    help="A folder of more tasks, as for lm_eval.",
)  # fmt: skip


def renamed_models(given: Iterable[str]) -> dict[str, str]:
    """Read ``OLD=NEW`` of every ``--rename``.

    Raises:
        click.UsageError: One is something else.
    """
    found = {}
    for rename in given:
        old, sign, new = rename.partition("=")
        if not (old and sign and new):
            raise click.UsageError(f"--rename takes OLD=NEW, found {rename!r}")
        found[old] = new
    return found
