"""Check the CUDA kernels on a real GPU, then measure them.

First everything is compared bit for bit with plain PyTorch on the CPU; nothing is
measured where one bit differs. The figures go to ``benchmarks/results/<gpu>.json``.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import re
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any


ROOT = Path(__file__).resolve().parent.parent
# the package need not be installed where the GPU is
sys.path.insert(0, str(ROOT))
LARGE, STOCK = 1 << 28, 1 << 26
# of the elements: float32 deltas have ties, and stock mergekit splits them by chance
_TIED = 1e-4
_SOUGHT, _SPLIT = 1, 2


def missing() -> str:
    """Say what is missing for the check; nothing if all is there."""
    for package in ("torch", "triton"):
        if importlib.util.find_spec(package) is None:
            return f"gpu-check needs {package}, which is not installed: pip install it."
    import torch

    if torch.version.cuda is None:
        return "gpu-check needs a PyTorch built for CUDA, and this one is not."
    if not torch.cuda.is_available():
        return "gpu-check needs an NVIDIA GPU, and PyTorch sees none here."
    return ""


# --help and what is missing can be said without
if not missing():
    import torch
    import triton
    from gpu_correctness import (
        BF16,
        F32,
        HUGE,
        HUGE_BYTES,
        METHODS,
        Method,
        Tensors,
        check_cases,
        check_huge,
        tuned,
    )

    from mergekit_ext.kernels.gpu import cuda, cuda_plan
    from mergekit_ext.kernels.gpu.triton_ties import count_ties_kernel
    from mergekit_ext.kernels.terms import Merge


def check() -> tuple[int, list[str]]:
    """Return how many comparisons were made, and which of them failed."""
    count, wrong = check_cases()
    if torch.cuda.mem_get_info()[0] < HUGE_BYTES:
        print(f"NOT CHECKED, for want of memory: a tensor of {HUGE} elements")
        return count, wrong
    more, also = check_huge()
    return count + more, wrong + also


def seconds(run: Callable[[], object], rounds: int = 15) -> float:
    """Return the median seconds of a call on the device, after three for warmth."""
    times = []
    for _ in range(rounds + 3):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        run()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) / 1e3)
    return statistics.median(times[3:])


def copy_rate(size: int = 1 << 32) -> float:
    """Return the bytes a second, read and written, of a copy within the device."""
    source = torch.empty(size, dtype=torch.uint8, device="cuda").random_()
    target = torch.empty_like(source)
    return 2 * size / seconds(lambda: target.copy_(source))


def searches(what: Merge) -> int:
    """Return how many passes over the inputs the search of its cuts takes."""
    active: list[bool] = []

    class Watched(cuda_plan.Search):
        def _run_all(self, kernel: Any, *tables: torch.Tensor, **more: int) -> None:
            state = _SPLIT if kernel is count_ties_kernel else _SOUGHT
            active.append(bool((self.plan[:, 0] == state).any()))
            super()._run_all(kernel, *tables, **more)

    before, cuda_plan.Search = cuda_plan.Search, Watched  # type: ignore[misc]
    try:
        cuda.merge_terms(what)
    finally:
        cuda_plan.Search = before  # type: ignore[misc]
    return sum(active)


def measure_method(method: Method, tensors: Tensors, rate: float) -> dict[str, Any]:
    """Return the time of a method, the bytes it moves and their share of a copy."""
    what = method.merge(tensors)
    size = what.like.numel()
    read = sum(one.tensor.element_size() for one in what.inputs)
    passes = searches(what)
    moved = read * (passes + 1) + what.like.element_size()
    took = seconds(lambda: cuda.merge_terms(what))
    return {
        "ns_per_element": took / size * 1e9,
        "passes": passes + 1,
        "bytes_per_element": moved,
        "share_of_copy": moved * size / took / rate,
    }


def measure_nearswap(tensors: Tensors, rate: float) -> dict[str, Any]:
    """Return the same for nearswap."""
    base, other, *_ = tensors
    took = seconds(lambda: cuda.nearswap(base, other, 1e-3))
    moved = 2 * base.element_size() + other.element_size()
    return {
        "ns_per_element": took / base.numel() * 1e9,
        "passes": 1,
        "bytes_per_element": moved,
        "share_of_copy": moved * base.numel() / took / rate,
    }


def measure_all(rate: float) -> dict[str, dict[str, Any]]:
    """Return the same of every method, for a base and two experts in bf16."""
    tensors = tuned(LARGE, (BF16, BF16, BF16), "cuda")
    table = {method.name: measure_method(method, tensors, rate) for method in METHODS}
    return table | {"nearswap": measure_nearswap(tensors, rate)}


def against_stock(method: Method, stock: Any) -> dict[str, Any]:
    """Return float32 times of stock mergekit and ours; a ratio where results agree."""
    tensors = tuned(STOCK, (F32, F32, F32), "cuda")
    what = method.merge(tensors)
    settings = dict(method.settings)
    settings["weight"] = [term.weight for term in what.terms]

    def theirs() -> torch.Tensor:
        base = 0 if method.base else None
        merged = stock.merge_tensors(
            tensors, method.name, base_index=base, parameters=settings
        )
        return torch.as_tensor(merged)

    found: dict[str, Any] = {
        "stock_ns_per_element": seconds(theirs, 5) / STOCK * 1e9,
        "fused_ns_per_element": seconds(lambda: cuda.merge_terms(what)) / STOCK * 1e9,
    }
    if method.keep == "random":
        return found | {"no_ratio": "the random masks of the two differ"}
    apart = (theirs() - cuda.merge_terms(what)[0]).abs() > 2e-6
    share = float(apart.double().mean())
    if share > (_TIED if method.keep else 0):
        return found | {"no_ratio": f"{share:.2%} of the elements differ"}
    return found | {
        "ratio": found["stock_ns_per_element"] / found["fused_ns_per_element"]
    }


def measure(rate: float) -> dict[str, dict[str, Any]]:
    """Return the figures of every method, with stock mergekit's where it is there."""
    table = measure_all(rate)
    if importlib.util.find_spec("mergekit") is None:
        print("mergekit is not installed here: no comparison with it")
        return table
    stock = importlib.import_module("mergekit.merge_methods")
    for method in METHODS:
        table[method.name] |= against_stock(method, stock)
    return table


