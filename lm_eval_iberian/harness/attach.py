"""What the start-up hook attaches to lm-eval.

The host comes first: whatever of ours fails around work that is not ours is one
warning, and lm-eval goes on as if we were not there. Only a fault in a task that the
user has named ends a run, in one sentence and before a model is loaded.
"""

from __future__ import annotations

import fnmatch
import functools
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from lm_eval_iberian._bootstrap import warn
from lm_eval_iberian.errors import IberianError
from lm_eval_iberian.harness.contract import check_parts


# a pattern of --tasks reaches our names only if it begins so
OPEN_TO_PATTERNS = ("iberian", "merge_and_conquer")
_OURS = "_names_of_lm_eval_iberian"


def add_tasks(module: ModuleType) -> None:
    """Let every ``TaskManager`` with the default tasks know ours as well.

    Only names that nobody else gives are added: upstream's, a user's and those that a
    native plugin route has already brought all win, so where lm-eval reads our
    ``lm_eval.tasks`` entry point this adds nothing.

    Args:
        module: ``lm_eval.tasks.manager``.

    Raises:
        HarnessChangedError: This lm-eval is another; so for all functions here.
    """
    check_parts("lm_eval.tasks.manager")
    _wrap(module.TaskManager, "__init__", _init_with_ours)
    _wrap(module.TaskManager, "match_tasks", _match_as_upstream)


def check_named_tasks(module: ModuleType) -> None:
    """Try the tasks of ours that a command names before its model is loaded.

    Args:
        module: ``lm_eval.config.evaluate_config``.
    """
    check_parts("lm_eval.config.evaluate_config")
    _wrap(module.EvaluatorConfig, "process_tasks", _process_and_try)


def add_stderr(module: ModuleType) -> None:
    """Give our aggregations their standard errors; lm-eval prints N/A for others'.

    Args:
        module: ``lm_eval.evaluator_utils``.
    """
    check_parts("lm_eval.evaluator_utils")
    _wrap(module, "stderr_for_metric", _stderr_of_ours)


# model type -> where its class is, imported when somebody asks for it
MODELS = {
    "merged": "lm_eval_iberian.harness.merged_hf:MergedHFLM",
    "merged-vllm": "lm_eval_iberian.harness.merged_vllm:MergedVLLM",
}


def add_models(module: ModuleType) -> None:
    """Make our model types known by name, where nobody else has the name.

    Args:
        module: ``lm_eval.models``, which has registered its own.
    """
    check_parts("lm_eval.models")
    from lm_eval.api.registry import model_registry

    for name, target in MODELS.items():
        if name not in model_registry:
            model_registry.register(name, target=target)


def word_errors(module: ModuleType) -> None:
    """End ``lm_eval`` with one sentence where the fault is in a task of ours.

    Args:
        module: ``lm_eval._cli.harness``.
    """
    check_parts("lm_eval._cli.harness")
    _wrap(module.HarnessCLI, "execute", _execute_in_words)


def _wrap(owner: Any, name: str, around: Callable[..., Any]) -> None:
    original = getattr(owner, name)
    if getattr(original, "_iberian", False):
        return

    @functools.wraps(original)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return around(original, *args, **kwargs)

    wrapper._iberian = True  # type: ignore[attr-defined]
    setattr(owner, name, wrapper)


@contextmanager
def _host_first(target: str) -> Iterator[None]:
    """Make any failure of ours one warning."""
    try:
        yield
    except Exception as error:
        warn(target, error)


def _init_with_ours(
    original: Callable[..., None], self: Any, *args: Any, **kwargs: Any
) -> None:
    original(self, *args, **kwargs)
    with _host_first("lm_eval.tasks.manager"):
        # verbosity, include_path, include_defaults, metadata
        if kwargs.get("include_defaults", args[2] if len(args) > 2 else True):
            _add_missing(self)


