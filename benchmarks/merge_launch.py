"""Run a command and print what it took, as JSON: a program without imports of weight.

A child's peak memory counts from that of the process that started it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time


def main() -> None:
    log, *command = sys.argv[1:]
    with open(log, "wb") as said:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=said, stderr=said)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    taken = {
        "wall": wall,
        "processor": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }
    print(json.dumps({"exit": child.returncode, "taken": taken}))


if __name__ == "__main__":
    main()
