r"""How much each column of a matrix has changed in a model, beside the other models.

The first pass of WIDEN; the second is ``column_merge``. Of column :math:`j` of model
:math:`i`, in float64: the change of its norm :math:`|m_j(\theta_i) - m_j(\theta_0)|`
and of its direction :math:`1 - \cos`. Of each, the rank within the model over
:math:`n`, ascending and stable, from 0; of these ranks the softmax over the models, but
1 where a rank lies above ``t`` times the mean of its model. The score is the mean of
the two. A vector has the softmax of :math:`|\theta_i - \theta_0|` itself.

The order of operations is part of the contract, so that devices agree bit for bit:
products of float32 are exact in float64; they are summed in runs of ``RUN`` rows, one
after the other from 0, and so are the sums of the runs. Where both norms are 0 a column
has its old direction, where one is, another. All else is done on the CPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.util import find_spec

import numpy as np
import torch

from mergekit_ext.errors import InputError
from mergekit_ext.kernels.backends import WORTH_COMPILING
from mergekit_ext.kernels.tensors import chunks, not_a_number
from mergekit_ext.kernels.terms import Merge


RUN = 256
# elements at a time, where columns are rows
_BLOCK = 1 << 22
# base, experts, whether rows are meant -> float64 sums for each column: of the squares
# of the base, of those of each expert, of the products of each expert and the base
Sums = Callable[[torch.Tensor, Sequence[torch.Tensor], bool], torch.Tensor]


@torch.no_grad()
def column_scores(
    what: Merge, t: float, *, of_rows: bool = False, sums: Sums | None = None
) -> np.ndarray:
    """Return the score of each column in each model, float64: models by columns.

    Args:
        what: A merge with a base, of matrices or of vectors.
        t: How far above the mean of a model a change counts wholly.
        of_rows: Whether rows are meant where columns are spoken of.
        sums: Who sums; it changes no bit.

    Raises:
        InputError: If an input holds NaN or an infinity.
    """
    base, *experts = (one.tensor for one in what.inputs)
    if base.dim() == 1:
        return _vector_scores(what, t)
    sums = sums or _fastest(what)
    start, *rest = sums(base, experts, of_rows).cpu().numpy()
    norms, products = rest[: len(experts)], rest[len(experts) :]
    _check_finite(what, start, *norms)
    lengths = [np.abs(np.sqrt(one) - np.sqrt(start)) for one in norms]
    turns = [_turn(*pair, start) for pair in zip(products, norms, strict=True)]
    scores: np.ndarray = (_ranked_scores(lengths, t) + _ranked_scores(turns, t)) / 2
    return scores


def torch_sums(
    base: torch.Tensor, experts: Sequence[torch.Tensor], of_rows: bool
) -> torch.Tensor:
    """Return the sums of ``Sums``, each in runs of rows."""
    if not of_rows:
        return _summed(base, experts)
    step = max(1, _BLOCK // max(1, base.shape[1]))
    parts = [
        _summed(base[start:stop].t(), [one[start:stop].t() for one in experts])
        for start, stop in chunks(0, len(base), step)
    ]
    return torch.cat(parts, 1)


def _summed(base: torch.Tensor, experts: Sequence[torch.Tensor]) -> torch.Tensor:
    rows, columns = base.shape
    shape = 1 + 2 * len(experts), -(-rows // RUN), columns
    total = torch.zeros(shape, dtype=torch.float64, device=base.device)
    for row in range(min(RUN, rows)):
        start, *others = (one[row::RUN].to(torch.float64) for one in (base, *experts))
        squares = [one.square() for one in (start, *others)]
        for into, found in zip(
            total, [*squares, *(one * start for one in others)], strict=True
        ):
            into[: len(found)] += found
    found = torch.zeros(len(total), columns, dtype=torch.float64, device=base.device)
    for run in total.unbind(1):
        found += run
    return found


def can_compile(what: Merge) -> bool:
    """Whether compiled loops can do a merge's columns, and are worth loading."""
    if what.like.device.type != "cpu" or what.like.numel() < WORTH_COMPILING:
        return False
    if not find_spec("numba"):
        return False
    from mergekit_ext.kernels.compiled import numba_columns

    return numba_columns.supports(what)


def _fastest(what: Merge) -> Sums:
    if not can_compile(what):
        return torch_sums
    from mergekit_ext.kernels.compiled import numba_columns

    return numba_columns.sums


def _check_finite(what: Merge, *sums: np.ndarray) -> None:
    if not all(bool(np.isfinite(one).all()) for one in sums):
        raise InputError(not_a_number(what.name, what.inputs))


def _turn(product: np.ndarray, norm: np.ndarray, other: np.ndarray) -> np.ndarray:
    # the root of a square is exact: what has not turned has a cosine of 1
    length = np.sqrt(norm * other)
    none = (norm == other).astype(np.float64)
    cosine = np.divide(product, length, out=none, where=length > 0)
    turn: np.ndarray = 1 - cosine
    return turn


def _ranked_scores(changes: list[np.ndarray], t: float) -> np.ndarray:
    count = len(changes[0])
    ranks = np.empty((len(changes), count), np.int64)
    for row, change in zip(ranks, changes, strict=True):
        row[np.argsort(change, kind="stable")] = np.arange(count)
    mean = (count - 1) / 2 / count
    return _softmax(_exponentials(count)[ranks], ranks / count > t * mean)


def _vector_scores(what: Merge, t: float) -> np.ndarray:
    dtype = what.work_dtype
    base, *experts = (one.tensor.detach().to(dtype) for one in what.inputs)
    changes = [(one - base).abs().double().cpu().numpy() for one in experts]
    _check_finite(what, *changes)
    above = [one > t * (math.fsum(one.tolist()) / max(1, len(one))) for one in changes]
    # a power of e beyond what float64 holds would be of a change that no model has
    powers = [[math.exp(min(x, 700.0)) for x in one.tolist()] for one in changes]
    return _softmax(np.array(powers), np.array(above))


def _softmax(powers: np.ndarray, certain: np.ndarray) -> np.ndarray:
    total = np.zeros(powers.shape[1])
    for row in powers:  # in the order of the models
        total = total + row
    return np.where(certain, 1.0, powers / total)


@lru_cache(maxsize=8)
def _exponentials(count: int) -> np.ndarray:
    return np.array([math.exp(rank / count) for rank in range(count)])
