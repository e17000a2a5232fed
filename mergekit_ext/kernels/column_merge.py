"""A sum of task vectors whose columns are multiplied by factors of their own.

As ``terms`` has it: ``row_k = delta * c_kj``, with the factors rounded to the work
dtype once; ``total = ((0 + row_0) + row_1) + …``; ``base + total``, rounded to the
dtype of the result.
"""

from __future__ import annotations

import numpy as np
import torch

from mergekit_ext.errors import InputError
from mergekit_ext.kernels.column_scores import can_compile
from mergekit_ext.kernels.tensors import chunks, new_result, not_a_number
from mergekit_ext.kernels.terms import Merge


# elements at a time
_BLOCK = 1 << 18


@torch.no_grad()
def merge_columns(
    what: Merge,
    factors: np.ndarray,
    *,
    of_rows: bool = False,
    compiled: bool | None = None,
) -> torch.Tensor:
    """Return base + Σ factor · (expert − base), for tensors of at least one dimension.

    Args:
        what: The base and the experts; their weights are not looked at.
        factors: For each expert, one for each place in the last dimension.
        of_rows: Whether factors are of rows, of a matrix.
        compiled: Whether compiled loops do it where they can; by default where that is
            worth it. It changes no bit.

    Raises:
        InputError: If an input holds NaN, or infinities meet so that the result would.
    """
    result = new_result(what.name, what.inputs)
    if can_compile(what) if compiled is None else compiled:
        from mergekit_ext.kernels.compiled import numba_columns

        bad = numba_columns.merge(what, factors, result, of_rows)
    else:
        bad = _merge(what, factors, result, of_rows)
    if bad:
        raise InputError(not_a_number(what.name, what.inputs))
    return result


def _merge(
    what: Merge, factors: np.ndarray, result: torch.Tensor, of_rows: bool
) -> bool:
    dtype, bad = what.work_dtype, False
    columns = torch.from_numpy(factors).to(result.device, dtype)
    out, base, *experts = (
        one.detach().reshape(-1, one.shape[-1])
        for one in (result, *(each.tensor for each in what.inputs))
    )
    step = max(1, _BLOCK // max(1, out.shape[1]))
    for start, stop in chunks(0, len(out), step):
        origin = base[start:stop].to(dtype)
        total = torch.zeros_like(origin)
        for expert, factor in zip(experts, columns, strict=True):
            if of_rows:
                factor = factor[start:stop].unsqueeze(1)
            total += (expert[start:stop].to(dtype) - origin) * factor
        total += origin
        bad |= bool(total.isnan().any())
        out[start:stop] = total
    return bad
