"""A recipe for every method, over the models of ``make_models``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import yaml
from mergekit.merge_methods import registered_methods
from safetensors.torch import load_file

from mergekit_ext.merge_file import merge_file
from mergekit_ext.methods.method_catalogue import METHODS
from mergekit_ext.watch import Watch


OURS = tuple(method.name for method in METHODS)
_THEIRS = {method.spec.name for method in registered_methods()}
STOCK = tuple(
    name.removeprefix("fused_")
    for name in OURS
    if name.removeprefix("fused_") in _THEIRS - {*OURS}
)
_PARAMETERS = {method.name: method.parameters for method in METHODS}
# beside weights and densities
_SETTINGS: dict[str, dict[str, Any]] = {
    "nearswap": {"t": 0.01},
    "lines": {"alpha": 0.2, "beta": 0.9},
    "null_space_lines": {"alpha": 0.2, "beta": 0.9, "side": "both"},
    "layer_swap": {"bottom": 1, "top": 0, "transition": 0, "embeddings": "average"},
}


def a_recipe(method: str, **changes: Any) -> dict[str, Any]:
    """Return a recipe of ``m/base``, ``m/basque`` and ``m/instruct``."""
    short = method.removeprefix("fused_")
    names, each = ["m/basque", "m/instruct"], [{"weight": 0.6}, {"weight": 0.3}]
    if short == "layer_swap":
        each = [{"role": "language"}, {"role": "task"}]
    elif short == "nearswap":
        names, each = names[:1], [{}]
    elif "density" in {one.name for one in _PARAMETERS.get(f"fused_{short}", ())}:
        each = [one | {"density": 0.5} for one in each]
    written: dict[str, Any] = {
        "merge_method": method,
        "models": [
            {"model": name} | ({"parameters": parameters} if parameters else {})
            for name, parameters in zip(names, each, strict=True)
        ],
        "parameters": _SETTINGS.get(short, {}),
        "dtype": "bfloat16",
    }
    if short != "linear":
        written["base_model"] = "m/base"
    return written | changes


def merged_on_disk(
    written: dict[str, Any], out: str = "out", **options: Any
) -> dict[str, torch.Tensor]:
    """Merge as ``iberian merge`` does; return the weights."""
    Path("recipe.yml").write_text(yaml.safe_dump(written), encoding="utf-8")
    merge_file("recipe.yml", out, options, Watch())
    found: dict[str, torch.Tensor] = {}
    for file in Path(out).glob("*.safetensors"):
        found |= load_file(file)
    return found


def check_equal(
    found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]
) -> None:
    """Check names, dtypes and bits."""
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert found[name].dtype == tensor.dtype, name
        assert torch.equal(found[name], tensor), name
