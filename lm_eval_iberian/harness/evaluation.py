"""What ``lm_eval run`` does, in this process, and as often as it is wanted."""

from __future__ import annotations

import functools
import importlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lm_eval_iberian.harness.attach import MODELS
from lm_eval_iberian.harness.building import (
    check_shots,
    open_suites,
    quiet,
    try_to_build,
)
from lm_eval_iberian.harness.leaves import Leaf, resolve


# what lm_eval takes where nothing is asked for
_BATCH, _DEVICE = 1, "cuda:0"


class TaskEvaluation:
    """Evaluates models on tasks as ``lm_eval run`` does, and writes what it writes.

    The tasks are indexed once. Each evaluation builds its own of them, and sets its
    own seeds: none reaches the next.

    Args:
        tasks: Every task that will be asked for.
        include_path: A folder of more tasks; empty for none.
        examine: Told of each single task when it is first built, with its data.

    Raises:
        IberianError: There is no such task.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        include_path: str = "",
        examine: Callable[[Leaf, Any], Any] = lambda leaf, task: None,
    ) -> None:
        from lm_eval.utils import setup_logging

        os.environ["TOKENIZERS_PARALLELISM"] = "false"
        folders = [Path(include_path)] if include_path else []
        self._manager, _ = open_suites(list(tasks), folders)
        setup_logging()
        _environment_asked_once()
        self._examine = examine
        self._examined: dict[tuple[str, int | None], Any] = {}

    def leaves(self, tasks: Sequence[str]) -> list[Leaf]:
        """Return the single tasks that names stand for."""
        return resolve(self._manager.task_index, tasks)

    def examined(self, tasks: Sequence[str], shots: int | None) -> dict[str, Any]:
        """Return what ``examine`` said of each single task, which is built once for it.

        Raises:
            IberianError: One cannot be built, or has too few examples to give.
        """
        found = {}
        for leaf in self.leaves(tasks):
            key = leaf.name, shots
            if key not in self._examined:
                with quiet():
                    task = try_to_build(self._manager, leaf)
                    check_shots(task, shots)
                self._examined[key] = self._examine(leaf, task)
            found[leaf.name] = self._examined[key]
        return found

    def evaluate(
        self,
        model: str,
        arguments: Mapping[str, Any],
        tasks: Sequence[str],
        options: Mapping[str, Any],
        out: Path,
    ) -> None:
        """Evaluate a model, and write lm-eval's results and samples into a folder.

        Args:
            model: The model type.
            arguments: Its arguments.
            tasks: The names of tasks.
            options: Of lm_eval: ``num_fewshot``, ``limit``, ``batch_size``, ``device``,
                ``system_instruction``, ``gen_kwargs``, ``apply_chat_template`` and
                ``seed``, as a command has them.
            out: The folder.

        Raises:
            Exception: Whatever lm-eval, the model or a task raises.
        """
        from lm_eval import simple_evaluate
        from lm_eval.loggers import EvaluationTracker
        from lm_eval.tasks import TaskManager
        from lm_eval.utils import make_table

        shots = options.get("num_fewshot")
        self.examined(tasks, shots)  # before a model is loaded
        if model in MODELS:  # known by name only with the start-up file
            importlib.import_module(MODELS[model].partition(":")[0])
        given = dict(arguments)
        # a manager hands the arguments of the model to its tasks
        manager = TaskManager(include_defaults=False, metadata=dict(given))
        manager.task_index.update(self._manager.task_index)
        tracker = EvaluationTracker(output_path=str(out))
        batch, limit, chat = (
            options.get(name) for name in ("batch_size", "limit", "apply_chat_template")
        )
        seeds = _seeds(str(options["seed"]))
        results = simple_evaluate(
            model=model,
            model_args=given,
            tasks=list(tasks),
            num_fewshot=shots,
            batch_size=_BATCH if batch is None else str(batch),
            device=options.get("device") or _DEVICE,
            limit=None if limit is None else float(limit),
            log_samples=True,
            evaluation_tracker=tracker,
            system_instruction=options.get("system_instruction"),
            apply_chat_template=bool(chat),
            fewshot_as_multiturn=True if chat else None,
            gen_kwargs=json.loads(json.dumps(options.get("gen_kwargs") or {})),
            task_manager=manager,
            random_seed=seeds[0],
            numpy_random_seed=seeds[1],
            torch_random_seed=seeds[2],
            fewshot_random_seed=seeds[3],
            metadata=dict(given),
        )
        samples = results.pop("samples")
        tracker.save_results_aggregated(results=results, samples=samples)
        for name in results["configs"]:
            tracker.save_results_samples(task_name=name, samples=samples[name])
        print(make_table(results))
        if "groups" in results:
            print(make_table(results, "groups"))


def _seeds(text: str) -> list[int | None]:
    """Return the seeds of python, numpy, torch and of examples, as lm_eval does."""
    found = [None if one == "None" else int(one) for one in text.split(",")]
    return found * 4 if len(found) == 1 else found


def _environment_asked_once() -> None:
    """Have torch find out but once what the machine is; that takes seconds."""
    from torch.utils import collect_env

    original = collect_env.get_pretty_env_info
    if not hasattr(original, "cache_info"):
        collect_env.get_pretty_env_info = functools.cache(original)
