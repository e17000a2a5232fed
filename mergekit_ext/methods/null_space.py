r"""Null space: language experts where the instructed model has learnt nothing.

.. math::

    \theta = \theta_0 + \lambda \Big( w_1 \tau_1
    + \sum_{i>1} w_i\, (I - U_n U_n^\top)\, \tau_i\, (I - V_n V_n^\top) \Big),
    \qquad \tau_1 = U S V^\top

for a matrix, where the first model beside the base, the instructed one, enters whole,
and :math:`n` is the least with :math:`\sum_{k \le n} s_k^2 \ge e \sum_k s_k^2` for
``energy`` :math:`e`. With ``side`` ``right``, the factor on the left is left out: what
is protected is what the instructed model reads. With ``left`` it is what it writes.
Vectors, embeddings and head, and whatever is no matrix, are as in task arithmetic.

The projection of one task vector out of the span of another's is that of RAIN-Merging
(arXiv:2602.22538) and NUFILT (arXiv:2509.21413), turned round: there the instructed
model's task vector is projected.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch

from mergekit_ext.errors import InputError
from mergekit_ext.kernels.kept_cuts import kept
from mergekit_ext.kernels.singular_vectors import leading_vectors, without
from mergekit_ext.kernels.tensors import new_result, not_a_number
from mergekit_ext.kernels.terms import Merge, Term
from mergekit_ext.methods.kept_vectors import digest_of, keeper
from mergekit_ext.methods.method import Expert, Group, Method, required_name
from mergekit_ext.methods.parameters import (
    ENERGY,
    LAMBDA,
    PART_WEIGHTS,
    SIDE,
    WEIGHT,
)
from mergekit_ext.methods.task_vectors import add
from mergekit_ext.methods.tensor_parts import part_of


PARAMETERS = (WEIGHT, *PART_WEIGHTS, ENERGY, SIDE, LAMBDA)


def merge(group: Group) -> torch.Tensor:
    """Merge one tensor.

    Raises:
        RecipeError: If it is a matrix without a name.
        InputError: If an input holds NaN, or a sum would.
    """
    return project(group, NULL_SPACE.name, 1.0)


def project(group: Group, method: str, slope: float) -> torch.Tensor:
    """Merge one tensor, with the experts projected and multiplied by ``slope``."""

    def term(group: Group, expert: Expert) -> Term:
        scale = 1.0 if expert is group.experts[0] else slope
        return Term(expert.input, expert["weight"], scale=scale)

    if len(group.experts) < 2 or not _is_projected(group, method):
        return add(group, term)
    base = group.required_base
    terms = tuple(term(group, expert) for expert in group.experts)
    what = Merge(group.shown_name, base, terms, factor=group["lambda"])
    return _projected(what, base.tensor, group["energy"], group["side"])


def _is_projected(group: Group, method: str) -> bool:
    tensor = group.required_base.tensor
    if tensor.dim() != 2 or not tensor.numel():
        return False
    why = f"{method} tells from a tensor's name whether it is an embedding"
    return part_of(required_name(group.name, why)) != "embeddings"


@torch.no_grad()
def _projected(
    what: Merge, start: torch.Tensor, energy: float, side: str
) -> torch.Tensor:
    """Return the merged matrix: sums are rounded once, as in every other method."""
    dtype = what.work_dtype
    base = start.to(dtype)
    protected, *others = (one.expert.tensor.to(dtype) - base for one in what.terms)
    if not bool(protected.isfinite().all()):
        raise InputError(not_a_number(what.name, what.inputs))
    digest = _digest(what, protected)
    left, right = leading_vectors(protected, energy, keeper(digest, protected))
    first, *factors = what.coefficients
    total = protected.mul_(torch.tensor(first, dtype=dtype))
    sides = None if side == "right" else left, None if side == "left" else right
    for other, factor in zip(others, factors, strict=True):
        rest = without(other, *sides).to(dtype)
        total = total.add_(rest.mul_(torch.tensor(factor, dtype=dtype)))
    result = new_result(what.name, what.inputs)
    result.copy_(total.add_(base))
    if bool(result.isnan().any()):
        raise InputError(not_a_number(what.name, what.inputs))
    return result


def _digest(what: Merge, protected: torch.Tensor) -> Callable[[], str]:
    """Return what hashes the task matrix; once, for all merges of the same tensors."""
    return cache(lambda: kept(what, [0], "digest", lambda: digest_of(protected)))


NULL_SPACE = Method(
    "fused_null_space",
    "Null-Space Task Arithmetic (fused)",
    "https://arxiv.org/abs/2602.22538",
    PARAMETERS,
    merge,
)
