"""Where the shipped folders are, the same from a wheel and from a checkout."""

from __future__ import annotations

from pathlib import Path

from lm_eval_iberian.errors import DataUnavailableError


_PACKAGE = Path(__file__).resolve().parent
# a checkout has them beside the package, a wheel inside it
_ROOTS = (_PACKAGE.parent, _PACKAGE / "_shipped")


def _shipped(name: str) -> Path:
    for root in _ROOTS:
        if (root / name / ".lm-eval-iberian").is_file():
            return root / name
    looked = ", ".join(str(root / name) for root in _ROOTS)
    raise DataUnavailableError(
        f"The folder {name!r} of lm-eval-iberian is missing (looked in {looked}). "
        "The installation is incomplete: pip install --force-reinstall lm-eval-iberian"
    )


def task_configs() -> Path:
    """Return the folder of task YAMLs, fit for lm-eval's ``--include_path``."""
    return _shipped("task_configs")


def data() -> Path:
    """Return the folder of the project's own data."""
    return _shipped("data")
