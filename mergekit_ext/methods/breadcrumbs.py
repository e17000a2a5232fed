r"""Model Breadcrumbs: task arithmetic without the largest and the smallest deltas.

.. math::

    \theta = \theta_0 + \lambda \sum_i w_i\, m_i \odot (\theta_i - \theta_0)

where the mask :math:`m_i` drops, for each tensor, the share :math:`\gamma` of the
largest magnitudes of :math:`\theta_i - \theta_0`, then the smallest, until a share
``density`` is left. With ``normalize`` the sum is divided by :math:`\sum_i w_i`.

Davari, Belilovsky: "Model Breadcrumbs: Scaling Multi-Task Model Merging with Sparse
Masks" (ECCV 2024, arXiv:2312.06795). The paper names the two percentiles β and γ;
``density`` and ``gamma`` are mergekit's, and so is the rounding of both counts.
"""

from __future__ import annotations

import torch

from mergekit_ext.methods.method import Group, Method
from mergekit_ext.methods.parameters import (
    DENSITY,
    GAMMA,
    LAMBDA,
    NORMALIZE,
    RESCALE,
    WEIGHT,
)
from mergekit_ext.methods.task_vectors import add, middle


PARAMETERS = (WEIGHT, DENSITY, GAMMA, LAMBDA, NORMALIZE, RESCALE)


def merge(group: Group) -> torch.Tensor:
    """Merge one tensor."""
    return add(group, middle)


BREADCRUMBS = Method(
    "fused_breadcrumbs",
    "Model Breadcrumbs (fused)",
    "https://arxiv.org/abs/2312.06795",
    PARAMETERS,
    merge,
)
