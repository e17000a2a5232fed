"""Which layer is whose."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergekit_ext.errors import RecipeError
from mergekit_ext.methods.layer_zones import Zones, layer_of, stack_of, zones


TABLE = "layer_zones"
LETTERS = {"language": "L", "average": "A", "task": "T"}


@st.composite
def any_zones(draw: st.DrawFn) -> Zones:
    bottom, top, transition, rest = (draw(st.integers(0, 9)) for _ in range(4))
    return Zones(bottom + top + 2 * transition + rest, bottom, top, transition)


def text(found: Zones) -> str:
    return "".join(LETTERS[found.of(layer)] for layer in range(found.layers))


def test_zones(case: dict[str, Any]) -> None:
    sizes = (case["bottom"], case["top"], case["transition"])
    assert text(zones(case["layers"], *sizes)) == case["expect"]


@given(any_zones())
def test_each_zone_has_its_size(found: Zones) -> None:
    shown = text(found)
    assert shown.count("L") == found.bottom + found.top
    assert shown.count("A") == 2 * found.transition
    assert len(shown) == found.layers


@given(any_zones())
def test_turned_over_the_zones_are_those_of_the_other_end(found: Zones) -> None:
    turned = Zones(found.layers, found.top, found.bottom, found.transition)
    assert text(turned) == text(found)[::-1]


@given(any_zones(), st.integers())
def test_there_is_no_other_layer(found: Zones, layer: int) -> None:
    if not 0 <= layer < found.layers:
        with pytest.raises(RecipeError, match=f"there is a layer {layer}, counted"):
            found.of(layer)


@pytest.mark.parametrize("value", [-1, 2.5, -0.25])
def test_a_number_of_layers_is_whole_or_a_share(value: float) -> None:
    for sizes in ((value, 0, 0), (0, value, 0), (0, 0, value)):
        with pytest.raises(RecipeError, match=f"{value} is neither a whole number"):
            zones(8, *sizes)


def test_zones_must_fit() -> None:
    with pytest.raises(RecipeError, match=r"twice 2 in transition make 9, .* have 8"):
        Zones(8, 3, 2, 2)


@pytest.mark.parametrize(
    ("name", "layer", "stack"),
    [
        ("model.layers.12.self_attn.q_proj.weight", 12, "model.layers."),
        ("transformer.h.3.attn.c_attn.weight", 3, "transformer.h."),
        ("model.layers.3.block_sparse_moe.experts.5.w1.weight", 3, "model.layers."),
        ("7.weight", 7, ""),
        ("lm_head.weight", None, None),
        ("model.layer12.norm.weight", None, None),
        ("model.layers.²", None, None),
        ("", None, None),
    ],
)
def test_the_first_number_is_the_layer(
    name: str, layer: int | None, stack: str | None
) -> None:
    assert layer_of(name) == layer
    assert stack_of(name) == stack
