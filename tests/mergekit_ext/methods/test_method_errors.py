"""What a method refuses before it merges, and what it says."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from method_inputs import FUSED, NEEDED, merged

from mergekit_ext.errors import InputError, RecipeError
from mergekit_ext.kernels.tensors import Input
from mergekit_ext.methods.method import Group


NAN = float("nan")
ONE = Input(torch.ones(2), "basque")
DRAWN = ["dare_linear", "dare_ties", "della", "della_linear"]
BASED = sorted(FUSED.keys() - {"linear"})

# method, each expert's values, the merge's values, message
REFUSED: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("breadcrumbs", {}, {}, "fused_breadcrumbs, 'basque': weight is missing."),
    ("linear", {}, {}, "fused_linear, 'basque': weight is missing."),
    ("nearswap", {}, {}, "fused_nearswap, the merge: t is missing."),
    ("ties", {"weight": 1, "gamma": 0}, {}, "'basque': there is no parameter 'gamma'."),
    (
        "ties",
        {"weight": 1, "lambda": 1},
        {},
        "'basque': there is no parameter 'lambda'",
    ),
    (
        "linear",
        {"weight": 1},
        {"lambda": 1},
        "the merge: there is no parameter 'lambda'",
    ),
    ("linear", {"weight": 1, "density": 1}, {}, "there is no parameter 'density'"),
    ("ties", {"weight": 1}, {"weight": 1}, "the merge: there is no parameter 'weight'"),
    ("nearswap", {"weight": 1}, {"t": 1}, "'basque': there is no parameter 'weight'"),
    ("ties", {"weight": NAN}, {}, "'basque': weight must be a finite number, not nan"),
    ("ties", {"weight": True}, {}, "weight must be a finite number, not True"),
    ("ties", {"weight": 1, "density": 1.1}, {}, "density must be a number from 0 to 1"),
    ("ties", {"weight": 1, "density": -0.1}, {}, "'basque': density must be a number"),
    (
        "breadcrumbs",
        {"weight": 1, "gamma": 2},
        {},
        "gamma must be a number from 0 to 1",
    ),
    (
        "breadcrumbs",
        {"weight": 1},
        {"lambda": NAN},
        "the merge: lambda must be a finite",
    ),
    ("ties", {"weight": 1}, {"normalize": "yes"}, "normalize must be true or false"),
    ("ties", {"weight": 1}, {"rescale": 2}, "rescale must be true or false, not 2"),
    ("dare_ties", {"weight": 1}, {"seed": -1}, "seed must be a whole number from 0"),
    ("dare_ties", {"weight": 1}, {"seed": 2**64}, "seed must be a whole number from 0"),
    ("dare_ties", {"weight": 1}, {"seed": 0.5}, "seed must be a whole number from 0"),
    ("della", {"weight": 1, "epsilon": 2}, {}, "epsilon must be a number from 0 to 1"),
    ("nearswap", {}, {"t": "near"}, "the merge: t must be a finite number, not 'near'"),
]


@pytest.mark.parametrize(("method", "each", "shared", "message"), REFUSED)
def test_values(
    method: str, each: dict[str, Any], shared: dict[str, Any], message: str
) -> None:
    base = None if method == "linear" else ONE
    with pytest.raises(RecipeError) as caught:
        FUSED[method](base, [(ONE, each)], shared, name="w")
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"fused_{method}, ")


def filled(method: str) -> tuple[dict[str, Any], dict[str, Any]]:
    parameters = FUSED[method].parameters
    each = {"weight": 1.0} if any(p.name == "weight" for p in parameters) else {}
    return each, NEEDED.get(method, {})


@pytest.mark.parametrize("method", BASED)
def test_a_base_is_required(method: str) -> None:
    each, shared = filled(method)
    with pytest.raises(
        RecipeError, match=f"fused_{method} starts from a base model; th"
    ):
        FUSED[method](None, [(ONE, each)], shared, name="w")


def test_nothing_is_not_merged() -> None:
    with pytest.raises(RecipeError, match="fused_linear: there is nothing to merge"):
        FUSED["linear"](None, [])


@pytest.mark.parametrize("count", [0, 2])
def test_nearswap_takes_one(count: int) -> None:
    message = rf"^fused_nearswap \w+ 1 .*beside the base, not {count}"
    with pytest.raises(RecipeError, match=message):
        FUSED["nearswap"](ONE, [(ONE, {})] * count, {"t": 1.0})


@pytest.mark.parametrize("method", DRAWN)
def test_dare_needs_the_name_of_the_tensor(method: str) -> None:
    each = {"weight": [1.0], "density": [0.5]}
    with pytest.raises(RecipeError, match=r"draws each tensor's masks from its name"):
        merged(method, [torch.ones(2)] * 2, each, tensor_name=None)


@pytest.mark.parametrize("method", DRAWN)
def test_a_density_of_zero_keeps_nothing_and_rescales_nothing(method: str) -> None:
    base, expert = torch.ones(9), torch.zeros(9)
    each = {"weight": [1.0], "density": [0.0]}
    assert torch.equal(merged(method, [base, expert], each, rescale=True), base)
    assert torch.equal(merged(method, [base, expert], each, rescale=False), base)


@pytest.mark.parametrize("weights", [[1.0, -1.0], [0.0, 0.0], [1.0, -1.0 + 1e-9]])
def test_a_mean_by_weights_that_cancel(weights: list[float]) -> None:
    tensors = [torch.ones(2), torch.ones(2)]
    with pytest.raises(RecipeError, match=r"'w': the weights \[.*\] sum to 0"):
        merged("linear", tensors, {"weight": weights})
    plain = merged("linear", tensors, {"weight": weights}, normalize=False)
    assert plain.tolist() == pytest.approx([sum(weights)] * 2, abs=1e-6)


@pytest.mark.parametrize("method", sorted(FUSED))
def test_every_method_checks_its_tensors(method: str) -> None:
    each, shared = filled(method)
    other = Input(torch.ones(3), "galician")
    base, experts = ONE, [(other, each)]
    if method == "linear":
        base, experts = None, [(ONE, each), (other, each)]
    with pytest.raises(InputError, match=r"'lm_head' has shape \(2,\) in 'basque' but"):
        FUSED[method](base, experts, shared, name="lm_head")


@pytest.mark.parametrize("place", [0, 70, 4096])
@pytest.mark.parametrize("method", sorted(FUSED))
def test_every_method_refuses_nan(method: str, place: int) -> None:
    each, shared = filled(method)
    for spoilt in range(2):
        tensors = [torch.rand(4097).bfloat16() for _ in range(2)]
        tensors[spoilt][place] = NAN
        one, two = (Input(t, model) for t, model in zip(tensors, "ab", strict=True))
        base, experts = one, [(two, each)]
        if method == "linear":
            base, experts = None, [(one, each), (two, each)]
        message = f"'lm_head', element {place} is NaN in '{'ab'[spoilt]}'"
        with pytest.raises(InputError, match=message):
            FUSED[method](base, experts, shared, name="lm_head")


def test_a_group_without_a_base_says_so() -> None:
    with pytest.raises(RecipeError, match="Tensor 'w' has no base to start from"):
        _ = Group("w", None, [], {}).required_base
