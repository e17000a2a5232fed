"""Find a model's files and read what can be read without its weights."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import constants, try_to_load_from_cache
from huggingface_hub.errors import HFValidationError

from mergekit_ext.errors import InputError
from mergekit_ext.inputs.safetensors_header import TensorHeader, read_header
from mergekit_ext.recipes.recipe import Model


# what transformers reads of a model and its tokenizer, and no weights
WITHOUT_WEIGHTS = ("*.json", "tokenizer.model", "*.txt", "*.jinja")


@dataclass(frozen=True)
class Checkpoint:
    """A model's configuration and its tensors' headers."""

    model: str
    folder: Path
    config: Mapping[str, Any]
    tensors: Mapping[str, TensorHeader]

    @property
    def text_config(self) -> Mapping[str, Any]:
        """The configuration of the language model, nested in some architectures."""
        nested = self.config.get("text_config")
        return nested if isinstance(nested, dict) else self.config

    def files(self) -> list[Path]:
        """Return the files that hold its weights."""
        return sorted({header.file for header in self.tensors.values()})


def locate(
    model: Model, cache_dir: str | None = None, marker: str = "config.json"
) -> Path | None:
    """Return a model's folder: local, or its snapshot in the hub cache.

    Args:
        model: What is looked for.
        cache_dir: The hub cache; ``None`` for the usual one.
        marker: The file that shows that the cache has something of it.

    Returns:
        ``None`` for a hub id of which the cache has nothing; mergekit will fetch it.

    Raises:
        InputError: If it can only be a folder and is none, or nothing may be fetched.
    """
    folder = Path(model.path)
    if folder.is_dir():
        return folder
    if folder.exists():
        raise InputError(f"Model {model.name!r} is a file; a model is a folder.")
    if _is_path(model.path):
        raise InputError(f"Model {model.name!r}: {_absent(folder)}")
    try:
        found = try_to_load_from_cache(
            model.path, marker, cache_dir=cache_dir, revision=model.revision
        )
    except HFValidationError:
        raise InputError(
            f"Model {model.name!r} is neither a local folder nor an id on the hub."
            f"{_near(folder)}"
        ) from None
    if isinstance(found, str):
        return Path(found).parent
    if constants.HF_HUB_OFFLINE:
        raise InputError(
            f"Model {model.name!r} is not a local folder and not in the hub cache."
            f"{_near(folder)} HF_HUB_OFFLINE keeps it from being fetched: correct the"
            f" path, or fetch it first: hf download {model.path}"
        )
    return None


def fetch_model(model: Model, cache_dir: str | None, patterns: Sequence[str]) -> Path:
    """Fetch what mergekit would fetch of a model, so that it can be checked.

    Raises:
        InputError: If it cannot be had.
    """
    from huggingface_hub import snapshot_download

    try:
        return Path(
            snapshot_download(
                model.path,
                revision=model.revision,
                cache_dir=cache_dir,
                allow_patterns=list(patterns),
            )
        )
    except Exception as error:  # of the hub, the network or the disk
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"Model {model.name!r} is not here and cannot be fetched: {first}"
        ) from error


def read_checkpoint(
    model: str, folder: Path, config_name: str = "config.json"
) -> Checkpoint:
    """Read a model's configuration and every header of its files of weights.

    Where there are safetensors, ``.bin`` files are not looked at.

    Raises:
        InputError: If a file is missing, broken or cut short.
    """
    config = read_json(model, folder / config_name)
    for name, read in _FORMATS.items():
        single, index = folder / name, folder / f"{name}.index.json"
        if index.exists():
            return Checkpoint(model, folder, config, _read_shards(model, index, read))
        if single.exists():
            return Checkpoint(model, folder, config, read(model, single))
    raise InputError(
        f"Model {model!r}: {folder} holds no model.safetensors and no"
        " model.safetensors.index.json, and no pytorch_model.bin either."
    )


def _read_pickled(model: str, path: Path) -> dict[str, TensorHeader]:
    # torch, which nothing else that is read here needs
    from mergekit_ext.inputs.pickled_weights import read_pickled

    return read_pickled(model, path)


# in the order in which mergekit looks for them
_FORMATS: dict[str, Callable[[str, Path], dict[str, TensorHeader]]] = {
    "model.safetensors": read_header,
    "pytorch_model.bin": _read_pickled,
}


def _read_shards(
    model: str, index: Path, read: Callable[[str, Path], dict[str, TensorHeader]]
) -> dict[str, TensorHeader]:
    listed = read_json(model, index).get("weight_map")
    if not isinstance(listed, dict) or not listed:
        raise InputError(f"Model {model!r}: {index} has no weight_map.")
    shards = sorted(set(listed.values()))
    headers = {shard: read(model, index.parent / shard) for shard in shards}
    for name, shard in listed.items():
        if name not in headers[shard]:
            raise InputError(
                f"Model {model!r}: {index.name} places {name!r} in {shard},"
                " which does not hold it. Fetch the model again."
            )
    return {name: headers[shard][name] for name, shard in listed.items()}


def read_json(model: str, path: Path) -> dict[str, Any]:
    """Read a JSON file of a model that holds an object.

    Raises:
        InputError: If it is missing, unreadable or holds something else.
    """
    if not path.is_file():
        raise InputError(f"Model {model!r}: {path} is missing.")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"Model {model!r}: {path} cannot be read: {error}.") from error
    if not isinstance(value, dict):
        raise InputError(f"Model {model!r}: {path} does not hold a JSON object.")
    return value


def file_state(path: Path) -> tuple[Path, int, int, int]:
    """Return what would be another if a file was written again.

    Raises:
        OSError: If there is no such file.
    """
    found = path.stat()
    return path.resolve(), found.st_ino, found.st_size, found.st_mtime_ns


def _is_path(path: str) -> bool:
    return path.startswith((".", "/", "~", "\\")) or path.count("/") > 1


def _absent(folder: Path) -> str:
    if str(folder).startswith("~"):
        return "'~' is not expanded in a recipe; write the whole path."
    parent = folder.absolute().parent
    while not parent.exists():
        parent = parent.parent
    return f"there is no such folder; {parent} is as far as it exists.{_near(folder)}"


def _near(folder: Path) -> str:
    if not folder.parent.is_dir():
        return ""
    names = [path.name for path in folder.parent.iterdir() if path.is_dir()]
    near = difflib.get_close_matches(folder.name, names, n=1)
    return f" Did you mean {folder.with_name(near[0])}?" if near else ""
