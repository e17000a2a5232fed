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

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from mergekit_ext.kernels.accumulate import Term, add_terms, coefficients
from mergekit_ext.kernels.deltas import TaskVector
from mergekit_ext.kernels.order_statistics import kept_band
from mergekit_ext.methods.parameters import DENSITY, GAMMA, LAMBDA, NORMALIZE, WEIGHT


NAME = "fused_breadcrumbs"
PARAMETERS = (WEIGHT, DENSITY, GAMMA, LAMBDA, NORMALIZE)


@dataclass(frozen=True)
class CrumbledExpert:
    """An expert's tensor and how much of what it learnt to keep.

    Args:
        tensor: Of the base's shape, on the base's device.
        weight: Finite.
        density: The share of deltas to keep, 0 to 1; 1 keeps all, whatever ``gamma``.
        gamma: The share of the largest deltas to drop, 0 to 1; fewer where ``density``
            could not be met otherwise.
        model: The expert's name, for error messages.

    Raises:
        RecipeError: If a number is out of its range.
    """

    tensor: torch.Tensor
    weight: float
    density: float = 1.0
    gamma: float = 0.01
    model: str = "expert"

    def __post_init__(self) -> None:
        for parameter in (WEIGHT, DENSITY, GAMMA):
            parameter.check(getattr(self, parameter.name), f"{NAME}, {self.model!r}")


def breadcrumbs(
    base: torch.Tensor,
    experts: Sequence[CrumbledExpert],
    *,
    lambda_: float = 1.0,
    normalize: bool = False,
    tensor_name: str = "?",
    base_model: str = "base",
    chunk: int | None = None,
) -> torch.Tensor:
    """Merge one tensor by Model Breadcrumbs.

    Args:
        base: The base model's tensor: fp16, bf16, fp32 or fp64; any shape and strides.
        experts: What to add to it. Without any, the result is a copy of ``base``.
        lambda_: The factor λ of the whole sum.
        normalize: Divide the sum by the sum of the weights.
        tensor_name: The tensor's name, for error messages.
        base_model: The base model's name, for error messages.
        chunk: Elements a chunk; by default what suits the device. It changes no bit.

    Returns:
        A new tensor of the shape and dtype of ``base``, rounded once.

    Raises:
        RecipeError: If a number is out of its range.
        InputError: If shapes, devices or dtypes do not fit, or a delta is NaN.
    """
    LAMBDA.check(lambda_, NAME)
    weights = [expert.weight for expert in experts]
    factors = coefficients(weights, lambda_=lambda_, normalize=normalize)
    terms = []
    for expert, factor in zip(experts, factors, strict=True):
        vector = TaskVector(base, expert.tensor, tensor_name, expert.model, base_model)
        mask = None
        if expert.density < 1:
            mask = kept_band(vector, expert.density, expert.gamma, chunk).keep
        terms.append(Term(vector, factor, mask))
    return add_terms(base, terms, chunk)
