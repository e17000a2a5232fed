r"""Model Breadcrumbs with the sign election of TIES.

As ``ties``, but the mask :math:`m_i` is that of ``breadcrumbs``, and the sum is divided
only with ``normalize``. Davari, Belilovsky, arXiv:2312.06795; Yadav et al.,
arXiv:2306.01708.
"""

from __future__ import annotations

import torch

from mergekit_ext.methods.breadcrumbs import PARAMETERS
from mergekit_ext.methods.method import Group, Method
from mergekit_ext.methods.task_vectors import add, middle


def merge(group: Group) -> torch.Tensor:
    """Merge one tensor."""
    return add(group, middle, elect=True)


BREADCRUMBS_TIES = Method(
    "fused_breadcrumbs_ties",
    "Model Breadcrumbs with TIES (fused)",
    "https://arxiv.org/abs/2312.06795",
    PARAMETERS,
    merge,
)
