"""The catalogue says of everything where it is from, and mergekit knows its names."""

from __future__ import annotations

from pathlib import Path

import pytest
from mergekit.merge_methods import registered_methods

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.paper_recipes.recipe_catalogue import (
    load_catalogue,
    read_catalogue,
)


CATALOGUE = load_catalogue()
SOURCES = ("scripts", "card", "ours: ")


def test_everything_has_a_source() -> None:
    found = [*CATALOGUE.backbones.values(), *CATALOGUE.methods.values()]
    sources = [one.source for one in (*found, *CATALOGUE.tables)]
    for backbone in CATALOGUE.backbones.values():
        sources += [expert.source for expert in backbone.experts.values()]
    sources.append(CATALOGUE.weights["source"])
    assert all(source.startswith(SOURCES) for source in sources)


def test_an_id_is_known_where_there_is_a_card_and_only_there() -> None:
    for backbone in CATALOGUE.backbones.values():
        for expert in backbone.experts.values():
            assert (expert.id is not None) == (expert.source == "card")
            assert expert.id is None or expert.id.endswith(f"/{expert.called}")


@pytest.mark.parametrize(
    "name", [k for k, m in CATALOGUE.methods.items() if not m.alone]
)
def test_mergekit_has_the_parameters(name: str) -> None:
    (spec,) = [m.spec for m in registered_methods() if m.spec.name == name]
    stock = set(CATALOGUE.methods[name].takes) - set(CATALOGUE.fused_only)
    known = {parameter.name for parameter in spec.parameters}
    assert stock <= known
    # what a recipe leaves out is left to the method, so the method must have a default
    needed = {parameter.name for parameter in spec.parameters if parameter.required}
    assert needed <= {"weight", *CATALOGUE.methods[name].defaults}


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('start = "none"', 'start = "here"', "start must be one of"),
        ("defaults = { t = 0.5 }", "defaults = { u = 0.5 }", "u is not among takes"),
        ('takes = ["t"]', 'takes = ["t", "u"]', "unknown"),
        ('methods = ["nearswap"]', 'methods = ["nearswop"]', "nearswop"),
        ('fused_only = ["seed"', 'fused_only = ["sead"', "unknown .'sead'"),
        ('what = "Llama 3.1 8B"', "", "what"),
        ("[[tables]]", "[[tablets]]", "tables"),
        ("[[suggestions]]\nmethod = ", "[[suggestions]]\nmethod = 'x' #", "unknown"),
        ("[suggestions.values]\n", "[suggestions.values]\nt = 1\n", "not take"),
    ],
)
def test_a_faulty_catalogue_is_named(
    root: Path, tmp_path: Path, old: str, new: str, why: str
) -> None:
    text = (root / "data" / "recipes" / "catalogue.toml").read_text("utf-8")
    assert old in text
    path = tmp_path / "faulty.toml"
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(DataError, match=why) as caught:
        read_catalogue(path)
    assert "faulty.toml" in str(caught.value)
