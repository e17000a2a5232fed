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
import sys
import tempfile
from pathlib import Path
from typing import Any


ROOT = Path(__file__).resolve().parent.parent
# the package need not be installed where the GPU is
sys.path.insert(0, str(ROOT))


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


def check() -> tuple[int, list[str]]:
    """Return how many comparisons were made, and which of them failed."""
    import torch
    from gpu_correctness import HUGE, HUGE_BYTES, check_cases, check_huge

    count, wrong = check_cases()
    if torch.cuda.mem_get_info()[0] < HUGE_BYTES:
        print(f"NOT CHECKED, for want of memory: a tensor of {HUGE} elements")
        return count, wrong
    more, also = check_huge()
    return count + more, wrong + also


def measure(rate: float) -> dict[str, dict[str, Any]]:
    """Return the figures of every method, with stock mergekit's where it is there."""
    from gpu_correctness import METHODS
    from gpu_timing import against_stock, measure_all

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
    import torch
    import triton

    count, wrong = check()
    for one in wrong:
        print(f"DIFFERS: {one}")
    if wrong:
        print(f"{len(wrong)} of {count} comparisons differ: nothing is measured.")
        return 1
    from gpu_timing import copy_rate

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
