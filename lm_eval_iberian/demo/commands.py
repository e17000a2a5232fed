"""Run this project's own commands as a user would type them, and show each."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from shlex import join

from rich.console import Console

from lm_eval_iberian.errors import IberianError


class CommandError(IberianError, RuntimeError):
    """A command failed, and has said why."""


def run_iberian(arguments: Sequence[str], console: Console) -> None:
    """Run a command of this project without the network; its output is shown.

    Args:
        arguments: What follows ``iberian``.
        console: Where the command itself is shown before.

    Raises:
        CommandError: It ended with another code than 0.
    """
    shown = join(["iberian", *arguments])
    console.print(f"\n$ {shown}")
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    code = subprocess.run(
        [sys.executable, "-m", "lm_eval_iberian.cli", *arguments],
        stdin=subprocess.DEVNULL,
        env=environment,
        check=False,
    ).returncode
    if code != 0:
        raise CommandError(f"{join(['iberian', *arguments[:2]])} ended with {code}")
