"""Run the two hosts' own commands as a user would, quietly, with a log each."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lm_eval_iberian.errors import IberianError


class CommandError(IberianError, RuntimeError):
    """A command of a host failed; the text ends with what it said last."""


def run_command(name: str, arguments: Sequence[str], log: Path, threads: int) -> None:
    """Run a console script of this environment without the network.

    Args:
        name: ``lm_eval`` or ``mergekit-yaml``.
        arguments: What follows it.
        log: Where its output goes.
        threads: Threads it may use.

    Raises:
        CommandError: It is not installed here, or ended with another code than 0.
    """
    script = Path(sys.executable).parent / name
    if not script.exists():
        raise CommandError(f"{name} is not installed beside {sys.executable}")
    environment = os.environ | {
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "OMP_NUM_THREADS": str(threads),
        "TOKENIZERS_PARALLELISM": "false",
    }
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [str(script), *arguments]
    with log.open("w", encoding="utf-8") as file:
        print(*command, file=file, flush=True)
        code = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environment,
            check=False,
        ).returncode
    if code != 0:
        said = log.read_text("utf-8", errors="replace").strip().splitlines()[-5:]
        last = "\n  ".join(said)
        raise CommandError(f"{name} ended with {code} (all of it: {log}):\n  {last}")
