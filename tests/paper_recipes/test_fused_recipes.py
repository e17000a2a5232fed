"""Recipes for our methods pass our checks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lm_eval_iberian.paper_recipes import (
    ParameterSetting,
    Request,
    check_text,
    load_catalogue,
    read_setting,
    recipe_text,
)
from mergekit_ext.register import our_parameters, register_all


CATALOGUE = load_catalogue()
METHODS = sorted(CATALOGUE.methods)


@pytest.fixture(autouse=True, scope="module")
def _registered() -> None:
    register_all()


def asked(method: str) -> Request:
    given = {"bottom": "4", "top": "4"}
    settings = tuple(
        read_setting(CATALOGUE.parameters[name], given[name])
        for name in CATALOGUE.methods[method].required
    )
    return Request("llama-3.1-8b", method, ("gl",), fused=True, settings=settings)


@pytest.mark.parametrize("method", METHODS)
def test_our_method_has_the_parameters(method: str) -> None:
    found = CATALOGUE.methods[method]
    parameters = our_parameters(found.fused)
    assert parameters is not None
    names = {parameter.name for parameter in parameters}
    assert set(found.takes) <= names
    assert names - set(found.takes) <= {"role", "layers"}


@pytest.mark.parametrize("method", METHODS)
def test_a_recipe_passes(method: str) -> None:
    check_text(recipe_text(asked(method), CATALOGUE))


@pytest.mark.parametrize("method", ["dare_linear", "breadcrumbs"])
def test_a_recipe_with_more_values_passes(method: str) -> None:
    values = (
        ParameterSetting("density", 0.3, "0.3", "gl"),
        ParameterSetting("lambda", 0.5, "0.5"),
    )
    more = replace(asked(method), languages=("eu", "gl"), settings=values)
    check_text(recipe_text(more, CATALOGUE))
