r"""Task arithmetic: the base plus a weighted sum of task vectors.

.. math::

    \theta = \theta_0 + \lambda \sum_i w_i\, (\theta_i - \theta_0)

With ``normalize`` the sum is divided by :math:`\sum_i w_i`. Ilharco et al.: "Editing
Models with Task Arithmetic" (ICLR 2023, arXiv:2212.04089).
"""

from __future__ import annotations

import torch

from mergekit_ext.methods.method import Group, Method
from mergekit_ext.methods.parameters import LAMBDA, NORMALIZE, WEIGHT
from mergekit_ext.methods.task_vectors import add, whole


def merge(group: Group) -> torch.Tensor:
    """Merge one tensor."""
    return add(group, whole)


TASK_ARITHMETIC = Method(
    "fused_task_arithmetic",
    "Task Arithmetic (fused)",
    "https://arxiv.org/abs/2212.04089",
    (WEIGHT, LAMBDA, NORMALIZE),
    merge,
)