def _add_missing(manager: Any) -> None:
    from lm_eval.tasks._index import Kind, TaskIndex

    from lm_eval_iberian.paths import task_configs

    index = manager.task_index
    ours = TaskIndex.build([task_configs()])
    new = {name: entry for name, entry in ours.items() if name not in index}
    lists = {
        "all_tasks": set(Kind),
        "all_subtasks": {Kind.TASK, Kind.PY_TASK},
        "all_groups": {Kind.GROUP},
        "all_tags": {Kind.TAG},
    }
    named = {
        attribute: sorted(
            {name for name, entry in new.items() if entry.kind in kinds}.union(
                getattr(manager, attribute)
            )
        )
        for attribute, kinds in lists.items()
    }
    setattr(manager, _OURS, frozenset(new))
    index.update(new)
    for attribute, names in named.items():
        getattr(manager, attribute)[:] = names


def _match_as_upstream(
    original: Callable[..., list[str]], self: Any, task_list: Any
) -> list[str]:
    """Take out names of ours that a pattern was not meant for."""
    names = original(self, task_list)
    with _host_first("lm_eval.tasks.manager"):
        patterns = [task_list] if isinstance(task_list, str) else list(task_list)
        ours: Iterable[str] = getattr(self, _OURS, ())
        hidden = set(ours).difference(
            name
            for pattern in patterns
            if not _is_pattern(pattern) or pattern.startswith(OPEN_TO_PATTERNS)
            for name in fnmatch.filter(ours, pattern)
        )
        names = [name for name in names if name not in hidden]
    return names


def _is_pattern(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def _process_and_try(
    original: Callable[..., Any], self: Any, *args: Any, **kwargs: Any
) -> Any:
    asked = self.tasks
    manager = original(self, *args, **kwargs)
    leaves: list[Any] = []
    with _host_first("lm_eval.config.evaluate_config"):
        from lm_eval_iberian.harness.building import check_shots, quiet, try_to_build
        from lm_eval_iberian.harness.leaves import leaves_of_ours

        leaves = leaves_of_ours(manager.task_index, _plain_names(asked))
    if leaves:
        with quiet():
            for leaf in leaves:
                check_shots(try_to_build(manager, leaf), self.num_fewshot)
    return manager


def _plain_names(asked: Any) -> list[str]:
    """Return what was named outright, of what ``--tasks`` or a config file gives."""
    listed = [asked] if isinstance(asked, str) else [*(asked or ())]
    names = [name for one in listed if isinstance(one, str) for name in one.split(",")]
    return [name for name in names if not _is_pattern(name)]


def _stderr_of_ours(
    original: Callable[..., Any], metric: Any, bootstrap_iters: int
) -> Any:
    with _host_first("lm_eval.evaluator_utils"):
        from lm_eval_iberian.tasks.standard_errors import STDERR

        if metric in STDERR:
            ours = STDERR[metric]
            return _never_raising(ours) if bootstrap_iters > 0 else None
    return original(metric, bootstrap_iters)


def _never_raising(stderr: Callable[[Any], float]) -> Callable[[Any], float]:
    """Keep a finished run from being lost for the sake of a standard error."""

    @functools.wraps(stderr)
    def wrapper(items: Any) -> float:
        with _host_first("lm_eval.evaluator_utils"):
            return stderr(items)
        return math.nan

    return wrapper


def _execute_in_words(original: Callable[..., None], self: Any, args: Any) -> None:
    try:
        original(self, args)
    except IberianError as error:
        sys.exit(f"lm_eval: {error}")
    except ValueError as error:
        better = None
        with _host_first("lm_eval._cli.harness"):
            better = _word_unknown(str(error))
        if better is None:
            raise
        sys.exit(f"lm_eval: {better}")


def _word_unknown(text: str) -> str | None:
    """Reword lm-eval's "Tasks not found: …" where the name is nearly one of ours."""
    import difflib

    head, found, names = text.partition("Tasks not found: ")
    if not found or head:
        return None
    from lm_eval_iberian.harness.leaves import unknown_task
    from lm_eval_iberian.tasks.catalogue import task_names

    ours = task_names()
    lines = []
    for name in names.split(", "):
        if name in ours:
            lines.append(
                f"{name!r} is a task of lm-eval-iberian, which could not add its tasks"
                ' to this lm-eval; give --include_path "$(iberian tasks --path)"'
            )
        elif difflib.get_close_matches(name, ours, n=1, cutoff=0.7):
            lines.append(unknown_task("task", name, ours))
    return "\n".join(lines) or None
