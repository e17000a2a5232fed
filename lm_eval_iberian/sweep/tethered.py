"""Become another program that dies with the process that started it.

Run as a file, with nothing but the standard library: ``tethered.py PARENT PROGRAM …``.
On Linux the kernel then kills the program when its parent ends, however that ends;
elsewhere the program just runs.
"""

from __future__ import annotations

import os
import signal
import sys


_PR_SET_PDEATHSIG = 1


def tethered(command: list[str]) -> list[str]:
    """Return a command as one that dies with this process."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def _main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it has ended already
            os.kill(os.getpid(), signal.SIGKILL)
    os.execv(command[0], command)  # noqa: S606 (a program and its arguments, no shell)


if __name__ == "__main__":
    _main()
