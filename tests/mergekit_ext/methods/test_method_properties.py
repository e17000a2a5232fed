"""What holds for a method whatever the numbers: densities, masks, orders, extremes."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from method_inputs import FUSED, NEEDED, merged, near

from mergekit_ext.kernels.philox import keep_mask, mask_key, threshold


pytestmark = pytest.mark.slow

BANDED = ["breadcrumbs", "breadcrumbs_ties", "ties"]
DRAWN = ["dare_linear", "dare_ties", "della", "della_linear"]
shares = st.floats(0, 1)


def of_ones(size: int) -> list[torch.Tensor]:
    return [torch.zeros(size), torch.ones(size)]


@given(st.integers(1, 200), shares, shares, st.sampled_from(BANDED[:2]))
@settings(max_examples=80)
def test_density_is_exact(size: int, density: float, gamma: float, method: str) -> None:
    each = {"weight": [1.0], "density": [density], "gamma": [gamma]}
    found = merged(method, of_ones(size), each)
    assert int(found.sum()) == (size if density == 1 else int(density * size))


@given(st.integers(1, 200), shares)
@settings(max_examples=80)
def test_ties_keeps_at_least_one(size: int, density: float) -> None:
    found = merged("ties", of_ones(size), {"weight": [1.0], "density": [density]})
    kept = max(1, int(density * size)) if density else 0
    assert int(found.sum()) == kept
    # of equals, a stable ascending sort puts the last ones highest
    assert found[: size - kept].sum() == 0


def test_the_middle_is_what_is_kept() -> None:
    base, expert = torch.zeros(10), torch.tensor([9.0, -8, 7, 6, 5, -4, 3, 2, 1, 0])
    each = {"weight": [1.0], "density": [0.5], "gamma": [0.2]}
    found = merged("breadcrumbs", [base, expert], each)
    assert found.tolist() == [0, 0, 7, 6, 5, -4, 3, 0, 0, 0]


def test_where_gamma_is_too_much_the_density_wins() -> None:
    base, expert = torch.zeros(10), torch.arange(10.0)
    for gamma in (0.5, 0.8, 1.0):
        each = {"weight": [1.0], "density": [0.5], "gamma": [gamma]}
        found = merged("breadcrumbs", [base, expert], each)
        assert found.tolist() == [0, 1, 2, 3, 4, 0, 0, 0, 0, 0]


def test_an_election_by_hand() -> None:
    base = torch.zeros(5)
    experts = [torch.tensor(v) for v in ([1.0, 1, -1, 1, 0], [2.0, -3, -1, -1, 0])]
    each = {"weight": [1.0, 3.0]}
    plain = merged("ties", [base, *experts], each, normalize=False)
    assert plain.tolist() == [7, -9, -4, -3, 0]
    mean = merged("ties", [base, *experts], each, lambda_=2.0)
    assert mean.tolist() == [3.5, -6, -2, -2, 0]
    even = merged("ties", [base, *experts], {"weight": [1.0, 1.0]}, normalize=False)
    # a sum of 0 elects what is above 0
    assert even.tolist() == [3, -3, -2, 1, 0]


@pytest.mark.parametrize("method", ["dare_linear", "dare_ties"])
def test_rescaling_keeps_the_expectation(method: str) -> None:
    size, density = 200_000, 0.25
    each = {"weight": [1.0], "density": [density]}
    mean = float(merged(method, of_ones(size), each).mean())
    assert abs(mean - 1) < 5 * math.sqrt((1 / density - 1) / size)
    plain = merged(method, of_ones(size), each, rescale=False)
    assert set(plain.tolist()) == {0, 1}
    assert float(plain.mean()) == pytest.approx(mean * density)


def test_a_mask_depends_on_seed_model_and_name_alone() -> None:
    size, density = 4097, 0.3

    def mask(weight: float = 1.0, **options: Any) -> torch.Tensor:
        each = {"weight": [weight], "density": [density]}
        return merged("dare_linear", of_ones(size), each, **options) != 0

    expected = keep_mask(mask_key(0, "basque", "w"), 0, size, threshold(density))
    assert torch.equal(mask(), expected)
    assert torch.equal(mask(-3.0, lambda_=2.0, rescale=False), expected)
    for other in ({"seed": 1}, {"tensor_name": "v"}, {"keys": ["catalan"]}):
        assert not torch.equal(mask(**other), expected)
    key = mask_key(2**64 - 1, "catalan", "v")
    found = mask(seed=2**64 - 1, tensor_name="v", keys=["catalan"])
    assert torch.equal(found, keep_mask(key, 0, size, threshold(density)))


def test_strides_change_no_mask() -> None:
    base, ones = (tensor.view(64, 33) for tensor in of_ones(64 * 33))
    each = {"weight": [1.0], "density": [0.5]}
    one = merged("dare_linear", [base, ones], each)
    two = merged("dare_linear", [base, ones.t().contiguous().t()], each)
    assert torch.equal(one, two)


@given(st.permutations(range(4)), st.sampled_from(sorted(FUSED.keys() - {"nearswap"})))
@settings(max_examples=40)
def test_the_order_of_experts_changes_rounding_only(
    order: list[int], method: str
) -> None:
    base, *experts = near(4097, 4)
    known = {p.name for p in FUSED[method].parameters}
    each = {"weight": [0.1, 0.2, 0.3, 0.4], "density": [0.5, 0.9, 1.0, 0.2]}
    each["epsilon"] = [0.4, 0.05, 0.3, 0.1]
    each = {name: column for name, column in each.items() if name in known}
    start = [] if method == "linear" else [base]
    keys = list("abcd")
    one = merged(method, [*start, *experts], each, keys=keys, **NEEDED.get(method, {}))
    shuffled = {name: [column[k] for k in order] for name, column in each.items()}
    two = merged(
        method,
        [*start, *(experts[k] for k in order)],
        shuffled,
        **NEEDED.get(method, {}),
        keys=[keys[k] for k in order],
    )
    # an election of a sum near 0 may go either way: of those there are few
    differ = (one - two).abs() > 1e-6
    assert int(differ.sum()) <= (
        5 if FUSED[method].name.endswith(("ties", "della")) else 0
    )


@pytest.mark.parametrize("method", sorted(FUSED.keys() - {"linear", "nearswap"}))
def test_without_experts_the_base_is_copied(method: str) -> None:
    for size in (9, 1 << 20):  # the large one is for a compiled backend
        base = torch.arange(float(size))
        found = merged(method, [base], **NEEDED.get(method, {}))
        assert torch.equal(found, base)
        assert found.data_ptr() != base.data_ptr()


def test_leaves_the_global_generator_alone() -> None:
    before = torch.random.get_rng_state()
    for method in DRAWN:
        merged(method, of_ones(99), {"weight": [1.0], "density": [0.5]})
    assert torch.equal(torch.random.get_rng_state(), before)


def test_linear_is_a_mean() -> None:
    tensors = [torch.tensor([1.0, 2.0]), torch.tensor([5.0, -2.0])]
    assert merged("linear", tensors, {"weight": [3.0, 1.0]}).tolist() == [2.0, 1.0]
    plain = merged("linear", tensors, {"weight": [3.0, 1.0]}, normalize=False)
    assert plain.tolist() == [8.0, 4.0]
