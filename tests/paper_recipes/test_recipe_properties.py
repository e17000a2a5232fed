"""Whatever is asked for: a recipe that mergekit takes, or a sentence."""

from __future__ import annotations

import shlex
from typing import Any

import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from mergekit.config import MergeConfiguration

from lm_eval_iberian.cli import main
from lm_eval_iberian.errors import IberianError
from lm_eval_iberian.paper_recipes import (
    Request,
    build,
    load_catalogue,
    read_setting,
    recipe_text,
)


CATALOGUE = load_catalogue()
NAMES = st.sampled_from(["eu", "gl", "ca", "es"])
IDS = st.sampled_from(
    ["org/model", "./a folder", "org/m@main", "a'b", "x: y", "# z", "~"]
)
NUMBERS = st.floats(-2, 2).map(repr) | st.sampled_from(["0", "1", "0.0001", "1e-05"])
SHARES, LAYERS = st.floats(0, 1).map(repr), st.integers(0, 80).map(str)
SWITCHES = st.sampled_from(["true", "false"])
TEXTS = {
    "density": SHARES, "gamma": SHARES, "epsilon": SHARES, "energy": SHARES,
    "side": st.sampled_from(["right", "left", "both"]),
    "normalize": SWITCHES, "rescale": SWITCHES,
    "bottom": LAYERS, "top": LAYERS, "transition": LAYERS,
    "seed": st.integers(0, 2**64 - 1).map(str), "revert": IDS,
    "embeddings": st.sampled_from(["language", "task", "average"]),
}  # fmt: skip


@st.composite
def settings_of(draw: Any) -> Any:
    name = draw(st.sampled_from(sorted(CATALOGUE.parameters)))
    parameter = CATALOGUE.parameters[name]
    text = draw(TEXTS.get(name, NUMBERS))
    own = parameter.per_model
    model = draw(st.none() | NAMES | st.just("instruct")) if own else None
    return read_setting(parameter, text if model is None else f"{model}={text}")


REQUESTS = st.builds(
    Request,
    st.sampled_from(sorted(CATALOGUE.backbones)),
    st.sampled_from(sorted(CATALOGUE.methods)),
    st.lists(NAMES, min_size=1, max_size=4, unique=True).map(tuple),
    st.booleans(),
    st.none() | IDS,
    st.none() | IDS,
    st.dictionaries(NAMES, IDS, max_size=2),
    st.lists(settings_of(), max_size=3).map(tuple),
    st.none() | st.sampled_from(["float32", "bfloat16"]),
    st.sampled_from(["average", "instruct", "base"]),
)


@given(REQUESTS)
@settings(max_examples=300)
def test_a_recipe_or_a_sentence(request: Request) -> None:
    try:
        recipe = build(request, CATALOGUE)
    except IberianError:
        return
    text = recipe_text(request, CATALOGUE)
    loaded = yaml.safe_load(text)
    assert loaded == recipe
    assert list(loaded) == list(recipe)
    config = MergeConfiguration.model_validate(loaded)
    assert [str(m.model) for m in config.models] == [
        m["model"] for m in loaded["models"]
    ]


@given(REQUESTS)
@settings(max_examples=100)
def test_the_command_in_the_comment_makes_the_same_recipe(request: Request) -> None:
    try:
        text = recipe_text(request, CATALOGUE)
    except IberianError:
        return
    program, *arguments = shlex.split(text.splitlines()[0].removeprefix("# "))
    assert program == "iberian"
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert yaml.safe_load(result.output) == yaml.safe_load(text)
    for parameter in ("weight", "density"):
        assert result.output.count(f"{parameter}:") == text.count(f"{parameter}:")
