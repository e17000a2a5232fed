"""The merge of one tensor through mergekit's own entry, by its methods and by ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest import mock

import mergekit.sparsify
import torch
from merge_backends import forced
from merge_cases import TENSOR, Case, model_names
from mergekit.merge_methods import merge_tensors

from mergekit_ext.kernels.backends import Backend
from mergekit_ext.kernels.philox import keep_mask, mask_key, threshold
from mergekit_ext.register import register_all


register_all()


def stock(case: Case, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """Merge as mergekit does."""
    return _merge(case, case.name, tensors)


def ours(case: Case, tensors: Sequence[torch.Tensor], backend: Backend) -> torch.Tensor:
    """Merge as we do, by a backend."""
    with forced(backend):
        return _merge(case, case.ours, tensors)


def stock_with_our_masks(case: Case, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """Merge as mergekit does, but for what is drawn: that is what we draw."""
    if not case.random:
        return stock(case, tensors)
    with _our_masks(model_names(len(tensors))[1:]):
        return stock(case, tensors)


def _merge(case: Case, method: str, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    taken = case.taken(tensors)
    return merge_tensors(
        taken,
        method,
        parameters={**case.shared, **case.values(len(taken))},
        ids=model_names(len(taken)),
        base_index=0 if case.base else None,
        name=TENSOR,
    )


@contextmanager
def _our_masks(experts: Sequence[str]) -> Iterator[None]:
    """Draw our masks for the experts in turn, and rescale by the density.

    mergekit rescales by the ratio of two norms, which is that on average only.
    """
    turns = iter(experts)

    def bernoulli(
        tensor: torch.Tensor, density: float, rescale_norm: object = None
    ) -> torch.Tensor:
        key = mask_key(0, next(turns), TENSOR)
        mask = keep_mask(key, 0, tensor.numel(), threshold(density))
        kept = tensor * mask.reshape(tensor.shape)
        return kept if rescale_norm is None else kept / density

    with mock.patch.object(mergekit.sparsify, "bernoulli", bernoulli):
        yield
