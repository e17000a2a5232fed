r"""DELLA with the sign election of TIES.

As ``ties``, but the mask :math:`m_i` is that of ``della_linear``, and with ``rescale``
what it keeps is divided by its probability before the election. Deep, Bhardwaj, Poria,
arXiv:2406.11617; Yadav et al., arXiv:2306.01708.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from mergekit_ext.methods.della_linear import PARAMETERS as LINEAR_PARAMETERS
from mergekit_ext.methods.method import Group, Method
from mergekit_ext.methods.parameters import NORMALIZE
from mergekit_ext.methods.task_vectors import add, by_rank


PARAMETERS = tuple(
    replace(one, default=True) if one == NORMALIZE else one for one in LINEAR_PARAMETERS
)


def merge(group: Group) -> torch.Tensor:
    """Merge one tensor; its name and the experts' keys decide the masks."""
    return add(group, by_rank, elect=True)


DELLA = Method(
    "fused_della",
    "DELLA (fused)",
    "https://arxiv.org/abs/2406.11617",
    PARAMETERS,
    merge,
)
