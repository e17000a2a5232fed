"""The folder of a sweep as ``iberian sweep run`` leaves it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from made_results import Results


Tasks = Mapping[str, Mapping[str, Any] | float]
EU = (
    "belebele_eus_Latn", "eus_reading", "xstorycloze_eu", "eus_proficiency",
    "bertaqa_eu_local", "eus_trivia",
)  # fmt: skip
GL = (
    "iberian_belebele_gl", "xstorycloze_gl", "galcola", "openbookqa_gl", "parafrases_gl"
)  # fmt: skip


def galician(accuracy: float) -> dict[str, float]:
    """Return results of which the average of GL is this share."""
    return dict.fromkeys(GL, accuracy)


def following(lang: str, accuracy: float, stops: float = 1.0) -> dict[str, Any]:
    """Return a result of IFEval."""
    return {
        f"iberian_ifeval_{lang}": {
            "inst_level_strict_acc,none": accuracy, "stop_rate,none": stops,
        }
    }  # fmt: skip


class MadeSweep:
    """Plans cells, and gives some of them results."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._results = Results(folder)
        self._cells: list[dict[str, Any]] = []
        folder.mkdir(parents=True, exist_ok=True)

    def model(
        self,
        name: str,
        suites: Mapping[str, Tasks | Sequence[Tasks | None] | None],
        *,
        method: str = "",
        languages: tuple[str, ...] = ("gl",),
        called: str = "",
        **values: str,
    ) -> None:
        """Plan a model with its cells; a suite without results is one still to run.

        Of several, each is a run. ``suite@en`` is a suite in a language of its own.
        """
        role = "merge" if method else name.partition("-")[0]
        for place, found in suites.items():
            suite, _, group = place.partition("@")
            runs = [found] if found is None or isinstance(found, Mapping) else found
            for run, tasks in enumerate(runs):
                parts = [name, f"{suite}-{group or languages[0]}"]
                parts += [f"run{run}"] if len(runs) > 1 else []
                cell = {
                    "id": "--".join(parts), "model": name, "role": role,
                    "languages": list(languages), "method": method, "values": values,
                    "recipe": {"of": [name, values]} if method else None,
                    "pretrained": "" if method else f"/models/{name}",
                    "merge_seed": None, "suite": suite, "group": group or languages[0],
                    "tasks": list(tasks or ()), "options": {"seed": str(run)},
                    "run": run,
                }  # fmt: skip
                self._cells.append(cell)
                if tasks is not None:
                    self._finish(cell, tasks, called or name)
        self._plan()

    def merges(
        self, method: str, points: Mapping[str, tuple[float, float] | None], **more: Any
    ) -> None:
        """Plan merges for Galician: weight to the language's average and IFEval."""
        for weight, pair in points.items():
            others = [f"{key}{text}" for key, text in more.items()]
            name = "-".join([method, "gl", f"weight{weight}", *others])
            suites: dict[str, Tasks | None] = {"choice": None, "ifeval": None}
            if pair is not None:
                suites = {
                    "choice": galician(pair[0]),
                    "ifeval": following("gl", pair[1]),
                }
            self.model(name, suites, method=method, weight=weight, **more)

    def _finish(self, cell: Mapping[str, Any], tasks: Tasks, called: str) -> None:
        place = self.folder / "cells" / cell["id"]
        place.mkdir(parents=True)
        self._results.count += 1
        chats = any("ifeval" in task for task in tasks)
        template = {"chat_template": "<s>", "chat_template_sha": "abc"} if chats else {}
        content = self._results.content(
            tasks, called, shots=0 if chats else 5, **template
        )
        (place / "results_2026-01-01T00-00-00.000000.json").write_text(
            json.dumps(content), "utf-8"
        )
        (place / "record.json").write_text("{}", "utf-8")

    def _plan(self) -> None:
        content = {"format": 1, "lm_eval_iberian": "0", "cells": self._cells}
        (self.folder / "sweep.json").write_text(json.dumps(content), "utf-8")


def two_methods(folder: Path) -> MadeSweep:
    """Two methods by four weights in Galician, with all baselines; one cell is missing.

    Linear is best at 0.5, as good at 1; task arithmetic at 0.25, and 2 has no result.
    """
    sweep = MadeSweep(folder)
    for role, language, share in (
        ("base", 0.5, 0.125), ("instruct", 0.25, 0.75), ("expert-gl", 0.75, 0.25),
    ):  # fmt: skip
        suites = {"choice": galician(language), "ifeval": following("gl", share, 0.5)}
        sweep.model(role, suites)
    sweep.merges(
        "linear",
        {"0.25": (0.25, 0.5), "0.5": (0.5, 0.5), "1": (0.625, 0.375), "2": (0.5, 0.25)},
    )
    sweep.merges(
        "fused_task_arithmetic",
        {"0.25": (0.375, 0.75), "0.5": (0.5, 0.5), "1": (0.625, 0.25), "2": None},
    )
    nearswap = {"choice": galician(0.75), "ifeval": following("gl", 0.0)}
    sweep.model("nearswap-gl-t0.5", nearswap, method="nearswap", t="0.5")
    return sweep
