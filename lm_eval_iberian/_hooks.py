"""What the start-up hook attaches to mergekit."""

from __future__ import annotations

import functools
from types import ModuleType


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
