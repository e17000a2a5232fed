"""How much memory a merge needs beyond its inputs and its output, in a new process.

As a program: measures itself once, and prints a line of JSON.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from merge_cases import CASES, Case, family, forced, model_names, named

from mergekit_ext.kernels.backends import Backend
from mergekit_ext.kernels.tensors import Input
from mergekit_ext.methods.method_catalogue import METHODS


_STATUS: Final = Path("/proc/self/status")
_CLEAR: Final = Path("/proc/self/clear_refs")
# large enough for every loop to be compiled and every library to be loaded
_WARM: Final = 3 << 20


@dataclass(frozen=True)
class Extra:
    """Memory beyond inputs and output.

    Args:
        bytes: How much.
        at_most: Whether the peak of what came before could not be forgotten, so that
            it may be less.
    """

    bytes: int
    at_most: bool


def extra_memory(
    case: str, backend: str, elements: int, experts: int, dtype: str, threads: int
) -> Extra | None:
    """Measure a merge in a child; ``None`` where the system does not tell.

    Raises:
        RuntimeError: If the child fails.
    """
    if not _STATUS.exists():
        return None
    arguments = [case, backend, elements, experts, dtype, threads]
    done = subprocess.run(
        [sys.executable, __file__, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{case} by {backend} failed:\n{done.stderr[-2000:]}")
    return Extra(**json.loads(done.stdout.splitlines()[-1]))


def measured(
    case: str, backend: str, elements: int, experts: int, dtype: torch.dtype
) -> Extra:
    """Measure a merge in this process, which has done nothing else."""
    method, way = CASES[case], named(backend)
    directly(method, family(_WARM, experts, dtype), way)
    tensors = method.taken(family(elements, experts, dtype))
    give_back()
    forgotten = forget_peak()
    before = status("VmRSS")
    merged = directly(method, tensors, way)
    extra = status("VmHWM") - before - merged.numel() * merged.element_size()
    return Extra(max(0, extra), not forgotten)


def directly(
    case: Case, tensors: Sequence[torch.Tensor], backend: Backend
) -> torch.Tensor:
    """Return the merge of base and experts by one of our methods, without mergekit."""
    taken = case.taken(tensors)
    names, values = model_names(len(taken)), case.values(len(taken))
    inputs = [Input(*pair) for pair in zip(taken, names, strict=True)]
    experts = [
        (one, {name: given[one.model] for name, given in values.items()})
        for one in inputs[1 if case.base else 0 :]
    ]
    method = next(method for method in METHODS if method.name == case.ours)
    with forced(backend):
        return method(
            inputs[0] if case.base else None, experts, case.shared, name=case.tensor
        )


def give_back() -> None:
    """Return to the system what was freed: reused, it would not show."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def forget_peak() -> bool:
    try:
        _CLEAR.write_text("5")
    except OSError:
        return False
    return True


def status(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"{_STATUS} has no {name}.")
    return int(found[1]) << 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", choices=CASES)
    parser.add_argument("backend")
    parser.add_argument("elements", type=int)
    parser.add_argument("experts", type=int)
    parser.add_argument("dtype")
    parser.add_argument("threads", type=int)
    options = vars(parser.parse_args())
    torch.set_num_threads(options.pop("threads"))
    options["dtype"] = getattr(torch, options["dtype"])
    extra = measured(**options)
    print(json.dumps({"bytes": extra.bytes, "at_most": extra.at_most}))


if __name__ == "__main__":
    main()
