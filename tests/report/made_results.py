"""Results files as lm-eval writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lm_eval_iberian.report import load_catalogue


class Results:
    """Writes results files as lm-eval does."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.count = 0

    def content(
        self,
        tasks: Mapping[str, Mapping[str, Any] | float],
        model: str = "org/model",
        *,
        shots: int | None = 5,
        n: int = 900,
        of: int | None = None,
        date: float = 1_700_000_000.0,
        **more: Any,
    ) -> dict[str, Any]:
        """Return the content: each task with its metrics, or its accuracy alone."""
        rows = {
            task: row if isinstance(row, Mapping) else {"acc,none": row}
            for task, row in tasks.items()
        }
        config = {"model": "hf", "model_args": f"pretrained={model}", "limit": None}
        return {
            "results": {t: {"alias": t, **row} for t, row in rows.items()},
            "group_subtasks": {},
            "configs": {t: {"task": t, "metadata": {"version": 1.0}} for t in rows},
            "versions": {t: 1.0 for t in rows},
            "n-shot": {t: shots for t in rows},
            "n-samples": {t: {"original": of or n, "effective": n} for t in rows},
            "config": config | more.pop("config", {}),
            "date": date,
            "start_time": 1000.0 + self.count,
            "model_name": model,
            "chat_template": None,
            "chat_template_sha": None,
            "fewshot_as_multiturn": False,
            "system_instruction": None,
        } | more

    def write(
        self, tasks: Mapping[str, Mapping[str, Any] | float], model: str = "org/model",
        **more: Any,
    ) -> Path:  # fmt: skip
        """Write a file of its own and return its path."""
        self.count += 1
        return self.put(self.content(tasks, model, **more), model)

    def put(self, content: object, model: str = "org/model") -> Path:
        folder = self.root / model.replace("/", "__")
        folder.mkdir(parents=True, exist_ok=True)
        day = f"2025-01-{1 + self.count // 24:02}T{self.count % 24:02}"
        path = folder / f"results_{day}-00-00.000000.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        return path


def everything(accuracy: float = 0.5) -> dict[str, float | dict[str, float]]:
    """Return a result for every benchmark, by its first name."""
    catalogue = load_catalogue()
    found: dict[str, float | dict[str, float]] = {}
    for benchmark in catalogue.benchmarks.values():
        kind = catalogue.kind_of(benchmark)
        names = [benchmark.tasks_of(p)[0] for p in benchmark.parts] or benchmark.tasks
        for name in names if benchmark.parts else names[:1]:
            found[name] = {
                f"{metric},none": 100 * accuracy / catalogue.metrics[metric].scale
                for metric in kind.metrics
            }
    return found
