"""``iberian export``: what of this project the two hosts can take over as their own."""

from __future__ import annotations

import click


@click.group("export")
def command() -> None:
    """Write tasks or merge methods as files for the trees of lm-eval and mergekit."""
