r"""Linear: a weighted mean of the models themselves.

.. math::

    \theta = \frac{\sum_i w_i\, \theta_i}{\sum_i w_i}

Without ``normalize`` it is the weighted sum. Wortsman et al.: "Model soups: averaging
weights of multiple fine-tuned models improves accuracy without increasing inference
time" (ICML 2022, arXiv:2203.05482).
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from mergekit_ext.errors import RecipeError
from mergekit_ext.kernels.backends import merge_terms
from mergekit_ext.kernels.terms import Merge, Term
from mergekit_ext.methods.method import Group, Method
from mergekit_ext.methods.parameters import NORMALIZE, WEIGHT


def merge(group: Group) -> torch.Tensor:
    """Merge one tensor.

    Raises:
        RecipeError: If it has to be divided by a sum of weights that is 0.
    """
    weights = [expert["weight"] for expert in group.experts]
    if group["normalize"] and abs(math.fsum(weights)) < 1e-8:
        raise RecipeError(
            f"{LINEAR.name}, tensor {group.shown_name!r}: the weights {weights} sum to"
            " 0, by which nothing can be divided; set normalize to false."
        )
    terms = tuple(Term(expert.input, expert["weight"]) for expert in group.experts)
    return merge_terms(
        Merge(group.shown_name, None, terms, normalize=group["normalize"])
    )


LINEAR = Method(
    "fused_linear",
    "Linear (fused)",
    "https://arxiv.org/abs/2203.05482",
    (WEIGHT, replace(NORMALIZE, default=True)),
    merge,
    base="ignored",
)
