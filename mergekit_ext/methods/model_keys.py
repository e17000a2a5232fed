"""The name under which a model enters the key of its DARE masks."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from typing import Any


def model_key(reference: Any) -> str:
    """Return the part of a model reference that a moved folder does not change.

    A local folder counts by its last path component, a snapshot in the hub cache by
    its id there, any other reference as it is written. For a
    mergekit reference with a LoRA, both parts are treated like that.

    Args:
        reference: A mergekit ``ModelReference``, or any other identifier.
    """
    model = getattr(reference, "model", None)
    if model is None:
        return str(reference)
    lora = getattr(reference, "lora", None)
    parts = [model] if lora is None else [model, lora]
    return "+".join(_part(part) for part in parts)


def distinct_keys(references: Iterable[Any]) -> list[str]:
    """Return the keys of models in recipe order; later equals get ``#2``, ``#3``, …."""
    seen: Counter[str] = Counter()
    keys = []
    for reference in references:
        key = model_key(reference)
        seen[key] += 1
        keys.append(key if seen[key] == 1 else f"{key}#{seen[key]}")
    return keys


def _part(path: Any) -> str:
    folder = str(path.path)
    if os.path.isdir(folder):
        snapshots = os.path.dirname(os.path.abspath(folder))
        kind, *names = os.path.basename(os.path.dirname(snapshots)).split("--")
        if os.path.basename(snapshots) == "snapshots" and kind == "models" and names:
            revision = getattr(path, "revision", None)
            return "/".join(names) + (f"@{revision}" if revision else "")
        return os.path.basename(os.path.abspath(folder))
    return str(path)
