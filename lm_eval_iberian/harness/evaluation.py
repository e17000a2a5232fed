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
        from lm_eval.loggers import EvaluationTracker
        from lm_eval.utils import make_table

        given = dict(arguments)
        tracker = EvaluationTracker(output_path=str(out))
        batch = options.get("batch_size")
        results = self._results(
            tasks, options, given,
            model=_known(model),
            model_args=given,
            batch_size=_BATCH if batch is None else str(batch),
            device=options.get("device") or _DEVICE,
            evaluation_tracker=tracker,
        )  # fmt: skip
        samples = results.pop("samples")
        tracker.save_results_aggregated(results=results, samples=samples)
        for name in results["configs"]:
            tracker.save_results_samples(task_name=name, samples=samples[name])
        print(make_table(results))
        if "groups" in results:
            print(make_table(results, "groups"))

    def loaded(
        self, model: str, arguments: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Any:
        """Return a model for ``answers``, which may be asked of it many times.

        Args:
            model: As of ``evaluate``.
            arguments: As of ``evaluate``.
            options: The same; what is asked of a model itself counts: ``batch_size``
                and ``device``.

        Raises:
            Exception: Whatever the model raises.
        """
        from lm_eval.api.registry import get_model

        batch = options.get("batch_size")
        return get_model(_known(model)).create_from_arg_obj(
            dict(arguments),
            {
                "batch_size": _BATCH if batch is None else str(batch),
                "max_batch_size": None,
                "device": options.get("device") or _DEVICE,
            },
        )

    def answers(
        self,
        model: Any,
        arguments: Mapping[str, Any],
        options: Mapping[str, Any],
        documents: Mapping[str, Sequence[int]],
    ) -> dict[str, list[dict[str, Any]]]:
        """Return lm-eval's samples of some documents of tasks; nothing is written.

        Args:
            model: What ``loaded`` returned.
            arguments: What it was loaded with.
            options: As of ``evaluate``; there is no ``limit``.
            documents: Single task to the numbers of its documents, of which there are
                some for each.

        Raises:
            Exception: Whatever lm-eval, the model or a task raises.
        """
        # of no documents lm-eval would take all; it gives them in the task's order,
        # and their numbers in the list's
        wanted = {task: sorted(some) for task, some in documents.items() if some}
        if not wanted:
            return {}
        results = self._results(
            list(wanted), {**options, "limit": None}, dict(arguments),
            model=model, samples=wanted, bootstrap_iters=0,
        )  # fmt: skip
        found: dict[str, list[dict[str, Any]]] = results["samples"]
        return found

    def documents(self, tasks: Sequence[str]) -> dict[str, list[Any]]:
        """Return the documents of single tasks, in the order of their numbers.

        Raises:
            IberianError: One cannot be built.
        """
        with quiet():
            return {
                leaf.name: list(try_to_build(self._manager, leaf).eval_docs)
                for leaf in self.leaves(tasks)
            }

    def _results(
        self,
        tasks: Sequence[str],
        options: Mapping[str, Any],
        arguments: dict[str, Any],
        **more: Any,
    ) -> Any:
        """Call lm-eval, with what is alike for every model and all documents."""
        from lm_eval import simple_evaluate
        from lm_eval.tasks import TaskManager

        shots = options.get("num_fewshot")
        self.examined(tasks, shots)  # before a model is loaded
        # a manager hands the arguments of the model to its tasks
        manager = TaskManager(include_defaults=False, metadata=dict(arguments))
        manager.task_index.update(self._manager.task_index)
        limit, chat = options.get("limit"), options.get("apply_chat_template")
        seeds = _seeds(str(options["seed"]))
        return simple_evaluate(
            tasks=list(tasks),
            num_fewshot=shots,
            limit=None if limit is None else float(limit),
            log_samples=True,
            system_instruction=options.get("system_instruction"),
            apply_chat_template=bool(chat),
            fewshot_as_multiturn=True if chat else None,
            gen_kwargs=json.loads(json.dumps(options.get("gen_kwargs") or {})),
            task_manager=manager,
            random_seed=seeds[0],
            numpy_random_seed=seeds[1],
            torch_random_seed=seeds[2],
            fewshot_random_seed=seeds[3],
            metadata=dict(arguments),
            **more,
        )


def _known(model: str) -> str:
    """Have lm-eval know a model type of ours: by name only with the start-up file."""
    if model in MODELS:
        importlib.import_module(MODELS[model].partition(":")[0])
    return model


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
