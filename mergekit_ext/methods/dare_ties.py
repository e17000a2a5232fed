r"""DARE with the sign election of TIES.

As ``ties``, but the mask :math:`m_i` keeps each element with probability
:math:`d_i`, and with ``rescale`` the task vector is divided by it before the election.
Yu et al., arXiv:2311.03099; Yadav et al., arXiv:2306.01708.
"""

from __future__ import annotations

import torch

from mergekit_ext.methods.dare_linear import PARAMETERS
from mergekit_ext.methods.method import Group, Method
from mergekit_ext.methods.task_vectors import add, at_random


def merge(group: Group) -> torch.Tensor:
    """Merge one tensor; its name and the experts' keys decide the masks."""
    return add(group, at_random, elect=True)


DARE_TIES = Method(
    "fused_dare_ties",
    "DARE TIES (fused)",
    "https://arxiv.org/abs/2311.03099",
    PARAMETERS,
    merge,
)
