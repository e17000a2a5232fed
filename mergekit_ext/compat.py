"""Where mergekit 0.1 is entered; the only importer of its internals.

``guard_run_merge`` and ``guard_cli`` take a module that has just been imported, so that
a post-import hook can call them and nothing of mergekit is loaded for their sake.
"""

from __future__ import annotations

import functools
import inspect
import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from mergekit_ext.errors import CompatError, RecipeError, unknown_name


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
        _run(original, merge_config, out_path, options, config_source)

    setattr(run_merge, _MARK, True)
    module.run_merge = run_merge  # type: ignore[attr-defined]


def guard_cli(module: ModuleType) -> None:
    """Let ``mergekit-yaml`` end with one message where the fault is in what it got.

    Args:
        module: ``mergekit.scripts.run_yaml``.

    Raises:
        CompatError: If this mergekit is not supported.
    """
    from mergekit_ext.recipe_file import without_traceback

    guard_run_merge(module)
    command = attribute(module, "main")
    callback = attribute(command, "callback")
    if not hasattr(callback, _MARK):
        validate = attribute(attribute(module, "MergeConfiguration"), "model_validate")
        command.callback = without_traceback(callback, validate)
        setattr(command.callback, _MARK, True)


_RUN_MERGE = ["merge_config", "out_path", "options", "config_source"]


def _run(
    original: Any, config: Any, out: str, options: Any, source: str | None
) -> None:
    from mergekit_ext.register import method_names, our_parameters, register_all

    register_all()
    if config.merge_method not in (known := method_names()):
        raise RecipeError(unknown_name("merge method", config.merge_method, known))
    parameters = our_parameters(config.merge_method)
    if parameters is None:
        original(config, out, options, source)
        return
    from mergekit_ext.guard import Permissions, guarded_merge
    from mergekit_ext.recipe_keys import check_keys
    from mergekit_ext.recipe_reader import read_recipe

    if source is not None:
        check_keys(yaml.safe_load(source), _known_keys(), [p.name for p in parameters])
    renamed: dict[str, str] = {}
    local = _with_absolute_folders(config, renamed)

    def merge(folder: str) -> None:
        original(local, folder, options, source or config.to_yaml())
        _restore_names(Path(folder) / "README.md", renamed)

    allowed = Permissions(
        any_architecture=options.allow_crimes,
        any_vocabulary=options.unsafe_truncate_embeddings,
        copy_tokenizer=options.copy_tokenizer,
        safetensors=options.safe_serialization,
        cache_dir=options.transformers_cache,
    )
    guarded_merge(read_recipe(config), parameters, out, merge, allowed)


def _known_keys() -> dict[str, set[str]]:
    """Return the keys that mergekit reads in each part of a recipe."""
    from mergekit import config

    parts = {
        "recipe": "MergeConfiguration",
        "model": "InputModelDefinition",
        "slice": "OutputSliceDefinition",
        "source": "InputSliceDefinition",
        "module": "OutputModuleDefinition",
    }
    return {
        part: set(attribute(attribute(config, name), "model_fields"))
        for part, name in parts.items()
    }


def _with_absolute_folders(value: Any, renamed: dict[str, str]) -> Any:
    """Copy a configuration, its local folders written as absolute paths.

    The model card takes ``models/basque`` for a hub id and asks the hub for it: the
    merge then fails offline, or links to a stranger's model. ``renamed`` receives what
    each absolute path was written as.
    """
    from pydantic import BaseModel

    if type(value) is attribute(_common(), "ModelPath"):
        path = os.path.abspath(value.path)
        if path == value.path or not os.path.isdir(path):
            return value
        renamed[path] = value.path
        return value.model_copy(update={"path": path})
    if isinstance(value, BaseModel):
        fields = {name: _with_absolute_folders(v, renamed) for name, v in value}
        return value.model_copy(update=fields)
    if isinstance(value, (list, tuple)):
        return type(value)(_with_absolute_folders(v, renamed) for v in value)
    if isinstance(value, dict):
        return {key: _with_absolute_folders(v, renamed) for key, v in value.items()}
    return value


def _common() -> ModuleType:
    from mergekit import common

    module: ModuleType = common
    return module


def _restore_names(card: Path, renamed: dict[str, str]) -> None:
    """Write the folders in a model card as the recipe has them."""
    if not card.is_file():
        return
    text = card.read_text(encoding="utf-8")
    for path in sorted(renamed, key=len, reverse=True):
        text = text.replace(path, renamed[path])
    card.write_text(text, encoding="utf-8")
