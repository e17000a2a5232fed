"""What the model of a results file is called."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lm_eval_iberian.report.report_catalogue import Catalogue
from lm_eval_iberian.terminal import shown


_WEIGHTS = ("peft", "delta", "pretrained", "model", "path", "engine")
_UNSET = ("", "none", "main", "false")


def model_name(
    content: Mapping[str, Any],
    path: Path,
    catalogue: Catalogue,
    renamed: Mapping[str, str],
) -> str:
    """Return the name of the model, the same one however the file spells it.

    It is the file's ``model_name``, else what its ``model_args`` load, else the folder.
    Arguments that make it another model, a revision, eight bits, follow in brackets.

    Args:
        content: What the file holds.
        path: Where it is.
        catalogue: It has the models the hub renamed, and the arguments that matter.
        renamed: Names to use in the place of others; they come first.
    """
    config = content.get("config")
    arguments = model_arguments(config if isinstance(config, Mapping) else {})
    given = [content.get("model_name"), *(arguments.get(key) for key in _WEIGHTS)]
    names = [name for name in given if isinstance(name, str) and name.strip()]
    name = plain(names[0] if names else path.resolve().parent.name)
    name = renamed.get(name, catalogue.renamed.get(name, name))
    apart = [
        f"{key}={arguments[key]}"
        for key in catalogue.told_apart_by
        if str(arguments.get(key, "")).lower() not in _UNSET
    ]
    full = f"{name} ({', '.join(apart)})" if apart else name
    return shown(renamed.get(full, full))


def model_arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``model_args``, a text or an object, as an object."""
    return as_arguments(config.get("model_args"))


def as_arguments(given: Any) -> dict[str, Any]:
    """Return ``a=1,b=2`` as an object, and an object as it is."""
    if isinstance(given, Mapping):
        return dict(given)
    if not isinstance(given, str):
        return {}
    pairs = (pair.partition("=") for pair in given.split(","))
    return {key.strip(): value.strip() for key, sign, value in pairs if sign}


def plain(name: str) -> str:
    """Return a name with the slash that lm-eval wrote as ``__``, without the last one.

    >>> plain("HiTZ__Latxa-Llama-3.1-8B")
    'HiTZ/Latxa-Llama-3.1-8B'
    """
    name = name.strip()
    name = name.rstrip("/").removeprefix("./") or name
    return name if "/" in name else name.replace("__", "/", 1)
