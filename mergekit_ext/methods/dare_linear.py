r"""DARE: task arithmetic over randomly dropped and rescaled deltas.

.. math::

    \theta = \theta_0
    + \lambda \sum_i \frac{w_i}{d_i}\, m_i \odot (\theta_i - \theta_0),
    \qquad m_{ij} \sim \mathrm{Bernoulli}(d_i)

With ``normalize`` the sum is divided by :math:`\sum_i w_i`; without ``rescale`` the
division by the density :math:`d_i` (the paper's :math:`1 - p`) is left out.

Yu, Yu, Yu, Huang, Li: "Language Models are Super Mario: Absorbing Abilities from
Homologous Models as a Free Lunch" (ICML 2024, arXiv:2311.03099). mergekit's own
``dare_linear`` rescales by the ratio of the L1 norms, which is :math:`1/d_i` only on
average.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from mergekit_ext.methods.method import Group, Method
from mergekit_ext.methods.parameters import (
    DENSITY,
    LAMBDA,
    NORMALIZE,
    RESCALE,
    SEED,
    WEIGHT,
)
from mergekit_ext.methods.task_vectors import add, at_random


PARAMETERS = (
    WEIGHT,
    DENSITY,
    LAMBDA,
    NORMALIZE,
    replace(RESCALE, default=True),
    SEED,
)


def merge(group: Group) -> torch.Tensor:
    """Merge one tensor; its name and the experts' keys decide the masks."""
    return add(group, at_random)


DARE_LINEAR = Method(
    "fused_dare_linear",
    "Linear DARE (fused)",
    "https://arxiv.org/abs/2311.03099",
    PARAMETERS,
    merge,
)
