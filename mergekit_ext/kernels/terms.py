r"""What a merge of one tensor is, as data: every backend carries out the same.

.. math::

    \theta = \theta_0 + \sum_k c_k\, m_k \odot (\theta_k - \theta_0)

where :math:`m_k` is what a ``Band``, a ``Dropout`` or a ``RankDropout`` keeps. With
``elect`` the sign of that sum is elected for each element, and of the terms only those
count that have it.

The order of operations is part of the contract, so that backends agree bit for bit; all
of it in float32 (float64 if an input is), nothing fused, each line rounded:

1. ``delta = expert - base`` (``expert`` where there is no base);
2. ``row_k = delta * c_k`` where kept, else 0; ``c_k`` is rounded to the dtype once,
   after a ``RankDropout`` has divided it by the probability of the element's rank;
3. ``total = ((0 + row_0) + row_1) + …``;
4. with ``elect``: ``mixed`` is the sum, in the same order, of the rows above 0 where
   ``total >= 0``, else of those below 0. With ``normalize`` it is divided by the sum,
   in the same order, of the ``weight`` of those rows (by 1 if that is 0), then
   multiplied by ``factor`` unless that is 1; ``total = mixed``;
5. ``base + total``, rounded to the dtype of the result.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from mergekit_ext.kernels.tensors import Input, check_tensors, work_dtype


@dataclass(frozen=True)
class Band:
    """Keep the elements of rank ``first`` to ``last`` (exclusive) by magnitude.

    Ranks ascend by (magnitude of the delta in float32, index), as a stable sort does.
    """

    first: int
    last: int


@dataclass(frozen=True)
class Dropout:
    """Keep element ``i`` where word ``i`` of the Philox stream is below a threshold.

    Args:
        key: 64 bits.
        below: 0 to 2**32; the density times 2**32.
    """

    key: int
    below: int


@dataclass(frozen=True)
class RankDropout:
    """A dropout whose probabilities rise with the rank of a magnitude in its row.

    Of a row of n elements, that of rank r (from 0, ascending by magnitude of the delta
    in float32, then index) is kept with probability ``density - epsilon + r / (n - 1) *
    2 * epsilon``, and a lone one with ``density``: where its word of the Philox stream
    is below 2**32 times that, rounded down.

    Args:
        key: 64 bits.
        row: How many consecutive elements are ranked together.
        density: The mean probability.
        epsilon: How far the lowest and the highest are from it; they lie above 0 and
            below 1.
        rescale: Divide what is kept by its probability.
    """

    key: int
    row: int
    density: float
    epsilon: float
    rescale: bool = False

    @property
    def probabilities(self) -> np.ndarray:
        """The probability of each rank, float64."""
        if self.row == 1:
            return np.array([self.density])
        share = np.arange(self.row) / (self.row - 1)
        return (self.density - self.epsilon) + share * (2 * self.epsilon)

    @property
    def below(self) -> np.ndarray:
        """For each rank, what a word must lie below to keep the element; int64."""
        return (self.probabilities * 2**32).astype(np.int64)

    def factors(self, coefficient: float) -> np.ndarray:
        """Return what a delta of each rank is multiplied by, float64."""
        if self.rescale:
            return coefficient / self.probabilities
        return np.full(self.row, coefficient)


@dataclass(frozen=True)
class Term:
    """An expert and how it enters the sum.

    Args:
        expert: Its tensor.
        weight: Finite. It is what counts in the divisor of a normalized election.
        keep: What is kept of its task vector; ``None`` keeps everything.
        scale: A factor of the task vector that is no part of the divisor.
        rescale: Multiply by the ratio of the L1 norms before and after keeping.
    """

    expert: Input
    weight: float
    keep: Band | Dropout | RankDropout | None = None
    scale: float = 1.0
    rescale: bool = False


@dataclass(frozen=True)
class Merge:
    """A merge of one tensor.

    Args:
        name: The tensor's name, for error messages.
        base: The base model's tensor; without one the experts themselves are summed.
        terms: What is added, in this order.
        elect: Elect a sign for each element (TIES).
        normalize: Divide the sum by the sum of the weights: without ``elect`` by that
            of all terms (by 1 if they cancel to below 1e-8, as mergekit does), with it
            by that of the terms that have the sign.
        factor: λ, a factor of the whole sum.

    Raises:
        InputError: If the tensors do not fit each other.
    """

    name: str
    base: Input | None
    terms: tuple[Term, ...]
    elect: bool = False
    normalize: bool = False
    factor: float = 1.0

    def __post_init__(self) -> None:
        check_tensors(self.name, self.inputs)

    @property
    def inputs(self) -> list[Input]:
        """The base, if there is one, and the experts in order."""
        base = [] if self.base is None else [self.base]
        return [*base, *(term.expert for term in self.terms)]

    @property
    def like(self) -> torch.Tensor:
        """The tensor whose shape, dtype and device the result has."""
        return self.inputs[0].tensor

    @property
    def work_dtype(self) -> torch.dtype:
        """The dtype of deltas and sums."""
        return work_dtype([one.tensor for one in self.inputs])

    @property
    def coefficients(self) -> list[float]:
        """What each row is multiplied by; see ``row_factors``."""
        return row_factors(
            [term.weight for term in self.terms],
            [term.scale for term in self.terms],
            elect=self.elect,
            normalize=self.normalize,
            factor=self.factor,
        )

    def with_scales(self, scales: list[float]) -> Merge:
        """Return the same merge, each term multiplied by one more factor."""
        terms = zip(self.terms, scales, strict=True)
        scaled = (replace(t, scale=t.scale * s, rescale=False) for t, s in terms)
        return replace(self, terms=tuple(scaled))


def row_factors(
    weights: Sequence[float],
    scales: Sequence[float],
    *,
    elect: bool,
    normalize: bool,
    factor: float,
) -> list[float]:
    """Return what each task vector is multiplied by, before rounding.

    Args:
        weights: Each one's weight.
        scales: What else each is multiplied by; it does not count in the divisor.
        elect: Whether a sign is elected; then the sum is divided and multiplied after
            that, and not here.
        normalize: Divide by the sum of the weights (by 1 if they cancel).
        factor: λ, a factor of the whole sum.
    """
    scaled = [weight * scale for weight, scale in zip(weights, scales, strict=True)]
    if elect:
        return scaled
    divisor = math.fsum(weights) if normalize else 1.0
    if abs(divisor) < 1e-8:
        divisor = 1.0
    return [one * (factor / divisor) for one in scaled]
