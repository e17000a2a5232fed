"""``iberian doctor``."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Table


@click.command("doctor")
@click.option("--no-network", is_flag=True, help="Do not try to reach the hub.")
def command(no_network: bool) -> None:
    """Say what is installed, which route is live, what can be reached.

    Exits with 1 where something that the project needs is missing.
    """
    from lm_eval_iberian.diagnosis import diagnose

    findings = diagnose(network=not no_network)
    table = Table("", "what", "found", box=None, pad_edge=False)
    for finding in findings:
        table.add_row(finding.mark, finding.what, finding.found)
    Console().print(table)
    if any(finding.state == "missing" for finding in findings):
        raise SystemExit(1)
