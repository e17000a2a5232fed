r"""Layer swapping: a language expert around the middle layers of a task expert.

.. math::

    \theta^{(l)} = \begin{cases}
        \theta_\mathrm{language}^{(l)} & l < b \;\text{ or }\; l \ge L - u \\
        \tfrac12 (\theta_\mathrm{language}^{(l)} + \theta_\mathrm{task}^{(l)})
            & b \le l < b + t \;\text{ or }\; L - u - t \le l < L - u \\
        \theta_\mathrm{task}^{(l)} & \text{otherwise}
    \end{cases}

for layer :math:`l` of :math:`L`, with ``bottom`` :math:`b`, ``top`` :math:`u` and
``transition`` :math:`t`. ``embeddings`` says whose everything outside of the layers is,
and what ``revert`` names is the base model's.

Bandarkar, Muller, Yuvraj, Hou, Singhal, Lv, Liu: "Layer Swapping for Zero-Shot
Cross-Lingual Transfer in Large Language Models" (ICLR 2025, arXiv:2410.01335).
Reverting what fine-tuning changed to little use: Bandarkar, Peng: "The Unreasonable
Effectiveness of Model Merging for Cross-Lingual Transfer in LLMs" (MRL 2025,
arXiv:2505.18356).
"""

from __future__ import annotations

import torch

from mergekit_ext.errors import RecipeError
from mergekit_ext.kernels.backends import merge_terms
from mergekit_ext.kernels.tensors import Input, check_tensors, work_dtype
from mergekit_ext.kernels.terms import Merge, Term
from mergekit_ext.methods.layer_zones import Origin, zone_origin, zones
from mergekit_ext.methods.method import Group, Method, required_name
from mergekit_ext.methods.name_parts import has_part
from mergekit_ext.methods.parameters import (
    BOTTOM,
    EMBEDDINGS,
    LAYERS,
    REVERT,
    ROLE,
    TOP,
    TRANSITION,
)


def merge(group: Group) -> torch.Tensor:
    """Merge one tensor; its name says whose it is.

    Raises:
        RecipeError: If it has no name, the number of layers is not given, the roles are
            not one task and one language, or there is no base to revert to.
        InputError: If the tensors do not fit each other.
    """
    experts = _by_role(group)
    base = [] if group.base is None else [group.base]
    inputs = [*base, *(expert.input for expert in group.experts)]
    check_tensors(group.shown_name, inputs)
    like = inputs[0].tensor
    if _is_reverted(group):
        return _copy(group.required_base, like)
    origin = _origin(group)
    if origin != "average":
        return _copy(experts[origin], like)
    return _mean(group, like)


def _by_role(group: Group) -> dict[str, Input]:
    found = {expert["role"]: expert.input for expert in group.experts}
    if len(found) < len(group.experts):
        models = " and ".join(repr(expert.input.model) for expert in group.experts)
        raise RecipeError(
            f"{LAYER_SWAP.name}: both {models} have the role {next(iter(found))!r}; one"
            " must be task, the other language."
        )
    return found


def _is_reverted(group: Group) -> bool:
    if group["revert"] and group.base is None:
        raise RecipeError(
            f"{LAYER_SWAP.name}: revert takes the base model's tensors, and there is no"
            " base model; set base_model, or leave revert out."
        )
    name = _name(group)
    return any(has_part(name, part) for part in group["revert"])


def _origin(group: Group) -> Origin:
    layers = group.required_layers(LAYER_SWAP.name)
    found = zones(layers, group["bottom"], group["top"], group["transition"])
    return zone_origin(_name(group), found, group["embeddings"])


def _name(group: Group) -> str:
    why = f"{LAYER_SWAP.name} tells from a tensor's name whose it is"
    return required_name(group.name, why)


def _mean(group: Group, like: torch.Tensor) -> torch.Tensor:
    first, second = (expert.input for expert in group.experts)
    if first.tensor.dtype != like.dtype:  # the result has that of the first
        wide = work_dtype([first.tensor, second.tensor])
        first = Input(first.tensor.to(wide), first.model)
    terms = (Term(first, 0.5), Term(second, 0.5))
    return merge_terms(Merge(group.shown_name, None, terms)).to(like.dtype)


def _copy(one: Input, like: torch.Tensor) -> torch.Tensor:
    layout = torch.contiguous_format
    return one.tensor.detach().to(like.dtype, copy=True, memory_format=layout)


LAYER_SWAP = Method(
    "layer_swap",
    "Layer Swapping",
    "https://arxiv.org/abs/2410.01335",
    (ROLE, BOTTOM, TOP, TRANSITION, EMBEDDINGS, REVERT, LAYERS),
    merge,
    base="optional",
    exactly=2,
)
