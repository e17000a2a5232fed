r"""The leading singular vectors of a task matrix, and what is left beside them.

Of :math:`\tau = U S V^\top`, those :math:`n` count that hold the share :math:`e` of the
energy, :math:`\sum_{k \le n} s_k^2 \ge e \lVert \tau \rVert_F^2`, and no fewer would.

Up to ``EXACT`` rows or columns that is LAPACK's decomposition in float64. Beyond, it is
a subspace that powers of :math:`\tau` have found (Halko, Martinsson, Tropp: "Finding
Structure with Randomness", SIAM Review 53(2), 2011), as large as it must be. Its
singular values are at most the true ones, so what it counts is there: the energy that
its :math:`n` vectors hold is at least :math:`e` too, but :math:`n` may be larger than
the least. ``torch.svd_lowrank`` would draw from the global generator; here the first
directions are signs of a Philox stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from mergekit_ext.kernels.philox import words


# of the shorter side; a larger matrix would take minutes
EXACT = 512
_KEY = 0x5E7D
_POWERS = 2
# the first subspace has this share of the shorter side; each next one is twice as large
_SHARE = 16


@dataclass(frozen=True)
class SingularVectors:
    """The leading singular vectors of a matrix, all of them or some.

    Args:
        values: Singular values, descending.
        left: A column for each.
        right: A column for each.
        whole: Whether there are no more.
        energy: The square of the matrix's Frobenius norm.
    """

    values: torch.Tensor
    left: torch.Tensor
    right: torch.Tensor
    whole: bool
    energy: float

    def count(self, share: float) -> int | None:
        """Return how many hold a share of the energy; ``None`` if all are too few.

        A share of 1 takes all that are not 0 up to rounding.
        """
        values = self.values.double()
        if share >= 1:
            if not self.whole:
                return None
            longer = max(len(self.left), len(self.right))
            least = torch.finfo(self.values.dtype).eps * longer
            return int((values > least * values[:1]).count_nonzero())
        reached = values.square().cumsum(0)
        total = float(reached[-1]) if self.whole and len(reached) else self.energy
        found = int((reached < share * total).count_nonzero()) + (share * total > 0)
        return found if found <= len(values) else None


# the number of vectors, ``None`` for all -> the decomposition, made or found
Keep = Callable[[int | None, Callable[[], SingularVectors]], SingularVectors]


def leading_vectors(
    matrix: torch.Tensor, share: float, keep: Keep
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the left and right singular vectors that hold a share of the energy.

    Args:
        matrix: Finite, float32 or float64.
        share: From 0 to 1.
        keep: Given how many vectors are made and what makes them, returns them.
    """
    for size in _sizes(min(matrix.shape) if share < 1 else 0):
        found = keep(size, lambda size=size: decomposed(matrix, size))  # type: ignore[misc]
        if (count := found.count(share)) is not None:
            return found.left[:, :count], found.right[:, :count]
    raise AssertionError("all vectors hold all of the energy")


def decomposed(matrix: torch.Tensor, size: int | None) -> SingularVectors:
    """Return ``size`` singular vectors, or all for ``None``; always the same ones."""
    if size is None:
        if min(matrix.shape) <= EXACT:
            matrix = matrix.double()
        left, values, right = torch.linalg.svd(matrix, full_matrices=False)
        return SingularVectors(values, left, right.mH, True, _energy(matrix))
    signs = words(_KEY, 0, matrix.shape[1] * size, matrix.device).bitwise_and_(1)
    start = signs.mul_(2).sub_(1).to(matrix.dtype).view(matrix.shape[1], size)
    range_of = torch.linalg.qr(matrix @ start).Q
    for _ in range(_POWERS):
        range_of = torch.linalg.qr(matrix.mH @ range_of).Q
        range_of = torch.linalg.qr(matrix @ range_of).Q
    left, values, right = torch.linalg.svd(range_of.mH @ matrix, full_matrices=False)
    return SingularVectors(values, range_of @ left, right.mH, False, _energy(matrix))


def without(
    matrix: torch.Tensor, left: torch.Tensor | None, right: torch.Tensor | None
) -> torch.Tensor:
    """Return a matrix less what lies in the span of columns, in the wider dtype.

    Args:
        matrix: Any; it is not changed.
        left: Orthonormal columns as long as a column of the matrix; ``None`` for none.
        right: The same, as long as a row.
    """
    given = [one for one in (left, right) if one is not None]
    dtype = max([matrix, *given], key=lambda one: one.element_size()).dtype
    left, right = (None if one is None else one.to(dtype) for one in (left, right))
    rest = matrix.to(dtype)
    if right is not None:
        rest = rest - (rest @ right) @ right.mH
    if left is not None:
        rest = rest - left @ (left.mH @ rest)
    return rest


def _sizes(shorter: int) -> Iterator[int | None]:
    if shorter > EXACT:
        size = shorter // _SHARE
        while size <= shorter // 2:
            yield size
            size *= 2
    yield None


def _energy(matrix: torch.Tensor) -> float:
    return float(torch.linalg.vector_norm(matrix, dtype=torch.float64).square())
