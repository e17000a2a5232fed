r"""LiNeS: task arithmetic whose task vectors grow, or shrink, with the layer.

.. math::

    \theta^{(l)} = \theta_0^{(l)} + \lambda \Big( w_1 \tau_1^{(l)}
    + \sum_{i>1} w_i \big(\alpha + (\beta - \alpha) \tfrac{l}{L-1}\big)
    \tau_i^{(l)} \Big)

for layer :math:`l` of :math:`L`. What comes before the layers, the embedding, counts as
the first, what comes after them, final norm and head, as the last. The first model
beside the base is the instructed one and enters whole; where it is the only one, it is
what the ramp is for. With :math:`\alpha = \beta = 1` it is task arithmetic.

Wang, Dimitriadis, Favero, Ortiz-Jimenez, Fleuret, Frossard: "LiNeS: Post-training Layer
Scaling Prevents Forgetting and Enhances Model Merging" (ICLR 2025, arXiv:2410.17146).
There every task vector is scaled, by :math:`\alpha + \beta' l / (L - 1)`; here
``beta`` is what the ramp ends with.
"""

from __future__ import annotations

import torch

from mergekit_ext.errors import RecipeError
from mergekit_ext.kernels.terms import Term
from mergekit_ext.methods.layer_zones import layer_of
from mergekit_ext.methods.method import Expert, Group, Method, required_name
from mergekit_ext.methods.parameters import (
    ALPHA,
    BETA,
    LAMBDA,
    LAYERS,
    PART_WEIGHTS,
    WEIGHT,
)
from mergekit_ext.methods.task_vectors import add
from mergekit_ext.methods.tensor_parts import is_input


def merge(group: Group) -> torch.Tensor:
    """Merge one tensor; its name says how deep it is.

    Raises:
        RecipeError: If it has no name, or the number of layers is not given or wrong.
    """
    slope = ramp(group, LINES.name)

    def term(group: Group, expert: Expert) -> Term:
        whole = len(group.experts) > 1 and expert is group.experts[0]
        return Term(expert.input, expert["weight"], scale=1.0 if whole else slope)

    return add(group, term)


def ramp(group: Group, method: str) -> float:
    """Return what the task vectors of a tensor are multiplied by.

    Args:
        group: What is merged; it has ``alpha``, ``beta`` and ``layers``.
        method: The method's name, for an error's text.

    Raises:
        RecipeError: If its place among the layers cannot be told.
    """
    alpha, beta = float(group["alpha"]), float(group["beta"])
    layers = group.required_layers(method)
    why = f"{method} tells from a tensor's name how deep it is"
    name = required_name(group.name, why)
    layer = layer_of(name)
    if layer is None:
        layer = 0 if is_input(name) else layers - 1
    if layer >= layers:
        raise RecipeError(
            f"{method}: there is a layer {layer}, counted from 0, but the models have"
            f" {layers}; correct layers, or leave it out."
        )
    if layer == layers - 1 > 0:
        return beta
    return alpha + (beta - alpha) * (layer / max(1, layers - 1))


LINES = Method(
    "fused_lines",
    "LiNeS (fused)",
    "https://arxiv.org/abs/2410.17146",
    (WEIGHT, *PART_WEIGHTS, ALPHA, BETA, LAMBDA, LAYERS),
    merge,
)
