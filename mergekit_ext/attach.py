"""What is attached to mergekit's merge and to its command.

Both take a module that has just been imported, so that a post-import hook can call them
and nothing of mergekit is loaded for their sake.
"""

from __future__ import annotations

import functools
import inspect
from types import ModuleType
from typing import Any

from mergekit_ext.compat import attribute, check_mergekit, part
from mergekit_ext.errors import CompatError


_MARK = "_mergekit_ext_guard"
_RUN_MERGE = ["merge_config", "out_path", "options", "config_source"]


def guard_run_merge(module: ModuleType) -> None:
    """Check merges by our methods, and unknown methods, before ``run_merge`` runs.

    Args:
        module: ``mergekit.merge``, or another that has imported its ``run_merge``.

    Raises:
        CompatError: If this mergekit is not supported.
    """
    check_mergekit()
    original = attribute(module, "run_merge")
    if hasattr(original, _MARK):
        return
    if list(inspect.signature(original).parameters) != _RUN_MERGE:
        raise CompatError(f"mergekit's run_merge no longer takes {_RUN_MERGE}.")

    @functools.wraps(original)
    def run_merge(
        merge_config: Any,
        out_path: str,
        options: Any,
        config_source: str | None = None,
    ) -> None:
        from mergekit_ext.checked_merge import CheckedMerge, parameters_of

        ours = parameters_of(merge_config.merge_method)
        if ours is None:
            original(merge_config, out_path, options, config_source)
            return
        checked = CheckedMerge(original, merge_config, options, config_source, ours)
        checked.run(out_path)

    setattr(run_merge, _MARK, True)
    module.run_merge = run_merge  # type: ignore[attr-defined]


def guard_cli(module: ModuleType) -> None:
    """Let ``mergekit-yaml`` end with one message where the fault is in what it got.

    Args:
        module: ``mergekit.scripts.run_yaml``.

    Raises:
        CompatError: If this mergekit is not supported.
    """
    from mergekit_ext.recipes.recipe_file import without_traceback

    guard_run_merge(module)
    command = attribute(module, "main")
    callback = attribute(command, "callback")
    if not hasattr(callback, _MARK):
        validate = attribute(attribute(module, "MergeConfiguration"), "model_validate")
        command.callback = without_traceback(callback, validate)
        setattr(command.callback, _MARK, True)


def unguarded_run_merge() -> Any:
    """Return mergekit's own ``run_merge``."""
    run = attribute(part("merge"), "run_merge")
    return getattr(run, "__wrapped__", run) if hasattr(run, _MARK) else run
