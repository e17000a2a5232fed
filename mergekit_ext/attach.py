"""What is attached to mergekit's merge and to its commands.

All of it takes a module that has just been imported, so that a post-import hook can
call it and nothing of mergekit is loaded for its sake. A fault of ours is told to
``fault``, and the merge of another's method goes on as if we were not there.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import click

from mergekit_ext.compat import attribute, check_mergekit, part
from mergekit_ext.errors import CompatError, MergeError, RecipeError


Fault = Callable[[Exception], None]

_MARK = "_mergekit_ext_guard"
_RUN_MERGE = ["merge_config", "out_path", "options", "config_source"]


def guard_run_merge(module: ModuleType, fault: Fault) -> None:
    """Check merges by our methods, and unknown methods, before ``run_merge`` runs.

    With a mergekit that is not supported, a merge by our methods ends in a sentence.

    Args:
        module: ``mergekit.merge``.
        fault: Told of what of ours fails around a merge that is not ours.

    Raises:
        CompatError: If this mergekit is not supported.
    """
    original = attribute(module, "run_merge")
    if hasattr(original, _MARK):
        return
    obstacle = _obstacle(original)

    @functools.wraps(original)
    def run_merge(*args: Any, **kwargs: Any) -> Any:
        try:
            merge = _our_merge(original, obstacle, args, kwargs)
        except MergeError:
            raise
        except Exception as error:
            fault(error)
            merge = None
        return original(*args, **kwargs) if merge is None else merge()

    setattr(run_merge, _MARK, True)
    module.run_merge = run_merge  # type: ignore[attr-defined]
    if obstacle is not None:
        raise obstacle


def guard_commands(module: ModuleType, fault: Fault) -> None:
    """Let mergekit's commands end with one message where the fault is in their input.

    However they were started: all of them are of the class that is changed here.

    Args:
        module: ``mergekit.options``.
        fault: Told of what of ours fails around a command.

    Raises:
        CompatError: If this mergekit is not supported.
    """
    kind = attribute(module, "PrettyPrintHelp")
    original = attribute(kind, "invoke")
    if hasattr(original, _MARK):
        return

    @functools.wraps(original)
    def invoke(self: Any, ctx: Any) -> Any:
        from mergekit_ext.recipes.recipe_file import word_fault

        try:
            _check_devices(ctx.params, fault)
            return original(self, ctx)
        except MergeError as error:
            raise click.ClickException(str(error)) from error
        except Exception as error:
            try:
                text = word_fault(error, ctx.params.get("config_file"))
            except Exception as ours:
                fault(ours)
                text = None
            if text is None:
                raise
            raise click.ClickException(text) from error

    setattr(invoke, _MARK, True)
    kind.invoke = invoke


def unguarded_run_merge() -> Any:
    """Return mergekit's own ``run_merge``."""
    run = attribute(part("merge"), "run_merge")
    return getattr(run, "__wrapped__", run) if hasattr(run, _MARK) else run


def check_device(device: str) -> None:
    """Check that torch can compute on a device.

    Raises:
        RecipeError: If it cannot.
    """
    import torch

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        first = str(error).strip().splitlines()[0]
        raise RecipeError(f"Device {device!r} cannot be used: {first}") from error


def _obstacle(run_merge: Any) -> CompatError | None:
    try:
        check_mergekit()
        if list(inspect.signature(run_merge).parameters) != _RUN_MERGE:
            raise CompatError(f"mergekit's run_merge no longer takes {_RUN_MERGE}.")
    except CompatError as error:
        return error
    return None


def _our_merge(
    original: Any, obstacle: CompatError | None, args: Any, kwargs: Any
) -> Callable[[], None] | None:
    """Return what checks and runs a merge; ``None`` for a merge that is not ours.

    Raises:
        MergeError: If the method is nobody's, or ours and we are not attached.
    """
    given = inspect.signature(original).bind(*args, **kwargs).arguments
    config = given["merge_config"]
    try:
        if obstacle is not None:
            raise obstacle
        from mergekit_ext.checked_merge import CheckedMerge, parameters_of
        from mergekit_ext.merge_result import merge_to_folder

        ours = parameters_of(config.merge_method)
    except RecipeError:
        raise
    except Exception as error:
        if _is_ours(config.merge_method):
            raise CompatError(
                f"Merge method {config.merge_method!r} is lm-eval-iberian's, which"
                f" could not attach to mergekit: {error}"
            ) from error
        if obstacle is not None:  # which has been told of when it was found
            return None
        if isinstance(error, MergeError):  # no fault of the recipe's
            raise RuntimeError(str(error)) from error
        raise
    options: Any = given.get("options")
    source = given.get("config_source")
    if ours is None:
        if "special_tokens" in str(source):
            from mergekit_ext.plans.chat_rows import refuse_ignored_rows

            refuse_ignored_rows(source, config.merge_method)
        return None

    def merge() -> None:
        from mergekit_ext.plans.chat_rows import with_chat_rows

        check_device(options.device)
        cache_dir = options.transformers_cache
        written = with_chat_rows(config, source, cache_dir, fetch=True)
        checked = CheckedMerge(original, written, options, source, ours)
        merge_to_folder(checked, given["out_path"])

    return merge


def _is_ours(method: Any) -> bool:
    from mergekit_ext.methods.method_catalogue import METHODS

    return method in {one.name for one in METHODS}


def _check_devices(params: dict[str, Any], fault: Fault) -> None:
    """Check the device of a command that merges, before it begins."""
    on_cuda = params.get("cuda") or params.get("gpu_rich")
    device = params.get("device") or ("cuda" if on_cuda else None)
    if device is None or device == "auto":
        return
    try:
        check_device(device)
    except MergeError:
        raise
    except Exception as error:
        fault(error)
