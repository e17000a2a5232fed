"""The CUDA backend's tests, where there is no GPU, under Triton's interpreter.

Triton decides at its first import whether it interprets, so this is a process of its
own and leaves the other tests alone.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_under_the_interpreter(root: Path) -> None:
    pytest.importorskip("triton", reason="NO TRITON: the CUDA backend is not tested")
    if os.environ.get("TRITON_INTERPRET") == "1":
        pytest.skip("this is the interpreter")
    file = Path(__file__).with_name("test_cuda.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", file],
        env=os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"},
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed
    assert int(passed[1]) > 50
    assert " skipped" not in done.stdout
