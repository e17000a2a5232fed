"""A value for each place of a model: thirds of its depth, parts, or both."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lm_eval_iberian.sweep.placed_yaml import Placed
from lm_eval_iberian.sweep.sweep_memory import reference
from lm_eval_iberian.sweep.sweep_spec import SweepSpec
from mergekit_ext.errors import InputError
from mergekit_ext.inputs.checkpoints import locate, read_checkpoint


EXPERTS = "experts"
_THIRDS = ("low", "middle", "high")
# part -> what the names of its tensors contain; the last one has all that is left
_PARTS: Mapping[str, tuple[str, ...]] = {
    "embedding": ("embed", "lm_head"),
    "mlp": ("mlp",),
    "attention": (),
}


def places(by: str) -> tuple[str, ...]:
    """Return the places that have a value each.

    >>> places("third and part")[:3]
    ('embedding', 'mlp low', 'mlp middle')
    """
    if by == "third":
        return _THIRDS
    if by == "part":
        return tuple(_PARTS)
    # an embedding is at no depth
    deep = [part for part in _PARTS if part != "embedding"]
    return ("embedding", *(f"{part} {third}" for part in deep for third in _THIRDS))


@dataclass(frozen=True)
class PlacedWeights:
    """A parameter of models that has a value for each of several places.

    Attributes:
        parameter: The parameter.
        model: ``instruct``, ``experts`` or a language.
        by: ``third``, ``part`` or ``third and part``.
        names: What the drawn values are called, in the order of ``places``.
    """

    parameter: str
    model: str
    by: str
    names: tuple[str, ...]

    def check(self, sweep: SweepSpec, placed: Placed) -> None:
        """Check that the models have such places, as far as they are here.

        Raises:
            SweepSpecError: They have not, or it cannot be told.
        """
        if "third" in self.by and _layers(sweep.instruct) < len(_THIRDS):
            raise placed.fault(
                f"by third: {sweep.instruct} is no folder whose config.json says it"
                f" has {len(_THIRDS)} layers at least; leave `by third` out"
            )
        if "part" in self.by:
            _check_parts(sweep.instruct, placed)

    def put_into(
        self, recipe: dict[str, Any], values: Mapping[str, Any], sweep: SweepSpec
    ) -> None:
        """Put the values into a recipe, as mergekit has them: by filters, in depth."""
        at = places(self.by)
        drawn = dict(zip(at, (values[name] for name in self.names), strict=True))
        wanted = _models(self.model, sweep)
        for entry in recipe["models"]:
            if entry["model"] in wanted:
                entry["parameters"][self.parameter] = _setting(
                    drawn, self.by, sweep.instruct
                )


def _models(model: str, sweep: SweepSpec) -> set[str]:
    if model == "instruct":
        return {sweep.instruct}
    if model in sweep.experts:
        return {sweep.experts[model]}
    return set(sweep.experts.values())


def _setting(drawn: Mapping[str, float], by: str, model: str) -> Any:
    layers = _layers(model)
    if by == "third":
        return _in_depth([drawn[third] for third in _THIRDS], layers)
    found: list[dict[str, Any]] = []
    names = _tensor_names(model)
    for part, filters in _PARTS.items():
        value: Any = drawn.get(part)
        if value is None:
            value = _in_depth([drawn[f"{part} {third}"] for third in _THIRDS], layers)
        found += [
            # a model that ties them has no lm_head
            {"filter": one, "value": value}
            for one in filters
            if names is None or any(one in name for name in names)
        ]
        if not filters:
            found.append({"value": value})
    return found


def _in_depth(thirds: Sequence[float], layers: int) -> list[float]:
    """Return a value for every layer: a gradient of mergekit's with a point on each."""
    return [thirds[at * len(thirds) // layers] for at in range(layers)]


def _layers(model: str) -> int:
    """Return how many layers a model has, 0 where that cannot be told."""
    try:
        found = json.loads((Path(model) / "config.json").read_text("utf-8"))
        count = (found.get("text_config") or found)["num_hidden_layers"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return 0
    return count if type(count) is int else 0


@cache
def _tensor_names(model: str) -> tuple[str, ...] | None:
    """Return the names of a model's tensors, ``None`` where it is not here.

    Raises:
        InputError: It is here and broken.
    """
    folder = locate(reference(model))
    return None if folder is None else tuple(read_checkpoint(model, folder).tensors)


def _check_parts(model: str, placed: Placed) -> None:
    """Refuse a part that has no tensor: its value would change nothing."""
    try:
        names = _tensor_names(model)
    except InputError as error:
        raise placed.fault(str(error)) from error
    for part, filters in _PARTS.items():
        there = [one for one in filters for name in names or () if one in name]
        if filters and names is not None and not there:
            raise placed.fault(
                f"by part: no tensor of {model} has {' or '.join(filters)} in its name,"
                f" so there is no {part} to weigh; leave `by part` out"
            )
