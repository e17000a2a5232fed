r"""TIES: trim, elect a sign, average what agrees with it.

.. math::

    \theta = \theta_0 + \lambda
    \frac{\sum_{i \in A} w_i\, m_i \odot \tau_i}{\sum_{i \in A} w_i},
    \qquad A = \{i : \operatorname{sgn}(w_i\, m_i \odot \tau_i)
    = \operatorname{sgn} \textstyle\sum_k w_k\, m_k \odot \tau_k\}

for each element, where the mask :math:`m_i` keeps the share ``density`` of the largest
magnitudes of the task vector :math:`\tau_i = \theta_i - \theta_0`. A sum of 0 elects
the positive sign. Yadav et al.: "TIES-Merging: Resolving Interference When Merging
Models" (NeurIPS 2023, arXiv:2306.01708); the weights are mergekit's.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from mergekit_ext.methods.method import Group, Method
from mergekit_ext.methods.parameters import DENSITY, LAMBDA, NORMALIZE, RESCALE, WEIGHT
from mergekit_ext.methods.task_vectors import add, largest


def merge(group: Group) -> torch.Tensor:
    """Merge one tensor."""
    return add(group, largest, elect=True)


TIES = Method(
    "fused_ties",
    "TIES (fused)",
    "https://arxiv.org/abs/2306.01708",
    (WEIGHT, DENSITY, LAMBDA, replace(NORMALIZE, default=True), RESCALE),
    merge,
)
