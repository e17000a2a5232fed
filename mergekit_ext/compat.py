"""Where mergekit 0.1 is entered; the only importer of its internals.

``guard_run_merge`` and ``guard_cli`` take a module that has just been imported, so that
a post-import hook can call them and nothing of mergekit is loaded for their sake.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any

from mergekit_ext.errors import CompatError


SUPPORTED = "0.1"

_MARK = "_mergekit_ext_guard"


def check_mergekit() -> None:
    """Check that the installed mergekit is one of the supported series.

    Raises:
        CompatError: If it is another, or there is none.
    """
    try:
        found = version("mergekit")
    except PackageNotFoundError:
        raise CompatError("mergekit is not installed: pip install mergekit") from None
    if found.split(".")[:2] != SUPPORTED.split("."):
        raise CompatError(
            f"mergekit {found} is installed; this package knows {SUPPORTED}.x."
        )


def attribute(owner: Any, name: str) -> Any:
    """Return an attribute of mergekit's, or say that it has moved.

    Raises:
        CompatError: If it is not there.
    """
    try:
        return getattr(owner, name)
    except AttributeError:
        where = getattr(owner, "__name__", type(owner).__name__)
        raise CompatError(
            f"mergekit {version('mergekit')} has no {where}.{name}, which this package"
            f" needs; it was made for {SUPPORTED}.x."
        ) from None


def part(name: str) -> ModuleType:
    """Return a module of mergekit's.

    Raises:
        CompatError: If it is not there.
    """
    check_mergekit()
    try:
        return importlib.import_module(f"mergekit.{name}")
    except ModuleNotFoundError as error:
        raise CompatError(
            f"mergekit {version('mergekit')} has no module {name}, which this package"
            f" needs; it was made for {SUPPORTED}.x."
        ) from error


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


_RUN_MERGE = ["merge_config", "out_path", "options", "config_source"]


def unguarded_run_merge() -> Any:
    """Return mergekit's own ``run_merge``."""
    run = attribute(part("merge"), "run_merge")
    return getattr(run, "__wrapped__", run) if hasattr(run, _MARK) else run


def known_keys() -> dict[str, set[str]]:
    """Return the keys that mergekit reads in each part of a recipe."""
    config = part("config")
    names = {
        "recipe": "MergeConfiguration",
        "model": "InputModelDefinition",
        "slice": "OutputSliceDefinition",
        "source": "InputSliceDefinition",
        "module": "OutputModuleDefinition",
    }
    return {
        kind: set(attribute(attribute(config, name), "model_fields"))
        for kind, name in names.items()
    }