def show(table: dict[str, dict[str, Any]]) -> None:
    """Print the figures."""
    for name, row in table.items():
        ratio = f"{row['ratio']:.1f} x stock" if "ratio" in row else ""
        print(
            f"{name:17}{row['ns_per_element']:9.4f} ns/element"
            f"{row['passes']:3} passes{row['bytes_per_element']:4} bytes/element"
            f"{row['share_of_copy']:7.1%} of a copy  {ratio or row.get('no_ratio', '')}"
        )


def write(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
    os.chmod(name, 0o644)
    os.replace(name, path)


def file_name(gpu: str) -> str:
    """Return a file's name for a GPU's."""
    return re.sub(r"[^a-z0-9]+", "-", gpu.lower()).strip("-") + ".json"


def main() -> int:
    """Run the check; return 1 where something is missing or wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    options = parser.parse_args()
    if lacking := missing():
        print(lacking, file=sys.stderr)
        return 1
    count, wrong = check()
    for one in wrong:
        print(f"DIFFERS: {one}")
    if wrong:
        print(f"{len(wrong)} of {count} comparisons differ: nothing is measured.")
        return 1
    rate, gpu = copy_rate(), torch.cuda.get_device_name()
    print(f"{gpu}: {count} comparisons, all the same bits; copy {rate / 1e9:.0f} GB/s")
    table = measure(rate)
    show(table)
    content = {
        "gpu": gpu,
        "torch": torch.__version__,
        "triton": triton.__version__,
        "comparisons": count,
        "copy_bytes_per_second": rate,
        "methods": table,
    }
    write(options.out / file_name(gpu), content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
