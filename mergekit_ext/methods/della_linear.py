r"""DELLA: task arithmetic over deltas that are dropped at random, small ones rather.

.. math::

    \theta = \theta_0
    + \lambda \sum_i w_i\, \frac{m_i}{p_i} \odot (\theta_i - \theta_0),
    \qquad m_{ij} \sim \mathrm{Bernoulli}(p_{ij}), \qquad
    p_{ij} = d_i - \epsilon_i + 2 \epsilon_i \frac{r_{ij}}{n - 1}

where :math:`r_{ij}` from 0 to :math:`n - 1` is the rank of the magnitude of an element
within its row of :math:`n`: the last dimension, and a vector is one row. With
``normalize`` the sum is divided by :math:`\sum_i w_i`; without ``rescale`` the division
by :math:`p` is left out.

Deep, Bhardwaj, Poria: "DELLA-Merging: Reducing Interference in Model Merging through
Magnitude-Based Sampling" (arXiv:2406.11617), whose drop probability is :math:`1 - p`.
mergekit rescales by the ratio of the L1 norms instead, which is as much only on
average, and draws from the global generator.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from mergekit_ext.methods.method import Group, Method
from mergekit_ext.methods.parameters import (
    DENSITY,
    EPSILON,
    LAMBDA,
    NORMALIZE,
    PART_WEIGHTS,
    RESCALE,
    SEED,
    WEIGHT,
)
from mergekit_ext.methods.task_vectors import add, by_rank


PARAMETERS = (
    WEIGHT,
    *PART_WEIGHTS,
    DENSITY,
    EPSILON,
    LAMBDA,
    NORMALIZE,
    replace(RESCALE, default=True),
    SEED,
)


def merge(group: Group) -> torch.Tensor:
    """Merge one tensor; its name and the experts' keys decide the masks."""
    return add(group, by_rank)


DELLA_LINEAR = Method(
    "fused_della_linear",
    "Linear DELLA (fused)",
    "https://arxiv.org/abs/2406.11617",
    PARAMETERS,
    merge,
)
