"""Each method against its stock namesake in float32.

They may differ by the rounding of products and sums, in another order: values are below
4 and a handful of operations rounds each, by at most 2**-23 of its result.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mergekit.merge_methods as stock
import pytest
import torch
from mergekit import sparsify
from method_inputs import FUSED, NAMES, NEEDED, merged, near, untied

from mergekit_ext.kernels.philox import keep_mask, mask_key, threshold, words


TABLE = "against_mergekit"
DRAWN = {"dare_linear", "dare_ties", "della", "della_linear"}
STOCK = FUSED.keys() & {method.spec.name for method in stock.registered_methods()}
SIZES = [0, 1, 63, 4097]
TOLERANCE = 8 * 4 * 2.0**-24


@pytest.fixture
def our_masks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let mergekit drop what we drop, and divide by the density as we do."""
    turn = 0

    def bernoulli(
        tensor: torch.Tensor, density: float, rescale_norm: Any = None
    ) -> torch.Tensor:
        nonlocal turn
        turn += 1
        if density >= 1:
            return tensor
        key = mask_key(0, NAMES[turn], "w")
        mask = keep_mask(key, 0, tensor.numel(), threshold(density))
        kept = tensor * mask.view(tensor.shape)
        return kept if rescale_norm is None else kept / density

    def della_magprune(
        tensor: torch.Tensor, density: float, epsilon: float, rescale_norm: Any = None
    ) -> torch.Tensor:
        """Drop by the ranks that mergekit finds, with our words."""
        nonlocal turn
        turn += 1
        if density >= 1 or not tensor.numel():
            return tensor
        key = mask_key(0, NAMES[turn], "w")
        drawn = words(key, 0, tensor.numel(), tensor.device).view(tensor.shape)
        probabilities: list[torch.Tensor] = []

        if tensor.numel() == 1:  # for which mergekit divides 0 by 0
            kept = tensor * (drawn < density * 2.0**32)
            return kept if rescale_norm is None else kept / density

        def draw(given: torch.Tensor) -> torch.Tensor:
            probabilities.append(given.double().reshape(tensor.shape))
            return (drawn.reshape(given.shape) < given.double() * 2.0**32).float()

        with monkeypatch.context() as patch:
            patch.setattr(torch, "bernoulli", draw)
            kept = theirs_magprune(tensor, density, epsilon, None)
        if rescale_norm is None:
            return kept
        return (kept / probabilities[0]).to(tensor.dtype)

    theirs_magprune = sparsify.della_magprune
    monkeypatch.setattr(sparsify, "bernoulli", bernoulli)
    monkeypatch.setattr(sparsify, "della_magprune", della_magprune)
    yield
    assert turn in (0, 2)


def theirs(case: dict[str, Any], tensors: list[torch.Tensor]) -> torch.Tensor:
    base = None if FUSED[case["method"]].base == "ignored" else 0
    return stock.merge_tensors(
        tensors,
        case["method"],
        base_index=base,
        parameters={**case.get("each", {}), **case.get("shared", {})},
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("our_masks")
def test_agrees_in_single_precision(case: dict[str, Any], size: int) -> None:
    tensors = untied(size)[: 2 if case["method"] == "nearswap" else 3]
    each, shared = case.get("each"), case.get("shared", {})
    ours = merged(case["method"], tensors, each, **shared)
    expected = theirs(case, tensors)
    assert ours.dtype == expected.dtype
    torch.testing.assert_close(ours, expected, rtol=0, atol=TOLERANCE)
    if size == 4097 and case["method"] not in ("linear", "nearswap"):
        # what is compared is more than the base
        assert float((expected - tensors[0]).abs().max()) > 0.01


def test_the_data_have_no_ties() -> None:
    base, *experts = untied(4097)
    for expert in experts:
        assert len((expert - base).abs().unique()) == 4097


@pytest.mark.parametrize("method", sorted(FUSED.keys() - {"linear", "nearswap"}))
def test_full_density_is_task_arithmetic_of_one(method: str) -> None:
    base, expert = near(4097, 1)
    shared = {**NEEDED.get(method, {})}
    if any(one.name == "normalize" for one in FUSED[method].parameters):
        shared["normalize"] = False
    one = merged(method, [base, expert], {"weight": [0.5]}, **shared)
    plain = merged("task_arithmetic", [base, expert], {"weight": [0.5]})
    assert torch.equal(one, plain)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("method", sorted(STOCK - DRAWN))
def test_is_no_further_from_the_truth_than_mergekit(
    method: str, dtype: torch.dtype
) -> None:
    """The truth is the same merge of the same numbers in float64."""
    tensors = near(50_000, 1 if method == "nearswap" else 2, dtype)
    each: dict[str, list[Any]] = {"weight": [0.3, 0.45]}
    shared: dict[str, Any] = {}
    if method in ("ties", "breadcrumbs", "breadcrumbs_ties"):
        each["density"] = [0.6, 0.4]
    if method == "linear":
        each["weight"] = [0.2, 0.3, 0.45]
    if method == "nearswap":
        each, shared = {}, {"t": 0.005}
    case = {"method": method, "each": each, "shared": shared}
    truth = merged(method, [t.double() for t in tensors], each, **shared)
    ours = (merged(method, tensors, each, **shared).double() - truth).abs()
    others = (theirs(case, tensors).double() - truth).abs()
    assert float(ours.max()) <= float(others.max())
    # both may round the same sums to the same numbers, but for a few
    assert float(ours.mean()) <= 1.001 * float(others.mean())


def test_in_half_precision_mergekit_rounds_more_than_once() -> None:
    generator = torch.Generator().manual_seed(0)
    tensors = [torch.randn(50_000, generator=generator).bfloat16() for _ in range(3)]
    each: dict[str, list[Any]] = {"weight": [0.3, 0.45]}
    case = {"method": "task_arithmetic", "each": each}
    truth = merged("task_arithmetic", [t.double() for t in tensors], each).bfloat16()
    nearest = merged("task_arithmetic", tensors, each) == truth
    # the others lie in the middle, or within the rounding of float32 of it
    assert float(nearest.double().mean()) > 0.99
    assert float((theirs(case, tensors) == truth).double().mean()) < 0.8
