"""Leading singular vectors: how many, and what those of a subspace are worth."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mergekit_ext.kernels import singular_vectors
from mergekit_ext.kernels.singular_vectors import (
    SingularVectors,
    decomposed,
    leading_vectors,
)


def make(size: int | None, maker: Callable[[], SingularVectors]) -> SingularVectors:
    return maker()


def spectrum(rows: int, columns: int, values: torch.Tensor) -> torch.Tensor:
    """Return a float32 matrix with these singular values."""
    generator = torch.Generator().manual_seed(rows)
    least = min(rows, columns)
    sides = [torch.linalg.qr(torch.randn(side, least, generator=generator)).Q
             for side in (rows, columns)]  # fmt: skip
    return (sides[0] * values[:least]) @ sides[1].mH


FALLS = [
    ("slowly", 1 / torch.arange(1.0, 2000) ** 0.5),
    ("as a power", 1 / torch.arange(1.0, 2000)),
    ("fast", 0.97 ** torch.arange(2000.0)),
    ("after a step", torch.cat([torch.full((40,), 5.0), torch.full((2000,), 0.1)])),
    ("not at all", torch.ones(2000)),
]


@pytest.mark.parametrize(("why", "values"), FALLS)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.9])
@pytest.mark.parametrize(("rows", "columns"), [(200, 320), (320, 200)])
def test_a_subspace_holds_the_energy_that_is_asked_for(
    rows: int, columns: int, share: float, why: str, values: torch.Tensor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The bound: as much energy as asked for, and few more vectors than needed."""
    matrix = spectrum(rows, columns, values)
    exact, _ = leading_vectors(matrix, share, make)
    monkeypatch.setattr(singular_vectors, "EXACT", 64)
    left, right = leading_vectors(matrix, share, make)
    total = float(matrix.double().square().sum())
    for held in (left.mH.double() @ matrix.double(), matrix.double() @ right.double()):
        assert float(held.square().sum()) >= (share - 1e-5) * total
    for side in (left, right):
        gram = side.mH @ side
        assert torch.allclose(gram, torch.eye(len(gram)), atol=1e-5)
    assert exact.shape[1] <= left.shape[1] <= 1.15 * exact.shape[1] + 2


def test_values_of_a_subspace_are_at_most_the_true_ones() -> None:
    matrix = spectrum(200, 320, 1 / torch.arange(1.0, 2000))
    true = decomposed(matrix, None).values[:32]
    found = decomposed(matrix, 32)
    assert bool((found.values <= true * (1 + 1e-6)).all())
    assert float(found.values[0]) == pytest.approx(float(true[0]), rel=1e-5)


def test_nothing_is_drawn_of_the_global_generator() -> None:
    matrix = spectrum(200, 320, torch.ones(2000))
    before = torch.random.get_rng_state()
    one, two = decomposed(matrix, 20), decomposed(matrix, 20)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(one.right, two.right)


@given(st.lists(st.floats(0, 10, width=32), min_size=1, max_size=12), st.floats(0, 1))
@settings(max_examples=80)
def test_the_count_is_the_least(values: list[float], share: float) -> None:
    falling = torch.tensor(sorted(values, reverse=True), dtype=torch.float64)
    sides = torch.eye(len(values), dtype=torch.float64)
    found = SingularVectors(falling, sides, sides, True, 0.0).count(share)
    assert found is not None
    squares = falling.square()
    if share < 1:
        assert float(squares[:found].sum()) >= share * float(squares.sum()) * (
            1 - 1e-12
        )
        if found:
            below = float(squares[: found - 1].sum())
            assert below < share * float(squares.sum()) * (1 + 1e-12)
    else:
        assert found == int((falling > falling[0] * 1e-14).count_nonzero())


def test_some_vectors_may_be_too_few() -> None:
    sides = torch.eye(3)[:, :2]
    some = SingularVectors(torch.tensor([2.0, 1.0]), sides, sides, False, 9.0)
    assert [some.count(share) for share in (0, 0.4, 0.5, 0.6, 1)] == [
        0, 1, 2, None, None,
    ]  # fmt: skip
