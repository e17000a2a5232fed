"""What the start-up hook attaches to mergekit."""

from __future__ import annotations

from types import ModuleType


def add_merge_methods(module: ModuleType) -> None:
    """Register the merge methods with mergekit."""
    from mergekit_ext import register

    # where that module itself is what loads mergekit, its caller registers them
    if hasattr(register, "register_all"):
        register.register_all()


def guard_merge(module: ModuleType) -> None:
    """Check what our methods are to merge before the first byte is written."""
    from mergekit_ext.attach import guard_run_merge

    guard_run_merge(module)


def guard_command(module: ModuleType) -> None:
    """Let ``mergekit-yaml`` end with a sentence instead of a traceback."""
    from mergekit_ext.attach import guard_cli

    guard_cli(module)
