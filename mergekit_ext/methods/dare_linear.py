r"""DARE: task arithmetic over randomly dropped and rescaled deltas.

.. math::

    \theta = \theta_0
    + \lambda \sum_i \frac{w_i}{d_i}\, m_i \odot (\theta_i - \theta_0),
    \qquad m_{ij} \sim \mathrm{Bernoulli}(d_i)

With ``normalize`` the sum is divided by :math:`\sum_i w_i`; without ``rescale`` the
division by the density :math:`d_i` (the paper's :math:`1 - p`) is left out.

Yu, Yu, Yu, Huang, Li: "Language Models are Super Mario: Absorbing Abilities from
Homologous Models as a Free Lunch" (ICML 2024, arXiv:2311.03099). mergekit rescales by
the ratio of the L1 norms instead, which is :math:`1/d_i` only on average.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from mergekit_ext.errors import RecipeError
from mergekit_ext.kernels.accumulate import Mask, Term, add_terms, coefficients
from mergekit_ext.kernels.deltas import TaskVector
from mergekit_ext.kernels.philox import keep_mask, mask_key
from mergekit_ext.methods.parameters import (
    DENSITY,
    LAMBDA,
    NORMALIZE,
    RESCALE,
    SEED,
    WEIGHT,
)


NAME = "fused_dare_linear"
PARAMETERS = (WEIGHT, DENSITY, LAMBDA, NORMALIZE, RESCALE, SEED)


@dataclass(frozen=True)
class DroppedExpert:
    """An expert's tensor and how much of what it learnt to keep.

    Args:
        tensor: Of the base's shape, on the base's device.
        weight: Finite.
        density: The probability of keeping a delta, 0 to 1.
        model: The expert's name: the mask depends on it.

    Raises:
        RecipeError: If a number is out of its range.
    """

    tensor: torch.Tensor
    weight: float
    density: float = 1.0
    model: str = "expert"

    def __post_init__(self) -> None:
        for parameter in (WEIGHT, DENSITY):
            parameter.check(getattr(self, parameter.name), f"{NAME}, {self.model!r}")


def dare_linear(
    base: torch.Tensor,
    experts: Sequence[DroppedExpert],
    *,
    tensor_name: str,
    lambda_: float = 1.0,
    normalize: bool = False,
    rescale: bool = True,
    seed: int = 0,
    base_model: str = "base",
    chunk: int | None = None,
) -> torch.Tensor:
    """Merge one tensor by DARE.

    Args:
        base: The base model's tensor: fp16, bf16, fp32 or fp64; any shape and strides.
        experts: What to add to it. Without any, the result is a copy of ``base``.
        tensor_name: The tensor's name: the masks depend on it.
        lambda_: The factor λ of the whole sum.
        normalize: Divide the sum by the sum of the weights.
        rescale: Divide each expert's deltas by its density.
        seed: 0 to 2**64 - 1. Seed, model, tensor name and index decide what is kept.
        base_model: The base model's name, for error messages.
        chunk: Elements a chunk; by default what suits the device. It changes no bit.

    Returns:
        A new tensor of the shape and dtype of ``base``, rounded once.

    Raises:
        RecipeError: If a number is out of its range, or a density to divide by is 0.
        InputError: If shapes, devices or dtypes do not fit, or a delta is NaN.
    """
    LAMBDA.check(lambda_, NAME)
    SEED.check(seed, NAME)
    weights = [expert.weight for expert in experts]
    factors = coefficients(weights, lambda_=lambda_, normalize=normalize)
    terms = []
    for expert, factor in zip(experts, factors, strict=True):
        if rescale:
            factor /= _divisor(expert)
        vector = TaskVector(base, expert.tensor, tensor_name, expert.model, base_model)
        key = mask_key(seed, expert.model, tensor_name)
        mask = _dropping(key, expert.density) if expert.density < 1 else None
        terms.append(Term(vector, factor, mask))
    return add_terms(base, terms, chunk)


def _divisor(expert: DroppedExpert) -> float:
    if expert.density == 0:
        raise RecipeError(
            f"{NAME}, {expert.model!r}: a density of 0 keeps nothing that could be"
            " rescaled; set rescale to false, or leave the model out."
        )
    return expert.density


def _dropping(key: int, density: float) -> Mask:
    def keep(start: int, delta: torch.Tensor) -> torch.Tensor:
        return keep_mask(key, start, start + len(delta), density, delta.device)

    return keep
