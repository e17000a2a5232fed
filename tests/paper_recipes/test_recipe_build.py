"""What a request becomes."""

from __future__ import annotations

from typing import Any

import pytest

from lm_eval_iberian.errors import DataError, IberianError
from lm_eval_iberian.paper_recipes import (
    ParameterSetting,
    Request,
    build,
    load_catalogue,
)
from lm_eval_iberian.paper_recipes.request import read_setting


CATALOGUE = load_catalogue()
LLAMA = "llama-3.1-8b"


def settings(*given: tuple[str, str]) -> tuple[ParameterSetting, ...]:
    return tuple(read_setting(CATALOGUE.parameters[name], text) for name, text in given)


def recipe(method: str, *languages: str, **more: Any) -> dict[str, Any]:
    return build(Request(LLAMA, method, languages, **more), CATALOGUE)


def weights(found: dict[str, Any]) -> list[float]:
    return [model["parameters"]["weight"] for model in found["models"]]


def test_linear_has_no_base_model() -> None:
    assert recipe("linear", "gl") == {
        "merge_method": "linear",
        "models": [
            {
                "model": "meta-llama/Llama-3.1-8B-Instruct",
                "parameters": {"weight": 1.0},
            },
            {"model": "HiTZ/gl_Llama-3.1-8B", "parameters": {"weight": 1.0}},
        ],
        "dtype": "bfloat16",
        "tokenizer_source": "meta-llama/Llama-3.1-8B-Instruct",
    }


def test_a_task_vector_method_starts_from_the_base_model() -> None:
    found = recipe("breadcrumbs", "eu")
    assert found["base_model"] == "meta-llama/Llama-3.1-8B"
    assert found["parameters"] == {"density": 0.9, "gamma": 0.01}
    assert [m["model"] for m in found["models"]][1:] == ["EXPERT_EU"]


def test_nearswap_starts_from_instruct() -> None:
    found = recipe("nearswap", "gl")
    assert found["base_model"] == "meta-llama/Llama-3.1-8B-Instruct"
    assert found["models"] == [{"model": "HiTZ/gl_Llama-3.1-8B"}]
    assert found["parameters"] == {"t": 0.5}


def test_layer_swap_gives_every_model_a_role() -> None:
    asked = settings(("bottom", "4"), ("top", "0.1"), ("revert", "a"), ("revert", "b"))
    found = recipe("layer_swap", "gl", settings=asked)
    assert found["merge_method"] == "layer_swap"
    roles = [m["parameters"] for m in found["models"]]
    assert roles == [{"role": "task"}, {"role": "language"}]
    assert found["parameters"] == {"bottom": 4, "top": 0.1, "revert": ["a", "b"]}


def test_several_experts_share_the_weight_of_one() -> None:
    assert weights(recipe("linear", "eu", "gl", "ca", "es")) == [1.0, *[0.25] * 4]
    assert weights(recipe("linear", "eu", "gl")) == [1.0, 0.5, 0.5]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["0.25"], [1.0, 0.25, 0.25]),
        (["eu=0.25"], [1.0, 0.25, 0.5]),
        (["instruct=0.5"], [0.5, 0.5, 0.5]),
        (["0.3", "gl=0.1", "instruct=0"], [0.0, 0.3, 0.1]),
    ],
)
def test_a_weight_without_a_name_is_for_every_expert(
    given: list[str], expected: list[float]
) -> None:
    asked = settings(*(("weight", text) for text in given))
    assert weights(recipe("task_arithmetic", "eu", "gl", settings=asked)) == expected


def test_a_density_of_one_model_leaves_the_others_theirs() -> None:
    found = recipe("dare_ties", "eu", settings=settings(("density", "eu=0.1")))
    densities = [model["parameters"]["density"] for model in found["models"]]
    assert densities == [0.5, 0.1]
    assert "parameters" not in found


def test_models_can_be_others() -> None:
    found = recipe(
        "ties", "fr", base="./b", instruct="./i", experts={"fr": "./e"}, dtype="float32"
    )
    assert found["base_model"] == "./b"
    assert [m["model"] for m in found["models"]] == ["./i", "./e"]
    assert (found["dtype"], found["tokenizer_source"]) == ("float32", "./i")


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (("llama-3.1-8", "linear", ("eu",)), "Did you mean llama-3.1-8b"),
        ((LLAMA, "linaer", ("eu",)), "Did you mean linear"),
        ((LLAMA, "linear", ("fr",)), "Unknown language of llama-3.1-8b 'fr'"),
        ((LLAMA, "nearswap", ("eu", "gl")), "takes 1 language, not 2"),
        ((LLAMA, "layer_swap", ("eu",)), "needs --bottom"),
    ],
)
def test_what_does_not_exist_is_named(request_: tuple[Any, ...], why: str) -> None:
    with pytest.raises(IberianError, match=why):
        build(Request(*request_), CATALOGUE)


@pytest.mark.parametrize(
    ("method", "more", "why"),
    [
        (
            "linear",
            {"settings": settings(("density", "1"))},
            "these have: breadcrumbs,",
        ),
        ("dare_ties", {"settings": settings(("seed", "1"))}, "Add --fused"),
        ("linear", {"settings": settings(("weight", "gl=1"))}, "Unknown model of this"),
        (
            "linear",
            {"settings": settings(("weight", "1"), ("weight", "2"))},
            "given twice",
        ),
        ("linear", {"settings": settings(("weight", "-1"))}, "sum to 0"),
        ("linear", {"experts": {"gl": "x"}}, "--lang gl"),
        ("linear", {"experts": {"eu": "meta-llama/Llama-3.1-8B"}}, "is both base and"),
        ("linear", {"dtype": "bfloat61"}, "Did you mean bfloat16"),
    ],
)
def test_what_cannot_be_is_refused(method: str, more: dict[str, Any], why: str) -> None:
    with pytest.raises(IberianError, match=why):
        recipe(method, "eu", **more)


def test_weights_may_cancel_where_nothing_divides_by_them() -> None:
    asked = settings(("weight", "-1"), ("normalize", "false"))
    assert weights(recipe("linear", "eu", settings=asked)) == [1.0, -1.0]


@pytest.mark.parametrize("languages", [(), ("eu", "eu")])
def test_languages_are_some_and_different(languages: tuple[str, ...]) -> None:
    with pytest.raises(DataError):
        Request(LLAMA, "linear", languages)


@pytest.mark.parametrize("method", ["lines", "null_space", "null_space_lines", "widen"])
def test_methods_that_mergekit_has_not_are_ours_and_list_the_instructed_model_first(
    method: str,
) -> None:
    found = recipe(method, "eu")
    assert found["merge_method"] == f"fused_{method}"
    assert found["base_model"] == "meta-llama/Llama-3.1-8B"
    assert found["models"] == [
        {"model": "meta-llama/Llama-3.1-8B-Instruct", "parameters": {"weight": 1.0}},
        {"model": "EXPERT_EU", "parameters": {"weight": 1.0}},
    ]


def test_a_part_of_the_experts_has_a_weight_of_its_own() -> None:
    asked = (
        ParameterSetting("weight_mlp", 0.5, "0.5"),
        ParameterSetting("weight_mlp", 0.25, "0.25", "gl"),
        ParameterSetting("weight_norms", 0.0, "0", "instruct"),
    )
    found = recipe("lines", "eu", "gl", settings=asked)
    assert [one["parameters"] for one in found["models"]] == [
        {"weight": 1.0, "weight_norms": 0.0},
        {"weight": 0.5, "weight_mlp": 0.5},
        {"weight": 0.5, "weight_mlp": 0.25},
    ]
