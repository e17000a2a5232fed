"""Null space: the reference, within a bound, and what holds for any matrices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from method_inputs import merged

from mergekit_ext.errors import InputError, RecipeError
from mergekit_ext.kernels import reference, singular_vectors
from mergekit_ext.kernels.kept_cuts import KeptCuts
from mergekit_ext.methods import kept_vectors, null_space


SIDES = ["right", "left", "both"]
NAME = "model.layers.1.mlp.up_proj.weight"
sizes = st.integers(1, 24)
shares = st.floats(0, 1)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path))
    return tmp_path / "mergekit_ext" / "singular_vectors"


def matrices(
    rows: int, columns: int, dtype: torch.dtype = torch.float32, seed: int = 0
) -> list[torch.Tensor]:
    """A base, an instructed model whose spectrum falls, and two experts."""
    generator = torch.Generator().manual_seed(1000 * rows + columns + seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    base, least = normal(rows, columns), min(rows, columns)
    falling = 0.6 ** torch.arange(least)
    instruct = base + normal(rows, least) * falling @ normal(least, columns) * 0.1
    experts = [base + normal(rows, columns) * 0.1 for _ in range(2)]
    return [one.to(dtype) for one in (base, instruct, *experts)]


def check(
    tensors: list[torch.Tensor], found: torch.Tensor, wanted: torch.Tensor
) -> None:
    """Check the bound: a unit of the result, and of float32 of the largest delta."""
    largest = max(float((one - tensors[0]).abs().max()) for one in tensors[1:])
    unit = torch.finfo(found.dtype).eps
    error = (found.double() - wanted).abs()
    assert bool((error <= unit * wanted.abs() + 2.0**-20 * largest).all())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("shape", [(1, 1), (5, 1), (1, 5), (40, 63), (130, 70)])
@pytest.mark.parametrize("energy", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("side", SIDES)
def test_is_the_reference(
    shape: tuple[int, int], dtype: torch.dtype, energy: float, side: str
) -> None:
    tensors = matrices(*shape, dtype)
    weights, factor = [1.0, 0.7, -0.3], 0.9
    options: dict[str, Any] = {"energy": energy, "side": side, "lambda_": factor}
    found = merged(
        "null_space", tensors, {"weight": weights}, tensor_name=NAME, **options
    )
    assert found.dtype == dtype
    factors = [factor * weight for weight in weights]
    base, *experts = tensors
    wanted = reference.null_space(base, experts, factors, energy, side)
    check(tensors, found, wanted)


@given(sizes, sizes, shares, st.sampled_from(SIDES))
@settings(max_examples=40)
def test_without_the_expert_it_is_the_instructed_model(
    rows: int, columns: int, energy: float, side: str
) -> None:
    tensors = matrices(rows, columns)[:3]
    options: dict[str, Any] = {
        "energy": energy, "side": side, "tensor_name": NAME,
    }  # fmt: skip
    found = merged("null_space", tensors, {"weight": [1, 0]}, **options)
    alone = merged("task_arithmetic", tensors[:2], {"weight": [1]})
    assert torch.equal(found, alone)
    none = merged("null_space", tensors, {"weight": [1, 1]}, lambda_=0, **options)
    assert torch.equal(none, tensors[0])


@given(sizes, sizes, st.sampled_from(SIDES))
@settings(max_examples=40)
def test_all_of_the_energy_leaves_nothing_where_the_instructed_model_is(
    rows: int, columns: int, side: str
) -> None:
    tensors = [one.double() for one in matrices(rows, columns)[:3]]
    base, instruct, _ = tensors
    found = merged(
        "null_space", tensors, {"weight": [0, 1]}, tensor_name=NAME, energy=1, side=side
    )
    rest, task = found - base, instruct - base
    if side != "left":
        assert float((task @ rest.mT).abs().max()) < 1e-10
    if side != "right":
        assert float((task.mT @ rest).abs().max()) < 1e-10


@given(sizes, sizes, st.sampled_from(SIDES))
@settings(max_examples=40)
def test_none_of_the_energy_is_task_arithmetic(
    rows: int, columns: int, side: str
) -> None:
    tensors, each = matrices(rows, columns), {"weight": [1, 0.5, 0.25]}
    found = merged("null_space", tensors, each, tensor_name=NAME, energy=0, side=side)
    assert torch.equal(found, merged("task_arithmetic", tensors, each))


def test_an_instructed_model_that_has_learnt_nothing_protects_nothing() -> None:
    base, _, one, _ = matrices(9, 7)
    each = {"weight": [1, 1]}
    for energy in (0.5, 1):
        found = merged(
            "null_space", [base, base, one], each, tensor_name=NAME, energy=energy
        )
        assert torch.equal(found, merged("task_arithmetic", [base, base, one], each))


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("model.embed_tokens.weight", (12, 8)),
        ("lm_head.weight", (12, 8)),
        ("model.norm.weight", (8,)),
        ("model.layers.0.mlp.experts.gate_up_proj", (2, 3, 4)),
        (NAME, (0, 4)),
    ],
)
def test_the_rest_is_task_arithmetic(name: str, shape: tuple[int, ...]) -> None:
    tensors = [torch.randn(shape) for _ in range(3)]
    each = {"weight": [1, 0.5]}
    found = merged("null_space", tensors, each, tensor_name=name)
    assert torch.equal(found, merged("task_arithmetic", tensors, each))


@pytest.mark.parametrize("name", [NAME, "lm_head.weight"])
def test_with_the_ramp_experts_are_multiplied(name: str) -> None:
    tensors = matrices(12, 8)[:3]
    ramp: dict[str, Any] = {"alpha": 0.25, "beta": 0.75, "layers": 3}
    found = merged(
        "null_space_lines", tensors, {"weight": [1, 2]}, tensor_name=name, **ramp
    )
    slope = 0.5 if name == NAME else 0.75
    each = {"weight": [1, 2 * slope]}
    assert torch.equal(found, merged("null_space", tensors, each, tensor_name=name))


def test_a_matrix_needs_its_name() -> None:
    with pytest.raises(
        RecipeError, match="fused_null_space tells from a tensor's name"
    ):
        merged("null_space", matrices(3, 3), {"weight": [1] * 3}, tensor_name=None)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("whose", [0, 1, 2])
def test_what_is_no_number_is_named(whose: int, value: float) -> None:
    tensors = matrices(5, 4)[:3]
    tensors[whose][2, 1] = value
    model = ("base", "basque", "galician")[whose]
    with pytest.raises(InputError, match=f"'{NAME}'.*'{model}'"):
        merged("null_space", tensors, {"weight": [1, 1]}, tensor_name=NAME)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"side": "top"}, "side must be right, left or both"),
        ({"energy": 2}, "energy m"),
    ],
)
def test_values(value: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        merged("null_space", matrices(3, 3), {"weight": [1] * 3}, **value)


def test_a_matrix_is_decomposed_once(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors, each = matrices(64, 80), {"weight": [1, 0.5, 0.2]}
    first = merged("null_space", tensors, each, tensor_name=NAME)
    (file,) = cache.iterdir()
    monkeypatch.setattr(singular_vectors, "decomposed", None)
    assert torch.equal(merged("null_space", tensors, each, tensor_name=NAME), first)
    for options in ({"lambda_": 0.5}, {"energy": 0.9}, {"side": "both"}):
        merged("null_space", tensors, each, tensor_name=NAME, **options)
    # under another name, and of models with other names
    merged("null_space", tensors, each, tensor_name="other.weight", keys=list("xyz"))
    assert [*cache.iterdir()] == [file]
    monkeypatch.undo()


@pytest.mark.parametrize("harm", ["broken", "of another shape", "unwritable"])
def test_a_file_that_is_no_good_is_made_again(
    harm: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors, each = matrices(64, 80), {"weight": [1, 0.5, 0.2]}
    if harm == "unwritable":
        cache.parent.parent.mkdir(exist_ok=True)
        cache.parent.write_text("a file, where a folder would be")
    first = merged("null_space", tensors, each, tensor_name=NAME)
    if harm != "unwritable":
        (file,) = cache.iterdir()
        if harm == "broken":
            file.write_bytes(file.read_bytes()[:100])
        else:
            digest = kept_vectors.digest_of
            monkeypatch.setattr(null_space, "digest_of", lambda _: "same")
            merged("null_space", matrices(70, 80), each, tensor_name=NAME)
            monkeypatch.setattr(kept_vectors, "digest_of", digest)
    assert torch.equal(merged("null_space", tensors, each, tensor_name=NAME), first)


def test_small_matrices_are_not_kept(cache: Path) -> None:
    merged("null_space", matrices(63, 80), {"weight": [1] * 3}, tensor_name=NAME)
    assert not cache.exists()


def test_tensors_that_stay_are_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tensors, each = matrices(64, 80), {"weight": [1, 0.5, 0.2]}
    with KeptCuts().used(lambda tensor, model: (tensor, model)):
        first = merged("null_space", tensors, each, tensor_name=NAME)
        monkeypatch.setattr(null_space, "digest_of", None)
        assert torch.equal(merged("null_space", tensors, each, tensor_name=NAME), first)


def test_a_hash_is_of_every_bit() -> None:
    one = torch.randn(5_000_000).view(2, -1)
    other = one.clone()
    other[1, -1] = torch.nextafter(other[1, -1], torch.tensor(9.0))
    hashes = {
        kept_vectors.digest_of(each)
        for each in (one, other, one.view(4, -1), one.double(), one.clone())
    }
    assert len(hashes) == 4
