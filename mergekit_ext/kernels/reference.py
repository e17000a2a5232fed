"""The ground truth: the same results, short and obvious, with a sort and a loop."""

from __future__ import annotations

import math

import torch

from mergekit_ext.kernels.tensors import Input, work_dtype
from mergekit_ext.kernels.terms import Band, Dropout, Merge, Term


def merge(what: Merge) -> torch.Tensor:
    """Return the merged tensor, computed as ``terms`` says, on full-size tensors."""
    what = what.with_scales([ratio(what, term) for term in what.terms])
    dtype = what.work_dtype
    rows = [
        torch.where(keep_mask(what, term), delta(what, term.expert) * factor, 0.0)
        for term, factor in zip(
            what.terms, _rounded(what.coefficients, dtype), strict=True
        )
    ]
    total = sum_of_rows(
        torch.zeros(what.like.shape, dtype=dtype),
        rows,
        [term.weight for term in what.terms],
        elect=what.elect,
        normalize=what.normalize,
        factor=what.factor,
    )
    if what.base is not None:
        total = what.base.tensor.to(dtype) + total
    return total.to(what.like.dtype)


def delta(what: Merge, expert: Input) -> torch.Tensor:
    """Return expert minus base in the work dtype; the expert where there is no base."""
    tensor = expert.tensor.to(what.work_dtype)
    return tensor if what.base is None else tensor - what.base.tensor.to(tensor.dtype)


def keep_mask(what: Merge, term: Term) -> torch.Tensor:
    """Return the boolean mask of a term, in the shape of its tensor."""
    difference = delta(what, term.expert)
    if isinstance(term.keep, Band):
        return band_mask(difference, term.keep)
    if isinstance(term.keep, Dropout):
        return dropout_mask(term.keep, difference.numel()).reshape(difference.shape)
    return torch.ones(difference.shape, dtype=torch.bool)


def band_mask(difference: torch.Tensor, band: Band) -> torch.Tensor:
    """Return what a band keeps, by a stable ascending sort of the magnitudes."""
    magnitudes = difference.abs().float().reshape(-1)
    order = torch.sort(magnitudes, stable=True).indices
    mask = torch.zeros(magnitudes.shape, dtype=torch.bool)
    mask[order[band.first : band.last]] = True
    return mask.reshape(difference.shape)


def dropout_mask(dropout: Dropout, size: int) -> torch.Tensor:
    """Return what a dropout keeps of ``size`` elements, one word after the other."""
    words = [philox(dropout.key, index // 4)[index % 4] for index in range(size)]
    return torch.tensor([word < dropout.below for word in words]).bool()


def sum_of_rows(
    start: torch.Tensor,
    rows: list[torch.Tensor],
    weights: list[float],
    *,
    elect: bool,
    normalize: bool,
    factor: float,
) -> torch.Tensor:
    """Return the sum of weighted task vectors, added one after the other.

    Args:
        start: What they are added to: zeros.
        rows: The task vectors, each multiplied by its factor of ``row_factors``.
        weights: What counts in the divisor of an election.
        elect: Elect the sign of the sum for each element, and add only what has it.
        normalize: Divide what was elected by the sum of its weights.
        factor: What is elected is multiplied by it.
    """
    total = start
    for row in rows:
        total = total + row
    if not elect:
        return total
    rounded = _rounded(weights, start.dtype)
    total = elected(rows, rounded, total, normalize=normalize)
    return total if factor == 1 else total * _rounded([factor], start.dtype)[0]


def elected(
    rows: list[torch.Tensor],
    weights: list[torch.Tensor],
    total: torch.Tensor,
    *,
    normalize: bool,
) -> torch.Tensor:
    """Return the sum of the rows that have the sign of ``total``, or their mean."""
    mixed, divisor = torch.zeros_like(total), torch.zeros_like(total)
    for row, weight in zip(rows, weights, strict=True):
        agrees = torch.where(total >= 0, row > 0, row < 0)
        mixed = mixed + torch.where(agrees, row, 0.0)
        divisor = divisor + torch.where(agrees, weight, 0.0)
    return mixed / torch.where(divisor == 0, 1.0, divisor) if normalize else mixed


def nearswap(base: torch.Tensor, other: torch.Tensor, t: float) -> torch.Tensor:
    """Return mergekit's nearswap in float32 (float64 if an input is)."""
    dtype = work_dtype([base, other])
    one, two = base.to(dtype), other.to(dtype)
    # a number divided by a tensor would be rounded twice, as a reciprocal and a product
    distance = (one - two).abs().clamp(min=1e-6)
    share = (torch.full_like(distance, t) / distance).clamp(min=0, max=1)
    return (share * two + (1 - share) * one).to(base.dtype)


def philox(key: int, counter: int) -> tuple[int, int, int, int]:
    """Return one block of Philox4x32-10 for a 128-bit counter and a 64-bit key."""
    low = 0xFFFFFFFF
    a, b, c, d = (counter >> shift & low for shift in (0, 32, 64, 96))
    keys = [key & low, key >> 32]
    for _ in range(10):
        left, right = a * 0xD2511F53, c * 0xCD9E8D57
        a, b, c, d = (
            right >> 32 ^ b ^ keys[0],
            right & low,
            left >> 32 ^ d ^ keys[1],
            left & low,
        )
        keys = [keys[0] + 0x9E3779B9 & low, keys[1] + 0xBB67AE85 & low]
    return a, b, c, d


def ratio(what: Merge, term: Term) -> float:
    """Return the ratio of the L1 norms before and after keeping, exactly rounded."""
    if not term.rescale:
        return 1.0
    magnitudes = delta(what, term.expert).abs().float()
    kept = torch.where(keep_mask(what, term), magnitudes, 0.0)
    before, after = (math.fsum(t.reshape(-1).tolist()) for t in (magnitudes, kept))
    if min(before, after) < 1e-7 or math.isinf(before):
        return 1.0
    return before / after


def _rounded(values: list[float], dtype: torch.dtype) -> list[torch.Tensor]:
    return [torch.tensor(value, dtype=dtype) for value in values]
