"""Sweeps with samples, whose curves are known."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import log
from pathlib import Path
from typing import Any

from made_samples import Evaluations, Row, answers, instructions
from made_sweeps import MadeSweep


ITEMS = 100
# of what a sweep is told by here
LANGUAGE, FOLLOWING = "xstorycloze_{lang}", "ifeval_{lang}"
# right answers of the language, and instructions followed, of a hundred each
Pair = tuple[int, int]


def right(share: int) -> list[Row]:
    return answers([place < share for place in range(ITEMS)], 2)


def followed(share: int) -> list[Row]:
    rows = instructions([[place < share] for place in range(ITEMS)])
    # the second instructions, of which there are none
    return [{k: v for k, v in row.items() if "original" not in k} for row in rows]


def losses(perplexity: float) -> list[Row]:
    """Return samples of texts of ten bytes, the perplexity of each byte this."""
    nearly = [perplexity * (1 + 0.01 * (number % 3 - 1)) for number in range(ITEMS)]
    return [
        {
            "doc": {"id": number},
            "arguments": {"gen_args_0": {}},
            "resps": [[-1.0]],
            "byte_perplexity": [-10 * log(one), 10],
        }
        for number, one in enumerate(nearly)
    ]


class SampledSweep(MadeSweep):
    """A sweep in Galician whose results have their samples beside them."""

    def __init__(self, folder: Path, samples: bool = True) -> None:
        super().__init__(folder)
        self._samples = samples
        self._evaluations = Evaluations(folder)

    def baselines(self, instruct: Pair = (40, 90), expert: Pair = (80, 10)) -> None:
        """Plan the instructed model and the expert."""
        self.sampled("instruct", instruct)
        self.sampled("expert-gl", expert)

    def curve(
        self, method: str, points: Mapping[str, Pair | None], **more: Any
    ) -> None:
        """Plan merges: weight to right answers and instructions followed."""
        for weight, pair in points.items():
            others = [f"{key}{text}" for key, text in more.items()]
            name = "-".join([method, "gl", f"weight{weight}", *others])
            self.sampled(name, pair, method=method, weight=weight, **more)

    def sampled(self, name: str, pair: Pair | None, **more: Any) -> None:
        """Plan a model; without a pair its cells have no result."""
        suites: dict[str, Any] = {"choice": None, "ifeval": None}
        if pair is not None:
            suites = {
                "choice": {"xstorycloze_gl": right(pair[0])},
                "ifeval": {"iberian_ifeval_gl": followed(pair[1])},
            }
        self.model(name, suites, **more)

    def _finish(
        self, cell: Mapping[str, Any], tasks: Mapping[str, Any], called: str
    ) -> None:
        rows: Mapping[str, Sequence[Row]] = tasks
        results = {
            task: {
                f"{name},none": value
                for name, value in self._evaluations.values(of).items()
            }
            for task, of in rows.items()
        }
        super()._finish(cell, results, called)
        (path,) = (self.folder / "cells" / cell["id"]).glob("results_*.json")
        content = json.loads(path.read_text("utf-8"))
        content["n-samples"] = {
            task: {"original": len(of), "effective": len(of)}
            for task, of in rows.items()
        }
        path.write_text(json.dumps(content), "utf-8")
        for task, of in rows.items() if self._samples else ():
            self._evaluations.put_samples(path, task, of)


# 50 % of the expert's gain are 60 right answers
STEADY = {"0.5": (60, 70), "1": (70, 50)}
KEEPING = {"0.5": (50, 80), "1": (80, 40)}


def two_curves(folder: Path, **more: Any) -> SampledSweep:
    """Two methods: at 50 % they follow 70 and 66.7 of 100, at 75 % 50 and 53.3."""
    sweep = SampledSweep(folder, **more)
    sweep.baselines()
    sweep.curve("linear", STEADY)
    sweep.curve("ties", KEEPING)
    return sweep
