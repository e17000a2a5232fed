"""A merge method as data: its name, its source, what it takes and what it does."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from mergekit_ext.errors import RecipeError
from mergekit_ext.kernels.tensors import Input
from mergekit_ext.methods.parameters import REQUIRED, Parameter
from mergekit_ext.methods.tensor_parts import PARTS, part_of


@dataclass(frozen=True)
class Expert:
    """One model that is merged, with its parameters.

    Args:
        input: Its tensor and name.
        key: Its part of the key of a random mask; see ``model_key``.
        values: Parameter name to value.
    """

    input: Input
    key: str
    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        """Return the value of one of its parameters."""
        return self.values[name]


@dataclass(frozen=True)
class Group:
    """What is merged into one tensor.

    Args:
        name: The tensor's name; ``None`` where the caller gave none.
        base: The base model's tensor, if there is one.
        experts: The others, in recipe order. A method without a base has them all.
        values: The merge's parameters, name to value.
    """

    name: str | None
    base: Input | None
    experts: Sequence[Expert]
    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        """Return the value of a parameter of the merge."""
        return self.values[name]

    @property
    def required_base(self) -> Input:
        """The base model's tensor.

        Raises:
            RecipeError: If there is none.
        """
        if self.base is None:
            raise RecipeError(f"Tensor {self.shown_name!r} has no base to start from.")
        return self.base

    @property
    def shown_name(self) -> str:
        """The tensor's name for a message."""
        return self.name or "?"

    def required_layers(self, method: str) -> int:
        """Return how many layers the models have, the parameter ``layers``.

        Args:
            method: Who asks, for an error's text.

        Raises:
            RecipeError: If it is not given.
        """
        if not (layers := int(self["layers"])):
            raise RecipeError(
                f"{method}: a single tensor does not show how many layers its model"
                " has; give layers, as num_hidden_layers in its config.json."
            )
        return layers


def required_name(name: str | None, why: str) -> str:
    """Return a tensor's name.

    Args:
        name: The name, if it has one.
        why: What it is needed for, the start of an error's text.

    Raises:
        RecipeError: If it has none.
    """
    if name is None:
        raise RecipeError(
            f"{why}, and this one has none; give it, as in merge_tensors(...,"
            " name='lm_head.weight')."
        )
    return name


@dataclass(frozen=True)
class Method:
    """A merge method.

    Args:
        name: Its name in recipes.
        pretty_name: Its name in a model card.
        source: The paper's address.
        parameters: What a recipe may set.
        merge: Merges one tensor; it may count on checked values for all parameters.
        base: Whether it starts from a base model. Where that is ignored, a recipe's
            base model is an expert like the others.
        exactly: The number of experts it takes; ``None`` for any.
    """

    name: str
    pretty_name: str
    source: str
    parameters: tuple[Parameter, ...]
    merge: Callable[[Group], torch.Tensor]
    base: Literal["required", "optional", "ignored"] = "required"
    exactly: int | None = None

    def __call__(
        self,
        base: Input | None,
        experts: Sequence[tuple[Input, Mapping[str, Any]]],
        values: Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
        keys: Sequence[str] | None = None,
    ) -> torch.Tensor:
        """Check every value, fill in the defaults, and merge one tensor.

        Args:
            base: The base model's tensor.
            experts: Each expert's tensor with its parameters.
            values: The merge's parameters.
            name: The tensor's name.
            keys: Each expert's part of a mask's key; by default its model's name.

        Returns:
            A new tensor of the shape and dtype of the base, or of the first expert.

        Raises:
            RecipeError: If a value is missing, unknown or out of range.
            InputError: If tensors do not fit each other, or one holds NaN.
        """
        if keys is None:
            keys = [one.model for one, _ in experts]
        bound = [
            Expert(
                one, key, self._of_part(self._check(given, True, repr(one.model)), name)
            )
            for (one, given), key in zip(experts, keys, strict=True)
        ]
        shared = self._check(values or {}, False, "the merge")
        self._check_number(base, len(bound))
        return self.merge(Group(name, base, bound, shared))

    def _check_number(self, base: Input | None, experts: int) -> None:
        if base is None and self.base == "required":
            raise RecipeError(f"{self.name} starts from a base model; there is none.")
        if base is None and not experts:
            raise RecipeError(f"{self.name}: there is nothing to merge.")
        if self.exactly is not None and experts != self.exactly:
            raise RecipeError(
                f"{self.name} merges {self.exactly} beside the base, not {experts}."
            )

    def _check(
        self, given: Mapping[str, Any], per_model: bool, whose: str
    ) -> dict[str, Any]:
        known = {p.name: p for p in self.parameters if p.per_model == per_model}
        where = f"{self.name}, {whose}"
        for name in given:
            if name not in known:
                raise RecipeError(f"{where}: there is no parameter {name!r}.")
        values = {}
        for name, parameter in known.items():
            value = given.get(name, parameter.default)
            if value is REQUIRED:
                raise RecipeError(f"{where}: {name} is missing.")
            values[name] = parameter.check(value, where)
        return values

    def _of_part(self, values: dict[str, Any], name: str | None) -> dict[str, Any]:
        """Return an expert's values, with the weight that a tensor's part has."""
        own = {part: values.get(f"weight_{part}") for part in PARTS}
        if all(weight is None for weight in own.values()):
            return values
        why = f"{self.name} tells from a tensor's name what part of a model it is"
        part = part_of(required_name(name, why))
        weight = None if part is None else own[part]
        return values if weight is None else values | {"weight": weight}


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
