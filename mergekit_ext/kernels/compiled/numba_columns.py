"""The passes of ``column_scores`` and ``column_merge`` as compiled loops, for CPUs."""

# mypy: disable-error-code="no-untyped-call, no-untyped-def"
from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch

from mergekit_ext.kernels.column_scores import RUN
from mergekit_ext.kernels.compiled.numba_floats import CODECS, f32, jit
from mergekit_ext.kernels.tensors import Span, chunks, each, spans
from mergekit_ext.kernels.terms import Merge


# columns whose sums stay in the cache
TILE = 512
_BITS = {torch.bfloat16: torch.uint16, torch.float16: torch.uint16}


def supports(what: Merge) -> bool:
    """Whether the loops can do a merge: one dtype of theirs, nothing strided."""
    tensors = [one.tensor for one in what.inputs]
    return what.like.dtype in CODECS and all(
        one.is_contiguous() and one.dtype == what.like.dtype for one in tensors
    )


def sums(
    base: torch.Tensor, experts: Sequence[torch.Tensor], of_rows: bool
) -> torch.Tensor:
    """Return what ``column_scores.torch_sums`` does, in one pass over the matrices."""
    start, others = _view(base), tuple(map(_view, experts))
    by_columns, by_rows, _ = _loops(base.dtype)
    count = len(spans(base.numel(), torch.get_num_threads()))
    kinds = 1 + 2 * len(others)
    if of_rows:
        found = np.empty((kinds, len(start)))

        def sum_rows(index: int, span: Span) -> None:
            part = slice(*span)
            mine = tuple(one[part] for one in others)
            by_rows(start[part], mine, found[:, part])

        each(_row_spans(base), sum_rows)
        return torch.from_numpy(found)
    runs = list(enumerate(chunks(0, len(start), RUN)))
    partial = np.zeros((len(runs), kinds, start.shape[1]))

    def sum_columns(index: int, span: Span) -> None:
        for run, rows in runs[span[0] :: span[1]]:
            part = slice(*rows)
            by_columns(start[part], tuple(one[part] for one in others), partial[run])

    each([(k, count) for k in range(count)], sum_columns)
    total = np.zeros(partial.shape[1:])
    for one in partial:
        total += one
    return torch.from_numpy(total)


def merge(
    what: Merge, factors: np.ndarray, result: torch.Tensor, of_rows: bool
) -> bool:
    """Write what ``column_merge`` says; return whether there is NaN."""
    out, base, *experts = (
        _view(one) for one in (result, *(each.tensor for each in what.inputs))
    )
    columns, loop = factors.astype(np.float32), _loops(result.dtype)[2]

    def work(index: int, span: Span) -> bool:
        part = slice(*span)
        mine = columns[:, part] if of_rows else columns
        parts = tuple(one[part] for one in experts)
        return bool(loop(base[part], parts, mine, of_rows, out[part]))

    return any(each(_row_spans(result), work))


def _row_spans(tensor: torch.Tensor) -> list[Span]:
    width = max(1, tensor.shape[-1])
    count = len(spans(tensor.numel(), torch.get_num_threads()))
    rows = tensor.numel() // width
    return list(chunks(0, rows, -(-rows // count))) if rows else [(0, 0)]


def _view(tensor: torch.Tensor) -> np.ndarray:
    rows = tensor.detach().view(-1, tensor.shape[-1])
    return rows.view(_BITS.get(tensor.dtype, tensor.dtype)).numpy()


@cache
def _loops(dtype: torch.dtype) -> tuple[Any, Any, Any]:
    read, write = CODECS[dtype]

    @jit
    def by_columns(base, experts, into):
        width, count = into.shape[1], len(experts)
        for left in range(0, width, TILE):
            right = min(left + TILE, width)
            for row in range(base.shape[0]):
                b, total = base[row, left:right], into[0, left:right]
                for j in range(b.size):
                    y = np.float64(read(b[j]))
                    total[j] += y * y
                for k in range(count):
                    x = experts[k][row, left:right]
                    norm = into[1 + k, left:right]
                    product = into[1 + count + k, left:right]
                    for j in range(b.size):
                        one, y = np.float64(read(x[j])), np.float64(read(b[j]))
                        norm[j] += one * one
                        product[j] += one * y

    @jit
    def by_rows(base, experts, into):
        count = len(experts)
        for row in range(base.shape[0]):
            b = base[row]
            into[:, row] = 0.0
            for start in range(0, b.size, RUN):
                stop = min(start + RUN, b.size)
                part = 0.0
                for j in range(start, stop):
                    y = np.float64(read(b[j]))
                    part += y * y
                into[0, row] += part
                for k in range(count):
                    x, norm, product = experts[k][row], 0.0, 0.0
                    for j in range(start, stop):
                        one, y = np.float64(read(x[j])), np.float64(read(b[j]))
                        norm += one * one
                        product += one * y
                    into[1 + k, row] += norm
                    into[1 + count + k, row] += product

    @jit
    def merge_rows(base, experts, factors, of_rows, out):
        nan = False
        total = np.empty(out.shape[1], f32)
        for row in range(out.shape[0]):
            b = base[row]
            total[:] = f32(0)
            for k in range(len(experts)):
                x, factor = experts[k][row], factors[k]
                if of_rows:
                    one = factor[row]
                    for j in range(total.size):
                        total[j] += (read(x[j]) - read(b[j])) * one
                else:
                    for j in range(total.size):
                        total[j] += (read(x[j]) - read(b[j])) * factor[j]
            for j in range(total.size):
                value = read(b[j]) + total[j]
                nan |= value != value
                out[row, j] = write(value)
        return nan

    return by_columns, by_rows, merge_rows
