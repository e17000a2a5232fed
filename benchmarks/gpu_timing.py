"""How fast merges are on this GPU, against a copy and against stock mergekit."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import torch
from gpu_correctness import BF16, F32, METHODS, Method, Tensors, tuned

from mergekit_ext.kernels.gpu import cuda, cuda_plan
from mergekit_ext.kernels.gpu.triton_ties import count_ties_kernel
from mergekit_ext.kernels.terms import Merge


LARGE, STOCK = 1 << 28, 1 << 26
# of the elements: float32 deltas have ties, and stock mergekit splits them by chance
_TIED = 1e-4
_SOUGHT, _SPLIT = 1, 2


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


def measure(method: Method, tensors: Tensors, rate: float) -> dict[str, Any]:
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
    """Return what ``measure`` gives for every method, base and two experts in bf16."""
    tensors = tuned(LARGE, (BF16, BF16, BF16), "cuda")
    table = {method.name: measure(method, tensors, rate) for method in METHODS}
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
