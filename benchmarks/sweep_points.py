"""A process that keeps models, and merges point after point into one live model.

It reads a line of JSON for each thing it is to do and answers with one; ``Points`` is
what another process has of it.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import psutil
import torch
from merge_gate import shares
from merge_memory import forget_peak, give_back, status
from safetensors import safe_open

from mergekit_ext.inmemory import ResidentModels, merge_into, prepare_merge


Weights = Mapping[str, float]


class Points:
    """The process, from outside; a context manager, as it has to end."""

    def __init__(self, log: Path) -> None:
        self._said = log.open("wb")
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
            text=True,
        )

    def __enter__(self) -> Points:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._said.close()

    def ask(self, **what: Any) -> dict[str, Any]:
        """Have it do something.

        Raises:
            RuntimeError: If it has ended; its log says why.
        """
        asked, answers, line = self._process.stdin, self._process.stdout, ""
        if asked is not None and answers is not None:
            with suppress(BrokenPipeError):
                asked.write(json.dumps(what) + "\n")
                asked.flush()
                line = answers.readline()
        if not line:
            said = Path(self._said.name).read_text("utf-8", errors="replace")
            raise RuntimeError(f"The resident process has ended:\n{said[-3000:]}")
        found: dict[str, Any] = json.loads(line)
        return found


class _Kept:
    """What the process keeps."""

    def __init__(self, folder: str) -> None:
        from transformers import AutoConfig, AutoModelForCausalLM

        config = AutoConfig.from_pretrained(folder)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
        self.model = model.to_empty(device="cpu")
        self.resident = ResidentModels()
        self._begin()

    def _begin(self) -> None:
        """Let a new peak of memory begin: what was compared is not the points'."""
        give_back()
        self._forgotten = forget_peak()

    def point(self, recipe: str, weights: Weights) -> dict[str, Any]:
        """Merge a recipe with other weights, from its file to the live model."""
        start = time.perf_counter()
        prepared = prepare_merge(recipe, weights=weights)
        merge_into(self.model, prepared, resident=self.resident)
        return {"seconds": time.perf_counter() - start}

    def compare(self, base: str, fused: str, stock: str) -> dict[str, Any]:
        """Compare what is in the model with two merges on the disk, all of it."""
        found = differ = apart = 0.0
        wrong, state = [], self.model.state_dict()
        ours, theirs, bases = (_tensors(Path(one)) for one in (fused, stock, base))
        for name, tensor in state.items():
            if not torch.equal(tensor.view(torch.int16), ours[name].view(torch.int16)):
                wrong.append(name)
            flat = [one.reshape(-1) for one in (tensor, theirs[name], bases[name])]
            shared = shares(*flat)
            found += tensor.numel()
            differ += shared[0] * tensor.numel()
            apart += shared[1] * tensor.numel()
        missing = sorted(ours.keys() ^ state.keys())
        del ours, theirs, bases, flat
        self._begin()
        return {
            "wrong": [*wrong, *missing],
            "differ": differ / found,
            "apart": apart / found,
        }

    def memory(self) -> dict[str, Any]:
        """Say what the process has and had in memory, in bytes."""
        now = psutil.Process().memory_full_info()
        return {
            "models": self.resident.bytes,
            "live": sum(one.nbytes for one in self.model.state_dict().values()),
            "known_cuts": self.resident.known_cuts,
            "rss": now.rss,
            "uss": now.uss,
            "peak_rss": status("VmHWM"),
            "peak_is_of_the_points": self._forgotten,
        }


def _tensors(folder: Path) -> dict[str, torch.Tensor]:
    found = {}
    for file in folder.glob("*.safetensors"):
        with safe_open(file, framework="pt") as opened:
            found |= {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    return found


def main() -> None:
    logging.disable(logging.WARNING)
    answers: IO[str] = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed goes to the log
    kept: _Kept | None = None
    for line in sys.stdin:
        what = json.loads(line)
        do = what.pop("do")
        found: dict[str, Any] = {}
        if kept is None:
            kept = _Kept(what["folder"])
        else:
            found = getattr(kept, do)(**what)
        print(json.dumps(found), file=answers, flush=True)


if __name__ == "__main__":
    main()
