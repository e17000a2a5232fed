"""The ground truth: the same results, short and obvious, with a sort and a loop."""

from __future__ import annotations

import math

import torch

from mergekit_ext.kernels.tensors import Input, work_dtype
from mergekit_ext.kernels.terms import Band, Dropout, Merge, RankDropout, Term


def merge(what: Merge) -> torch.Tensor:
    """Return the merged tensor, computed as ``terms`` says, on full-size tensors."""
    what = what.with_scales([ratio(what, term) for term in what.terms])
    dtype = what.work_dtype
    rows = [
        torch.where(
            keep_mask(what, term),
            delta(what, term.expert) * _factor(what, term, coefficient),
            0.0,
        )
        for term, coefficient in zip(what.terms, what.coefficients, strict=True)
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
    if isinstance(term.keep, RankDropout):
        return rank_mask(term.keep, difference)
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
    kept = [word < dropout.below for word in _words(dropout.key, size)]
    return torch.tensor(kept).bool()


def rank_mask(dropout: RankDropout, difference: torch.Tensor) -> torch.Tensor:
    """Return what a dropout by rank keeps, one word and one rank after the other."""
    words, ranks = (
        _words(dropout.key, difference.numel()),
        row_ranks(difference, dropout.row),
    )
    kept = [
        word < math.floor(_probability(dropout, rank) * 2**32)
        for word, rank in zip(words, ranks, strict=True)
    ]
    return torch.tensor(kept).bool().reshape(difference.shape)


def row_ranks(difference: torch.Tensor, row: int) -> list[int]:
    """Return each element's place in its row, ascending by (magnitude, index)."""
    magnitudes = difference.abs().float().reshape(-1).tolist()
    ranks = [0] * len(magnitudes)
    for start in range(0, len(magnitudes), row):
        span = range(start, start + row)
        for rank, index in enumerate(sorted(span, key=magnitudes.__getitem__)):
            ranks[index] = rank
    return ranks


def _words(key: int, size: int) -> list[int]:
    return [philox(key, index // 4)[index % 4] for index in range(size)]


def _probability(dropout: RankDropout, rank: int) -> float:
    if dropout.row == 1:
        return dropout.density
    share = rank / (dropout.row - 1)
    return (dropout.density - dropout.epsilon) + share * (2 * dropout.epsilon)


def _factor(what: Merge, term: Term, coefficient: float) -> torch.Tensor:
    """Return what a delta is multiplied by, rounded once: a number, or one each."""
    if not (isinstance(term.keep, RankDropout) and term.keep.rescale):
        return torch.tensor(coefficient, dtype=what.work_dtype)
    difference = delta(what, term.expert)
    values = [
        coefficient / _probability(term.keep, rank)
        for rank in row_ranks(difference, term.keep.row)
    ]
    return torch.tensor(values, dtype=what.work_dtype).reshape(difference.shape)


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


def widen_scores(
    base: torch.Tensor, experts: list[torch.Tensor], t: float
) -> list[list[float]]:
    """Return WIDEN's score of each column of matrices, or of each place in vectors."""
    if base.dim() == 1:
        dtype = work_dtype([base, *experts])
        changes = [(one.to(dtype) - base.to(dtype)).abs().tolist() for one in experts]
        return _importance(changes, [math.fsum(c) / len(c) for c in changes], t)
    lengths, turns = [], []
    start = base.double().t().tolist()
    for expert in experts:
        columns = expert.double().t().tolist()
        norms = [(_dot(x, x), _dot(y, y)) for x, y in zip(columns, start, strict=True)]
        lengths.append([abs(math.sqrt(x) - math.sqrt(y)) for x, y in norms])
        turns.append([
            1 - (_dot(x, y) / math.sqrt(xx * yy) if xx * yy else float(xx == yy))
            for x, y, (xx, yy) in zip(columns, start, norms, strict=True)
        ])  # fmt: skip
    count = len(start)
    mean = [(count - 1) / 2 / count] * len(experts)
    scores = [
        _importance([_ranks(one) for one in changes], mean, t)
        for changes in (lengths, turns)
    ]
    return [
        [(a + b) / 2 for a, b in zip(*rows, strict=True)]
        for rows in zip(*scores, strict=True)
    ]


def _dot(one: list[float], other: list[float]) -> float:
    products = [x * y for x, y in zip(one, other, strict=True)]
    runs = [_in_order(products[at : at + 256]) for at in range(0, len(products), 256)]
    return _in_order(runs)


def _in_order(numbers: list[float]) -> float:
    total = 0.0
    for number in numbers:
        total += number
    return total


def _ranks(changes: list[float]) -> list[float]:
    order = sorted(range(len(changes)), key=changes.__getitem__)
    ranks = [0.0] * len(changes)
    for rank, index in enumerate(order):
        ranks[index] = rank / len(changes)
    return ranks


def _importance(
    changes: list[list[float]], means: list[float], t: float
) -> list[list[float]]:
    """Return the softmax over the models, and 1 for what is above a model's mean."""
    totals = [_in_order([math.exp(x) for x in column])
              for column in zip(*changes, strict=True)]  # fmt: skip
    return [
        [1.0 if x > t * mean else math.exp(x) / total
         for x, total in zip(row, totals, strict=True)]
        for row, mean in zip(changes, means, strict=True)
    ]  # fmt: skip


def null_space(
    base: torch.Tensor,
    experts: list[torch.Tensor],
    factors: list[float],
    energy: float,
    side: str,
) -> torch.Tensor:
    """Return base + task vectors, all but the first projected, in float64."""
    dtype = work_dtype([base, *experts])
    deltas = [(one.to(dtype) - base.to(dtype)).double() for one in experts]
    left, values, right = torch.linalg.svd(deltas[0])
    squares = values.square().tolist()
    # the least number that holds the share, and all that are not 0 for all of it
    count = next(n for n in range(len(squares) + 1)
                 if sum(squares[:n]) >= energy * sum(squares))  # fmt: skip
    if energy == 1:
        count = int(torch.linalg.matrix_rank(deltas[0]))
    reads = torch.eye(len(right)).double() - right[:count].mT @ right[:count]
    writes = torch.eye(len(left)).double() - left[:, :count] @ left[:, :count].mT
    total = base.double() + factors[0] * deltas[0]
    for delta, factor in zip(deltas[1:], factors[1:], strict=True):
        rest = delta if side == "left" else delta @ reads
        rest = rest if side == "right" else writes @ rest
        total = total + factor * rest
    return total


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
