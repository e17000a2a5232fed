"""What the start-up hook attaches to lm-eval and mergekit, and how it stands down.

The only file that touches lm-eval's internals: ``TaskManager._index`` and its lists
(0.4.x), ``evaluator_utils.stderr_for_metric``, ``HarnessCLI.execute``.
``tests/test_hooks.py`` says what upstream changed.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from lm_eval_iberian.errors import IberianError, unknown_name


def add_tasks(module: ModuleType) -> None:
    """Let every ``TaskManager`` with the default tasks know ours as well.

    Only names that nobody else gives are added: upstream's, a user's and those that a
    native plugin route has already brought all win, so where lm-eval reads our
    ``lm_eval.tasks`` entry point this adds nothing.
    """
    manager = module.TaskManager
    if getattr(manager.__init__, "_iberian", False):
        return
    _wrap(manager, "__init__", _init_with_ours)
    _wrap(manager, "match_tasks", _match_and_check)


def add_stderr(module: ModuleType) -> None:
    """Give our aggregations their standard errors; lm-eval prints N/A for others'."""
    _wrap(module, "stderr_for_metric", _stderr_of_ours)


def word_errors(module: ModuleType) -> None:
    """End ``lm_eval`` with one sentence where the fault is in a task of ours."""
    _wrap(module.HarnessCLI, "execute", _execute_in_words)


def add_merge_methods(module: ModuleType) -> None:
    """Register the merge methods with mergekit."""
    from mergekit_ext.compat import check_mergekit

    check_mergekit()
    from mergekit_ext import register

    # where that module itself is what loads mergekit, its caller registers them
    if hasattr(register, "register_all"):
        register.register_all()


def guard_merge(module: ModuleType) -> None:
    """Check what our methods are to merge before the first byte is written."""
    from lm_eval_iberian._bootstrap import warn
    from mergekit_ext.attach import guard_run_merge

    guard_run_merge(module, functools.partial(warn, module.__name__))


def guard_command(module: ModuleType) -> None:
    """Let mergekit's commands end with a sentence instead of a traceback."""
    from lm_eval_iberian._bootstrap import warn
    from mergekit_ext.attach import guard_commands

    guard_commands(module, functools.partial(warn, module.__name__))


def _wrap(owner: Any, name: str, around: Callable[..., Any]) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return around(original, *args, **kwargs)

    wrapper._iberian = True  # type: ignore[attr-defined]
    setattr(owner, name, wrapper)


def _init_with_ours(
    original: Callable[..., None], self: Any, *args: Any, **kwargs: Any
) -> None:
    original(self, *args, **kwargs)
    # signature: verbosity, include_path, include_defaults, metadata
    if kwargs.get("include_defaults", args[2] if len(args) > 2 else True):
        from lm_eval_iberian._bootstrap import warn

        try:
            _add_missing(self)
        except Exception as error:
            warn("lm_eval.tasks.manager", error)


def _add_missing(manager: Any) -> None:
    from lm_eval.tasks._index import Kind, TaskIndex

    from lm_eval_iberian.paths import task_configs

    ours = TaskIndex.build([task_configs()])
    new = {name: entry for name, entry in ours.items() if name not in manager._index}
    kinds = {
        "_all_subtasks": {Kind.TASK, Kind.PY_TASK},
        "_all_groups": {Kind.GROUP},
        "_all_tags": {Kind.TAG},
    }
    manager._index.update(new)
    manager._all_tasks = sorted(manager._index)
    for attribute, wanted in kinds.items():
        names = {name for name, entry in new.items() if entry.kind in wanted}
        setattr(manager, attribute, sorted(names.union(getattr(manager, attribute))))


def _stderr_of_ours(
    original: Callable[..., Any], metric: Any, bootstrap_iters: int, *args: Any
) -> Any:
    from lm_eval_iberian.tasks.standard_errors import STDERR

    if metric in STDERR:
        return STDERR[metric] if bootstrap_iters > 0 else None
    return original(metric, bootstrap_iters, *args)


def _match_and_check(
    original: Callable[..., list[str]], self: Any, task_list: list[str]
) -> list[str]:
    """Load the data of our tasks now: the model is loaded after this."""
    names = original(self, task_list)
    for name in names:
        _load_data(self.task_index, name)
    return names


def _load_data(index: Any, name: str) -> None:
    from lm_eval.tasks._index import Kind
    from lm_eval.tasks._yaml_loader import load_yaml

    from lm_eval_iberian.paths import task_configs

    entry = index.get(name)
    if entry is None:
        return
    if entry.kind is Kind.TAG:
        members = sorted(entry.tags)
    elif entry.yaml_path is None or task_configs() not in entry.yaml_path.parents:
        return
    elif entry.kind is Kind.GROUP:
        listed = entry.cfg["task"]
        members = [m["task"] if isinstance(m, dict) else m for m in listed]
    else:
        config = load_yaml(entry.yaml_path)
        if callable(config.get("custom_dataset")):
            config["custom_dataset"](**config.get("dataset_kwargs", {}))
        return
    for member in members:
        _load_data(index, member)


def _execute_in_words(original: Callable[..., None], self: Any, args: Any) -> None:
    try:
        original(self, args)
    except IberianError as error:
        sys.exit(f"lm_eval: {error}")
    except ValueError as error:
        better = _near_ours(str(error))
        if better is None:
            raise
        sys.exit(f"lm_eval: {better}")


def _near_ours(text: str) -> str | None:
    """Reword lm-eval's "Tasks not found: …" where the name is nearly one of ours."""
    import difflib

    head, found, names = text.partition("Tasks not found: ")
    if not found or head:
        return None
    from lm_eval_iberian.tasks.catalogue import task_names

    ours = task_names()
    lines = [
        unknown_name("task", name, ours)
        for name in names.split(", ")
        if difflib.get_close_matches(name, ours, n=1, cutoff=0.7)
    ]
    return "\n".join(lines) or None
