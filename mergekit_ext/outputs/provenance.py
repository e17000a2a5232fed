"""What a merge was made of, written beside it."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mergekit_ext.inputs.checkpoints import Checkpoint
from mergekit_ext.inputs.input_models import InputModel
from mergekit_ext.inputs.tokenizer_checks import TOKENIZER_FILES
from mergekit_ext.inputs.tokenizer_source import Donor
from mergekit_ext.outputs.file_hash import sha256
from mergekit_ext.outputs.former_merge import CONFIG, PARTIAL, PROVENANCE
from mergekit_ext.watch import Watch


SCHEMA = 1
_PACKAGES = (
    "lm-eval-iberian", "mergekit", "torch", "transformers", "safetensors", "peft",
    "numpy", "numba", "triton",
)  # fmt: skip


@dataclass(frozen=True)
class Origin:
    """What of a merge its folder does not show.

    Args:
        recipe: The recipe file, verbatim.
        parsed: The recipe as mergekit understood it.
        method: The merge method.
        seeds: ``"method"``, the seed of the method's own masks, and ``"global"``,
            that of torch's generator; ``None`` where there is none.
        device: Where it was computed.
    """

    recipe: str
    parsed: Mapping[str, Any]
    method: str
    seeds: Mapping[str, int | None]
    device: str


def write_provenance(
    result: Path,
    origin: Origin,
    inputs: Sequence[InputModel],
    digests: Mapping[Path, str],
    watch: Watch,
    donors: Sequence[Donor] = (),
    turns: Mapping[str, Any] | None = None,
) -> None:
    """Write ``merge_provenance.json`` into a result that is otherwise finished.

    Args:
        result: Its folder.
        origin: What was asked for.
        inputs: The models.
        digests: File of weights to its SHA-256.
        watch: Told of the bytes that are hashed.
        donors: The models that gave their tokenizer alone.
        turns: How the result ends its turns.
    """
    content = {
        "schema": SCHEMA,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "method": origin.method,
        "seeds": dict(origin.seeds),
        "device": origin.device,
        "versions": _versions(),
        "recipe": origin.recipe,
        "parsed_recipe": dict(origin.parsed),
        "models": [_model(one, digests) for one in inputs],
        "tokenizers": [_donor(one, [CONFIG]) for one in donors],
        "turns": dict(turns or {}),
        "output": _output(result, watch),
    }
    partial = result / f".{PROVENANCE}.partial"
    text = json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n"
    partial.write_text(text, encoding="utf-8")
    sha256(partial, durable=True)
    partial.replace(result / PROVENANCE)


def _model(one: InputModel, digests: Mapping[Path, str]) -> dict[str, Any]:
    found = {"model": one.model.name, **_files(one.checkpoint, digests, [CONFIG])}
    if one.adapter is not None:
        config = "adapter_config.json"
        found["adapter"] = _files(one.adapter, digests, [config])
    return found


def _donor(one: Donor, configs: Sequence[str]) -> dict[str, Any]:
    files = _files(Checkpoint(one.model.name, one.folder, {}, {}), {}, configs)
    del files["weights"]
    return {"model": one.model.name, **files}


def _files(
    checkpoint: Checkpoint, digests: Mapping[Path, str], configs: Sequence[str]
) -> dict[str, Any]:
    folder = checkpoint.folder.absolute()
    # a snapshot of the hub cache is called after its commit
    commit = folder.name if folder.parent.name == "snapshots" else None
    name = folder.parents[1].name if commit else folder.name
    small = [
        {"name": file, "size": path.stat().st_size, "sha256": sha256(path)}
        for file in (*configs, *TOKENIZER_FILES)
        if (path := folder / file).is_file()
    ]
    weights = [
        {"name": f.name, "size": f.stat().st_size, "sha256": digests[f]}
        for f in checkpoint.files()
    ]
    return {"folder": name, "commit": commit, "files": small, "weights": weights}


def _output(result: Path, watch: Watch) -> list[dict[str, Any]]:
    files = sorted(path for path in result.rglob("*") if path.is_file())
    watch.phase("hashing the result", sum(f.stat().st_size for f in files), "bytes")
    with ThreadPoolExecutor(2) as pool:
        digests = list(pool.map(lambda f: sha256(f, durable=True, watch=watch), files))
    return [
        {
            "name": CONFIG if file.name == PARTIAL else str(file.relative_to(result)),
            "size": file.stat().st_size,
            "sha256": digest,
        }
        for file, digest in zip(files, digests, strict=True)
    ]


def _versions() -> dict[str, str]:
    """Return the version of Python and of each package that is installed."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
