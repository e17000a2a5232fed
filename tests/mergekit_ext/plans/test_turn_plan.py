"""Whose template a merge carries, and what of it the result's tokenizer can have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mergekit_ext.inputs.turn_ends import TurnEnds, read_turn_ends
from mergekit_ext.plans.turn_plan import TurnPlan, plan_turns
from mergekit_ext.recipes.recipe import Model, Recipe


WORDS = {"w0": 0, "<|text_end|>": 1, "w2": 2, "<|im_start|>": 3, "<|im_end|>": 4}
CHATML = "<|im_start|>{{ x }}<|im_end|>"
PLAIN = "{{ x }}"


def model(
    folder: Path,
    *,
    template: str | None = None,
    words: Mapping[str, int] | None = WORDS,
    end: str | None = "<|text_end|>",
    generation: Any = None,
    **config: Any,
) -> TurnEnds:
    folder.mkdir(parents=True)
    written: dict[str, Any] = {
        "config": {"vocab_size": len(words or WORDS), "eos_token_id": 1} | config,
        "tokenizer_config": {"eos_token": end, "chat_template": template},
    }
    if words is not None:
        added = [{"id": i, "content": w} for w, i in words.items() if w[0] == "<"]
        plain = {w: i for w, i in words.items() if w[0] != "<"}
        written["tokenizer"] = {"model": {"vocab": plain}, "added_tokens": added}
    if generation is not None:
        written["generation_config"] = generation
    for name, content in written.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / f"{name}.json").write_text(text, "utf-8")
    return read_turn_ends(folder.name, folder)


def planned(
    *models: TurnEnds, source: str | None = None, chat_template: str | None = None
) -> TurnPlan:
    found = {Model(one.model, str(one.folder)): one for one in models}
    named = {one.model: model for model, one in found.items()}
    recipe = Recipe(
        "linear",
        (),
        tuple(found),
        sets_tokenizer=source is not None,
        tokenizer_source=source
        if source == "base"
        else named.get(source or "", source),
        chat_template=chat_template,
    )
    return plan_turns(recipe, found)


def test_nobody_has_a_template(tmp_path: Path) -> None:
    plan = planned(model(tmp_path / "base"), model(tmp_path / "eu"))
    assert (plan.donor, plan.template, plan.notes) == (None, None, ())
    assert plan.line == "ends on <|text_end|>; no chat template"
    assert (plan.borrowed.config, plan.borrowed.generation) == ({}, None)


def test_the_one_that_has_a_template(tmp_path: Path) -> None:
    plan = planned(
        model(tmp_path / "base"),
        model(tmp_path / "eu"),
        model(tmp_path / "it", template=CHATML, eos_token_id=[1, 4]),
    )
    assert plan.line == "ends on <|text_end|>, <|im_end|>; template of it"
    assert plan.notes == ()


def test_a_model_that_is_named_goes_first(tmp_path: Path) -> None:
    it = model(tmp_path / "it", template=CHATML, eos_token_id=4)
    other = model(tmp_path / "other", template=PLAIN, eos_token_id=2)
    plan = planned(model(tmp_path / "base"), it, other, source="other")
    assert plan.line == "ends on <|text_end|>, w2; template of other"
    assert plan.notes == ()


def test_a_model_without_a_template_that_is_named(tmp_path: Path) -> None:
    it = model(tmp_path / "it", template=CHATML, eos_token_id=4)
    plan = planned(model(tmp_path / "base"), it, source="base")
    assert plan.line == "ends on <|text_end|>, <|im_end|>; template of it", (
        "base is where the vocabulary is from, not a name"
    )
    eu = model(tmp_path / "eu")
    plan = planned(model(tmp_path / "other"), it, eu, source="eu")
    assert plan.line == "ends on <|text_end|>; no chat template"
    assert plan.notes == (
        "The result has no chat template, although it has one; to have it, name it in"
        " tokenizer_source.",
    )


def test_a_base_with_the_template_of_its_family_does_not_count(tmp_path: Path) -> None:
    base = model(tmp_path / "base", template=CHATML)
    it = model(tmp_path / "it", template=CHATML + " ", eos_token_id=[4, 1])
    plan = planned(base, it, source="base")
    assert plan.line == "ends on <|text_end|>, <|im_end|>; template of it"
    assert plan.notes == ()


def test_of_one_template_the_model_that_says_most(tmp_path: Path) -> None:
    eu = model(tmp_path / "eu", template=PLAIN)
    it = model(tmp_path / "it", template=PLAIN, eos_token_id=[1, 4])
    plan = planned(model(tmp_path / "base"), eu, it)
    assert plan.donor is it


def test_templates_that_differ(tmp_path: Path) -> None:
    one = model(tmp_path / "one", template=PLAIN + "!", eos_token_id=4)
    two = model(tmp_path / "two", template=PLAIN + "?", eos_token_id=2)
    plan = planned(model(tmp_path / "base"), one, two)
    assert plan.line == "ends on <|text_end|>, <|im_end|>; template of one"
    assert plan.notes == (
        "The chat templates of one, two differ; the result carries that of one, the"
        " first in the recipe. To have another, name its model in tokenizer_source.",
    )
    plan = planned(two, one)
    assert plan.template == "two"
    assert "that of two, whose tokenizer the result has." in plan.notes[0]
    assert planned(two, one, source="one").notes == ()


def test_a_template_that_the_recipe_gives(tmp_path: Path) -> None:
    it = model(tmp_path / "it", template=PLAIN, eos_token_id=2)
    base = model(tmp_path / "base")
    plan = planned(base, it, chat_template=CHATML)
    assert plan.line == "ends on <|text_end|>, w2, <|im_end|>; template of the recipe"
    assert plan.borrowed.template is None
    plan = planned(base, it, chat_template="auto")
    assert plan.line == "ends on <|text_end|>, w2; template of it"


def test_a_token_that_the_tokenizer_of_the_result_lacks(tmp_path: Path) -> None:
    less = {"w0": 0, "<|text_end|>": 1, "w2": 2}
    it = model(tmp_path / "it", template=CHATML, eos_token_id=[4, 1])
    base = model(tmp_path / "base", words=less)
    plan = planned(base, it, source="base")
    assert plan.line == "ends on <|text_end|>; no chat template"
    assert plan.notes == (
        "it ends on <|im_end|>, which the tokenizer of the result does not have.",
        "The result has no chat template, although it has one: its tokenizer lacks"
        " <|im_start|>, <|im_end|>; name it in tokenizer_source.",
    )
    for source in ("it", "union"):
        plan = planned(base, it, source=source)
        assert plan.line == "ends on <|text_end|>, <|im_end|>; template of it"
        assert plan.notes == ()


def test_an_end_outside_the_vocabulary(tmp_path: Path) -> None:
    it = model(tmp_path / "it", template=PLAIN, eos_token_id=[4, 99, -1])
    plan = planned(model(tmp_path / "base"), it)
    assert plan.line == "ends on <|text_end|>, <|im_end|>; template of it"
    assert plan.notes == (
        "'it' ends on token 99, which is none of its 5 tokens; that is left out.",
        "'it' ends on token -1, which is none of its 5 tokens; that is left out.",
    )


def test_no_end_at_all(tmp_path: Path) -> None:
    nothing: dict[str, Any] = {"end": None, "eos_token_id": None}
    plan = planned(
        model(tmp_path / "base", **nothing),
        model(tmp_path / "it", template=PLAIN, **nothing),
    )
    assert plan.line == "ends on nothing that is known; template of it"
    assert plan.borrowed.config == {}


def test_a_tokenizer_without_an_end(tmp_path: Path) -> None:
    base = model(tmp_path / "base", end=None)
    it = model(tmp_path / "it", template=PLAIN, end=None, eos_token_id=4)
    assert planned(base, it).line == "ends on <|im_end|>; template of it"


def test_broken_settings(tmp_path: Path) -> None:
    it = model(tmp_path / "it", template=PLAIN, eos_token_id=4, generation="{")
    plan = planned(model(tmp_path / "base"), it)
    assert plan.line == "ends on <|text_end|>, <|im_end|>; template of it"
    (note,) = plan.notes
    assert note.startswith("Model 'it': ")
    assert "generation_config.json cannot be read" in note


def test_no_tokenizer_that_could_carry_a_template(tmp_path: Path) -> None:
    base = model(tmp_path / "base", words=None, end=None)
    it = model(tmp_path / "it", template=PLAIN, eos_token_id=[1, 4])
    plan = planned(base, it)
    assert plan.line == "ends on token 1, token 4; no chat template"
    assert plan.notes == (
        "The result has no chat template, although it has one: it gets no tokenizer"
        " that could carry it.",
    )


def test_two_models_of_one_name(tmp_path: Path) -> None:
    it = model(tmp_path / "a" / "it", template=PLAIN)
    other = model(tmp_path / "b" / "it")
    found = {Model("b/it", "b/it"): other, Model("a/it", "a/it"): it}
    plan = plan_turns(Recipe("linear", (), tuple(found)), found)
    assert plan.template == "a/it"


@pytest.mark.parametrize("source", ["it", "union"])
def test_numbers_are_those_of_the_result(tmp_path: Path, source: str) -> None:
    other = {"w2": 0, "<|im_end|>": 1, "<|im_start|>": 2, "<|text_end|>": 3, "w0": 4}
    settings = {"eos_token_id": [1, 3], "pad_token_id": 2, "top_k": 3}
    it = model(
        tmp_path / "it", template=CHATML, words=other, generation=settings,
        eos_token_id=[1, 3], bos_token_id=4,
    )  # fmt: skip
    plan = planned(model(tmp_path / "base"), it, source=source)
    ids = other if source == "it" else WORDS
    assert plan.borrowed.config.get("pad_token_id") == ids["<|im_start|>"]
    assert plan.borrowed.config.get("bos_token_id") == ids["w0"]
    assert set(plan.borrowed.ends) == {ids["<|im_end|>"], ids["<|text_end|>"]}
    assert plan.borrowed.generation == {
        "eos_token_id": [ids["<|im_end|>"], ids["<|text_end|>"]],
        "pad_token_id": ids["<|im_start|>"],
        "bos_token_id": ids["w0"],
        "top_k": 3,
    }


@pytest.mark.parametrize("key", ["pad_token_id", "bos_token_id"])
def test_a_number_of_the_base_that_is_no_token(tmp_path: Path, key: str) -> None:
    base = model(tmp_path / "base", **{key: -1})
    plan = planned(base, model(tmp_path / "eu"))
    assert plan.borrowed.config == {key: None}
