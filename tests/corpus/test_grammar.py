from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pytest

from lm_eval_iberian.corpus.grammar import load_grammar, read_grammar
from lm_eval_iberian.corpus.prose import languages
from lm_eval_iberian.errors import DataError, UnknownNameError


GRAMMAR = """
lang = "xx"
[slots.fruit]
forms = ["def", "indef"]
rows = [["the pear", "a pear"], ["the fig", "a fig"]]
[[templates]]
text = "{fruit.indef} is here: {fruit.def}, not {fruit2.def}."
topic = "food"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "grammar.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_one_slot_is_one_row_and_a_digit_another(tmp_path: Path) -> None:
    grammar = read_grammar(write(tmp_path, GRAMMAR))
    found = {s for s in islice(grammar.sentences("k"), 50)}
    assert found == {
        "A pear is here: the pear, not the fig.",
        "A fig is here: the fig, not the pear.",
    }


def test_the_same_key_gives_the_same_sentences() -> None:
    grammar = load_grammar("eu")
    first = list(islice(grammar.sentences("a"), 20))
    assert first == list(islice(grammar.sentences("a"), 20))
    assert first != list(islice(grammar.sentences("b"), 20))


def test_the_global_generator_is_left_alone() -> None:
    state = random.getstate()
    next(load_grammar("eu").sentences("a"))
    assert random.getstate() == state


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("{fruit2.def}", "{nut.def}"), "no slot 'nut'"),
        (("{fruit2.def}", "{fruit.pl}"), "has no form 'pl'"),
        (("{fruit2.def}", "{fruit}"), "a brace is left over"),
        (('"the fig", "a fig"', '"the fig"'), "slot fruit: every row must have"),
    ],
)
def test_a_fault_is_named(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    with pytest.raises(DataError, match=r"grammar\.toml") as caught:
        read_grammar(write(tmp_path, GRAMMAR.replace(*change)))
    assert said in str(caught.value)


def test_unknown_names() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean eu"):
        load_grammar("eus")
    with pytest.raises(UnknownNameError, match="Did you mean food"):
        next(load_grammar("en").sentences("k", "foods"))


@pytest.mark.parametrize("lang", languages())
def test_every_template_of_a_shipped_grammar_gives_a_sentence(lang: str) -> None:
    grammar = load_grammar(lang)
    rng = random.Random(0)  # noqa: S311
    assert len(grammar.topics) == 12
    for templates in grammar.templates.values():
        for template in templates:
            for _ in range(3):
                text = grammar._fill(template, rng)
                assert text.endswith("."), text
                assert "  " not in text, text
                assert not set("{}") & set(text), text


@pytest.mark.parametrize("lang", languages())
def test_every_slot_is_used(lang: str) -> None:
    grammar = load_grammar(lang)
    every = " ".join(t for ts in grammar.templates.values() for t in ts)
    unused = [
        name
        for name in grammar.slots
        if f"{{{name}." not in every and f"{{{name}2." not in every
    ]
    assert not unused
