"""Which releases took part."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version


_PACKAGES = (
    "lm-eval-iberian", "mergekit", "torch", "transformers", "safetensors", "peft",
    "numpy", "numba", "triton",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Return the version of Python and of each package that is installed."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
