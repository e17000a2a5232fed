"""WIDEN: the authors' formulas, written out again, and what holds for any models."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from method_inputs import merged

from mergekit_ext.kernels import reference


HEAD, EMBEDDING = "lm_head.weight", "model.embed_tokens.weight"
NORM = "model.norm.weight"


def models(shape: tuple[int, ...], count: int = 2, seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    base = torch.randn(shape, generator=generator)
    return [
        base,
        *(base + 0.1 * torch.randn(shape, generator=generator) for _ in range(count)),
    ]


def published(tensors: list[torch.Tensor], t: float = 1.0) -> torch.Tensor:
    """Return what the paper says of a matrix or a vector, in float64."""
    base, experts = tensors[0].double(), torch.stack([t.double() for t in tensors[1:]])
    deltas = experts - base

    def importance(seen: torch.Tensor) -> torch.Tensor:
        certain = seen > t * seen.mean(1, keepdim=True) * (1 + 1e-12)
        return torch.where(certain, 1.0, torch.softmax(seen, 0))

    if base.dim() == 1:
        return base + (deltas * importance(deltas.abs())).sum(0)

    def ranked(changes: torch.Tensor) -> torch.Tensor:
        order = changes.argsort(dim=1, stable=True).argsort(dim=1)
        return order.double() / changes.shape[1]

    lengths = (experts.norm(dim=1) - base.norm(dim=0)).abs()
    turns = 1 - torch.cosine_similarity(experts, base.expand_as(experts), dim=1)
    scores = (importance(ranked(lengths)) + importance(ranked(turns))) / 2
    return base + (deltas * scores.unsqueeze(1)).sum(0)


@pytest.mark.parametrize("shape", [(40, 12), (300, 50), (9,), (1, 1)])
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("t", [0.5, 1.0, 1.5])
def test_is_what_the_paper_says(shape: tuple[int, ...], count: int, t: float) -> None:
    tensors = models(shape, count)
    found = merged("widen", tensors, {"weight": [1] * count}, tensor_name="w", t=t)
    torch.testing.assert_close(found.double(), published(tensors, t), rtol=0, atol=1e-6)


def test_an_embedding_is_transposed_and_a_head_is_not() -> None:
    tensors, each = models((30, 8)), {"weight": [1, 1]}
    plain = published(tensors)
    turned = published([one.t() for one in tensors]).t()
    assert float((plain - turned).abs().max()) > 0.01
    for name, wanted in ((HEAD, plain), (EMBEDDING, turned)):
        found = merged("widen", tensors, each, tensor_name=name)
        torch.testing.assert_close(found.double(), wanted, rtol=0, atol=1e-6)


@given(
    st.sampled_from([(5,), (6, 3), (2, 3, 4), (), (0, 3), (3, 0)]),
    st.sampled_from([HEAD, EMBEDDING, NORM]),
    st.sampled_from([torch.float32, torch.bfloat16, torch.float64]),
    st.floats(-2, 2, width=32),
)
@settings(max_examples=60)
def test_of_one_model_its_share_is_merged(
    shape: tuple[int, ...], name: str, dtype: torch.dtype, weight: float
) -> None:
    tensors = [one.to(dtype) for one in models(shape, 1)]
    options: dict[str, Any] = {"tensor_name": name, "lambda_": 0.75}
    found = merged("widen", tensors, {"weight": [weight]}, **options)
    plain = merged("task_arithmetic", tensors, {"weight": [weight]}, **options)
    assert torch.equal(found, plain)


@given(st.sampled_from([HEAD, EMBEDDING]), st.integers(1, 30), st.integers(1, 30))
@settings(max_examples=30)
def test_weights_and_lambda_multiply(name: str, rows: int, columns: int) -> None:
    tensors, each = models((rows, columns)), {"weight": [0.5, -0.25]}
    found = merged("widen", tensors, each, tensor_name=name, lambda_=2.0)
    turned = [one.t() if name == EMBEDDING else one for one in tensors]
    scores = torch.tensor(reference.widen_scores(turned[0], turned[1:], 1.0))
    total = torch.zeros_like(turned[0])
    for one, weight, score in zip(turned[1:], (1.0, -0.5), scores, strict=True):
        total = total + (one - turned[0]) * (weight * score.double()).float()
    wanted = turned[0] + total
    torch.testing.assert_close(
        found, wanted.t() if name == EMBEDDING else wanted, rtol=0, atol=1e-6
    )
    none = merged("widen", tensors, each, tensor_name=name, lambda_=0)
    assert torch.equal(none, tensors[0])
