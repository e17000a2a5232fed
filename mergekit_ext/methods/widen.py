r"""WIDEN: columns enter by how much they have changed, in length and in direction.

.. math::

    \theta_{:j} = \theta_{0,:j} + \lambda \sum_i w_i\, s_{ij}\, \tau_{i,:j}, \qquad
    s_{ij} = \tfrac12 (s^a_{ij} + s^d_{ij})

where for :math:`a_{ij} = |\, \lVert\theta_{i,:j}\rVert - \lVert\theta_{0,:j}\rVert\,|`,
and for :math:`d_{ij} = 1 - \cos(\theta_{i,:j}, \theta_{0,:j})` alike, with
:math:`r_{ij}` the rank within model :math:`i` over the number of columns,
:math:`s_{ij}` is 1 where :math:`r_{ij}` is above :math:`t` times its mean, and
:math:`\exp r_{ij} / \sum_k \exp r_{kj}` elsewhere. An embedding is transposed first. In
a vector :math:`|\theta_i - \theta_0|` itself stands in the place of :math:`r`.

Yu, Yu, Yu, Huang, Li: "Extend Model Merging from Fine-Tuned to Pre-Trained Large
Language Models via Weight Disentanglement" (arXiv:2408.03092), whose weights and
:math:`\lambda` are 1. What is not in the text is as in the authors' code: ranks from 0,
a head that is not transposed, vectors without ranks.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from mergekit_ext.kernels.column_merge import merge_columns
from mergekit_ext.kernels.column_scores import column_scores
from mergekit_ext.kernels.kept_cuts import kept
from mergekit_ext.kernels.tensors import Input
from mergekit_ext.kernels.terms import Merge, Term
from mergekit_ext.methods.method import Group, Method
from mergekit_ext.methods.parameters import LAMBDA, PART_WEIGHTS, WEIGHT, T
from mergekit_ext.methods.task_vectors import add, whole
from mergekit_ext.methods.tensor_parts import is_input


def merge(group: Group) -> torch.Tensor:
    """Merge one tensor; its name says whether it is an embedding.

    Raises:
        InputError: If an input holds NaN or an infinity.
    """
    base = group.required_base
    shape = base.tensor.shape
    if not group.experts or not base.tensor.numel():
        return add(group, whole)
    what = Merge(
        group.shown_name,
        _flat(base),
        tuple(Term(_flat(one.input), one["weight"]) for one in group.experts),
        factor=group["lambda"],
    )
    of_rows = len(shape) == 2 and group.name is not None and is_input(group.name)
    scores = kept(
        what,
        list(range(len(what.terms))),
        ("widen", group["t"], of_rows),
        lambda: column_scores(what, group["t"], of_rows=of_rows),
    )
    factors = np.array(what.coefficients)[:, None] * scores
    return merge_columns(what, factors, of_rows=of_rows).view(shape)


def _flat(one: Input) -> Input:
    """Return a tensor as a vector or a matrix, of which the last dimension stays."""
    if one.tensor.dim() in (1, 2):
        return one
    last = one.tensor.shape[-1:] or (1,)
    flat = one.tensor.reshape(-1, *last) if one.tensor.dim() else one.tensor.reshape(1)
    return replace(one, tensor=flat)


WIDEN = Method(
    "fused_widen",
    "WIDEN (fused)",
    "https://arxiv.org/abs/2408.03092",
    (WEIGHT, *PART_WEIGHTS, replace(T, default=1.0), LAMBDA),
    merge,
)
