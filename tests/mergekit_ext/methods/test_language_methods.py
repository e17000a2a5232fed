"""The methods that bring a language into an instructed model: what all of them keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from method_inputs import NAMES, merged, near

from mergekit_ext.kernels import reference
from mergekit_ext.kernels.philox import mask_key
from mergekit_ext.kernels.tensors import Input
from mergekit_ext.kernels.terms import Merge, RankDropout, Term


NAME = "model.layers.1.mlp.up_proj.weight"
EMBEDDING = "model.embed_tokens.weight"
RAMP: dict[str, Any] = {"alpha": 0.25, "beta": 1.25, "layers": 4}
# method, what of each model, what of all
METHODS: list[tuple[str, dict[str, list[float]], dict[str, Any]]] = [
    ("lines", {}, RAMP),
    ("null_space", {}, {"energy": 0.7, "side": "both"}),
    ("null_space_lines", {}, {"energy": 0.7, "side": "left", **RAMP}),
    ("widen", {}, {}),
    ("della_linear", {"density": [1.0, 0.5], "epsilon": [0.1, 0.2]}, {}),
    ("della", {"density": [1.0, 0.5], "epsilon": [0.1, 0.2]}, {}),
]
ENTERS_WHOLE = [row for row in METHODS if row[0] != "widen"]
sizes, dtypes = st.integers(1, 24), st.sampled_from([torch.float32, torch.bfloat16])


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path))


def matrices(
    rows: int, columns: int, dtype: torch.dtype = torch.float32
) -> list[torch.Tensor]:
    """A base, an instructed model and a language expert."""
    return [one.view(rows, columns) for one in near(rows * columns, 2, dtype)]


@pytest.mark.parametrize(("method", "each", "shared"), ENTERS_WHOLE)
@given(rows=sizes, columns=sizes, dtype=dtypes)
@settings(max_examples=15)
def test_without_the_expert_it_is_the_instructed_model(
    method: str, each: dict[str, Any], shared: dict[str, Any],
    rows: int, columns: int, dtype: torch.dtype,
) -> None:  # fmt: skip
    tensors, each = matrices(rows, columns, dtype), {"weight": [1.0, 0.0], **each}
    found = merged(method, tensors, each, tensor_name=NAME, **shared)
    alone = merged("task_arithmetic", tensors[:2], {"weight": [1.0]})
    assert torch.equal(found, alone)


@pytest.mark.parametrize(("method", "each", "shared"), METHODS)
@given(rows=sizes, columns=sizes, dtype=dtypes)
@settings(max_examples=15)
def test_lambda_scales_the_whole(
    method: str, each: dict[str, Any], shared: dict[str, Any],
    rows: int, columns: int, dtype: torch.dtype,
) -> None:  # fmt: skip
    tensors, each = matrices(rows, columns, dtype), {"weight": [1.0, 0.5], **each}
    options: dict[str, Any] = {"tensor_name": NAME, **shared}
    none = merged(method, tensors, each, lambda_=0, **options)
    assert torch.equal(none, tensors[0])
    if method != "della":  # which divides by the sum of the weights
        twice = {**each, "weight": [2.0, 1.0]}
        assert torch.equal(
            merged(method, tensors, each, lambda_=2.0, **options),
            merged(method, tensors, twice, **options),
        )


@given(rows=sizes, columns=sizes, dtype=dtypes, weight=st.floats(-2, 2, width=32))
@settings(max_examples=30)
def test_without_slope_and_energy_it_is_task_arithmetic(
    rows: int, columns: int, dtype: torch.dtype, weight: float
) -> None:
    tensors, each = matrices(rows, columns, dtype), {"weight": [1.0, weight]}
    plain = merged("task_arithmetic", tensors, each)
    options: dict[str, Any] = {"alpha": 1, "beta": 1, "layers": 4, "tensor_name": NAME}
    assert torch.equal(merged("lines", tensors, each, **options), plain)
    projected = merged("null_space_lines", tensors, each, energy=0, **options)
    assert torch.equal(projected, plain)


@given(sizes, sizes, st.sampled_from(["right", "left", "both"]))
@settings(max_examples=30)
def test_with_the_ramp_all_of_the_energy_leaves_nothing_of_the_expert_either(
    rows: int, columns: int, side: str
) -> None:
    tensors = matrices(rows, columns, torch.float64)
    found = merged(
        "null_space_lines", tensors, {"weight": [0, 1]}, tensor_name=NAME, energy=1,
        side=side, **RAMP,
    )  # fmt: skip
    rest, task = found - tensors[0], tensors[1] - tensors[0]
    if side != "left":
        assert float((task @ rest.mT).abs().max()) < 1e-10
    if side != "right":
        assert float((task.mT @ rest).abs().max()) < 1e-10


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shape", [(1, 1), (7, 33), (3, 1)])
@pytest.mark.parametrize("method", ["della_linear", "della"])
def test_della_is_the_reference(
    method: str, shape: tuple[int, int], dtype: torch.dtype
) -> None:
    tensors = matrices(*shape, dtype)
    each = {"weight": [0.7, -0.3], "density": [0.4, 0.6], "epsilon": [0.3, 0.1]}
    found = merged(method, tensors, each, tensor_name=NAME, seed=5, lambda_=0.9)
    base, *experts = (
        Input(*pair) for pair in zip(tensors, NAMES[:3], strict=True)
    )  # fmt: skip
    terms = tuple(
        Term(
            one, weight,
            RankDropout(mask_key(5, one.model, NAME), shape[1], density, epsilon, True),
        )
        for one, weight, density, epsilon in zip(
            experts, *each.values(), strict=True
        )
    )  # fmt: skip
    elects = method == "della"
    what = Merge("w", base, terms, elect=elects, normalize=elects, factor=0.9)
    assert torch.equal(found, reference.merge(what))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shape", [(1, 1), (7, 33), (300, 5)])
@pytest.mark.parametrize("name", [NAME, EMBEDDING])
def test_widen_is_the_reference(
    name: str, shape: tuple[int, int], dtype: torch.dtype
) -> None:
    tensors, weights = matrices(*shape, dtype), [0.7, -0.3]
    each = {"weight": weights}
    found = merged("widen", tensors, each, tensor_name=name, lambda_=0.9, t=0.8)
    seen = [one.t() if name == EMBEDDING else one for one in tensors]
    scores = np.array(reference.widen_scores(seen[0], seen[1:], 0.8))
    factors = torch.from_numpy(np.array([0.9 * w for w in weights])[:, None] * scores)
    base, *experts = (one.float() for one in seen)
    rows = [
        (one - base) * factor
        for one, factor in zip(experts, factors.float(), strict=True)
    ]
    wanted = base + (torch.zeros_like(base) + rows[0] + rows[1])
    wanted = (wanted.t() if name == EMBEDDING else wanted).to(dtype)
    assert torch.equal(found, wanted)
