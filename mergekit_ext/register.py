"""Make our methods known to mergekit; the only importer of its merge methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from mergekit.merge_methods import (
    GroupMergeMethod,
    InputContract,
    MergeMethodSpec,
    ParameterScope,
    TensorGroup,
    register,
    registered_methods,
)
from mergekit.merge_methods.base import MISSING, BasePolicy, ParameterSpec

from mergekit_ext.errors import RecipeError
from mergekit_ext.methods import breadcrumbs as crumbs
from mergekit_ext.methods import dare_linear as dare
from mergekit_ext.methods.parameters import REQUIRED, Parameter
from mergekit_ext.model_keys import distinct_keys


Parameters = Mapping[str, Any]


class FusedMethod(GroupMergeMethod):  # type: ignore[misc]
    """A method of this package, as mergekit wants to see one.

    Args:
        name: Its name in recipes.
        pretty_name: Its name in a model card.
        reference_url: The paper.
        parameters: What a recipe may set.
        merge: Merges one group, given every parameter.
    """

    def __init__(
        self,
        name: str,
        pretty_name: str,
        reference_url: str,
        parameters: tuple[Parameter, ...],
        merge: Callable[[TensorGroup, Parameters], torch.Tensor],
    ) -> None:
        self.parameters = parameters
        self._merge = merge
        self.spec = MergeMethodSpec(
            name=name,
            pretty_name=pretty_name,
            reference_url=reference_url,
            parameters=tuple(_spec(parameter) for parameter in parameters),
            contract=InputContract(base=BasePolicy.REQUIRED),
        )

    def merge_group(self, group: TensorGroup, /, **parameters: Any) -> torch.Tensor:
        """Merge one tensor's inputs."""
        return self._merge(group, parameters)


def register_all() -> tuple[str, ...]:
    """Register our methods; a name that is taken is left to its owner.

    Returns:
        The names that were free.
    """
    taken = {method.spec.name for method in registered_methods()}
    free = [method for method in _methods() if method.spec.name not in taken]
    for method in free:
        register(method)
    return tuple(method.spec.name for method in free)


def method_names() -> list[str]:
    """Return every merge method that mergekit knows now."""
    return sorted(method.spec.name for method in registered_methods())


def our_parameters(name: str) -> tuple[Parameter, ...] | None:
    """Return what a recipe may set for a method, or ``None`` if it is not ours."""
    for method in registered_methods():
        if method.spec.name == name and isinstance(method, FusedMethod):
            return method.parameters
    return None


def _methods() -> tuple[FusedMethod, ...]:
    return (
        FusedMethod(
            crumbs.NAME,
            "Model Breadcrumbs (fused)",
            "https://arxiv.org/abs/2312.06795",
            crumbs.PARAMETERS,
            _merge_breadcrumbs,
        ),
        FusedMethod(
            dare.NAME,
            "Linear DARE (fused)",
            "https://arxiv.org/abs/2311.03099",
            dare.PARAMETERS,
            _merge_dare_linear,
        ),
    )


def _merge_breadcrumbs(group: TensorGroup, values: Parameters) -> torch.Tensor:
    experts = [
        crumbs.CrumbledExpert(
            entry.tensor,
            values["weight"][entry.id],
            values["density"][entry.id],
            values["gamma"][entry.id],
            str(entry.id),
        )
        for entry in group.non_base
    ]
    return crumbs.breadcrumbs(
        group.base.tensor,
        experts,
        lambda_=values["lambda"],
        normalize=values["normalize"],
        tensor_name=group.metadata.name or "?",
        base_model=str(group.base.id),
    )


def _merge_dare_linear(group: TensorGroup, values: Parameters) -> torch.Tensor:
    name = group.metadata.name
    if name is None:
        raise RecipeError(
            f"{dare.NAME} draws each tensor's masks from its name, and this one has"
            " none; give it, as in merge_tensors(..., name='lm_head.weight')."
        )
    keys = distinct_keys(entry.id for entry in group.non_base)
    experts = [
        dare.DroppedExpert(
            entry.tensor,
            values["weight"][entry.id],
            values["density"][entry.id],
            key,
        )
        for key, entry in zip(keys, group.non_base, strict=True)
    ]
    return dare.dare_linear(
        group.base.tensor,
        experts,
        tensor_name=name,
        lambda_=values["lambda"],
        normalize=values["normalize"],
        rescale=values["rescale"],
        seed=values["seed"],
        base_model=str(group.base.id),
    )


def _spec(parameter: Parameter) -> ParameterSpec:
    return ParameterSpec(
        parameter.name,
        parameter.type,
        ParameterScope.NON_BASE if parameter.per_model else ParameterScope.SHARED,
        default=MISSING if parameter.default is REQUIRED else parameter.default,
    )
