"""What a merge needs beyond its inputs and its result: at most 64 MB."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


pytestmark = pytest.mark.slow

LIMIT = 64 << 20
PROBE = """
import json, sys, torch
from mergekit_ext.kernels import backends
from mergekit_ext.kernels.tensors import Input
from mergekit_ext.methods.method_catalogue import METHODS

backend, copies, names = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
picked = backends.TORCH if backend == "torch" else backends.numba_backend()
backends.pick = lambda what: picked


def status(key):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) << 10 for line in lines if key in line)


def tensors(size):
    one = torch.randn(1 << 16, generator=torch.Generator().manual_seed(0))
    parts = [one.roll(7 * k) * (1 + k / 9) for k in range(3)]
    return [Input(part.bfloat16().repeat(size >> 16), f"m{k}")
            for k, part in enumerate(parts)]


def extra(method, made):
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak begins anew
    known = {p.name for p in method.parameters if p.per_model}
    values = {"weight": 0.5, "density": 0.4, "gamma": 0.05}
    values = {name: value for name, value in values.items() if name in known}
    base, *experts = made[:2] if method.exactly else made
    if method.base == "ignored":
        base, experts = None, made
    before = status("VmRSS:")
    kept = [made[0].tensor.float() for _ in range(copies)]
    merged = method(base, [(e, values) for e in experts],
                    {"t": 0.1} if method.exactly else {}, name="w")
    return status("VmHWM:") - before - merged.nbytes


methods = [m for m in METHODS if m.name in names]
small, large = tensors(1 << 19), tensors(1 << 25)
for method in methods:
    extra(method, small)  # code, compiled loops, threads
print(json.dumps({m.name: extra(m, large) for m in methods}))
"""


def measured(
    root: Path, backend: str, *methods: str, copies: int = 0
) -> dict[str, int]:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("NO /proc: the peak of memory is not measured")
    done = subprocess.run(
        [sys.executable, "-c", PROBE, backend, str(copies), *methods],
        cwd=root,
        env=os.environ | {"OMP_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("backend", ["torch", "numba"])
def test_a_large_tensor_takes_little_more(backend: str, root: Path) -> None:
    if backend == "numba":
        pytest.importorskip("numba", reason="NO NUMBA: its memory is not measured")
    # one of each way to keep and to combine
    names = ["linear", "breadcrumbs", "ties", "dare_ties", "nearswap"]
    found = measured(root, backend, *(f"fused_{name}" for name in names))
    assert len(found) == len(names)
    assert {name: size for name, size in found.items() if size > LIMIT} == {}
    # the result itself is not taken for something else
    assert min(found.values()) > -LIMIT // 2


def test_the_measure_would_see_a_copy(root: Path) -> None:
    # a float32 copy of the base is 128 MB
    assert measured(root, "torch", "fused_linear", copies=1)["fused_linear"] > LIMIT
