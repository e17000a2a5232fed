"""Run ``iberian`` in processes that are killed, without a start-up for each.

A program of its own: it runs the arguments it is given once, so that all is imported,
then forks for every line it reads, a JSON list: the arguments, and when the process is
to be killed: ``{"seconds": …}``, ``{"step": …}`` or ``{}``. A step is whatever opens,
renames or removes a file of the output. It answers with the exit code.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time


STEPS = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir"}


def die_at(step: int) -> None:
    """Kill this process before it takes a step."""
    left = step

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event in STEPS and (event != "open" or "out" in str(arguments[0])):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def main() -> None:
    """Answer lines of standard input until there are none."""
    from lm_eval_iberian.cli import main as iberian

    answers = os.dup(1)
    os.dup2(2, 1)
    iberian(sys.argv[1:], standalone_mode=False)
    os.write(answers, b"ready\n")
    for line in sys.stdin:
        arguments, end = json.loads(line)
        child = os.fork()
        if child == 0:
            if "step" in end:
                die_at(end["step"])
            iberian(arguments, standalone_mode=False)
            os._exit(0)  # without the long way down of an interpreter
        if "seconds" in end:
            time.sleep(end["seconds"])
            os.kill(child, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.write(answers, b"%d\n" % code)


if __name__ == "__main__":
    main()
