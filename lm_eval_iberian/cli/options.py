"""Options that more than one verb takes."""

from __future__ import annotations

from pathlib import Path

import click


include_path = click.option(
    "--include-path", "--include_path", type=click.Path(path_type=Path), multiple=True,
    help="A folder of more tasks, as for lm_eval.",
)  # fmt: skip
