"""The six mini sets: parallel, complete, and each prompt with its own text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any, Final

import pytest

from lm_eval_iberian.ifeval import INSTRUCTIONS
from lm_eval_iberian.ifeval.data import Prompt, languages, load
from lm_eval_iberian.languages import fold, fold_spaces, load_profile, words


LANGUAGES: Final = languages("mini")
# kwargs that mean the same in every language
SHARED: Final = ("relation", "let_relation", "capital_relation")
# the options that several prompts list are not theirs alone
MOST_ALIKE: Final = 0.25


def skeleton(prompt: Prompt) -> list[tuple[str, dict[str, Any]]]:
    """Return the instructions with what must not differ between languages."""
    return [
        (name, {k: v for k, v in kw.items() if isinstance(v, int) or k in SHARED})
        for name, kw in zip(prompt.instruction_ids, prompt.kwargs, strict=True)
    ]


def test_there_are_six_sets() -> None:
    assert LANGUAGES == ("ca", "en", "es", "eu", "gl", "pt")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_set_is_parallel_to_the_basque_one(lang: str) -> None:
    wanted = {prompt.key: skeleton(prompt) for prompt in load("eu", "mini")}
    found = {prompt.key: skeleton(prompt) for prompt in load(lang, "mini")}
    assert found.keys() == wanted.keys()
    assert {key: found[key] for key in found if found[key] != wanted[key]} == {}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_set_has_fifty_prompts_and_every_type_twice(lang: str) -> None:
    prompts = load(lang, "mini")
    assert len(prompts) >= 50
    types = Counter(name for prompt in prompts for name in prompt.instruction_ids)
    assert {name: types[name] for name in INSTRUCTIONS if types[name] < 2} == {}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_two_prompts_are_nearly_the_same(lang: str) -> None:
    options = load_profile(lang).constrained.options
    grams = {p.key: trigrams(p.prompt, lang, options) for p in load(lang, "mini")}
    alike = {
        pair: round(share, 2)
        for pair in combinations(grams, 2)
        if (share := overlap(*(grams[key] for key in pair))) > MOST_ALIKE
    }
    assert alike == {}


def trigrams(text: str, lang: str, options: Iterable[str]) -> frozenset[Any]:
    """Return the runs of three words outside the listed options."""
    text = fold(text)
    for option in options:
        text = text.replace(fold(option), " ")
    found = words(text, load_profile(lang))
    return frozenset(zip(found, found[1:], found[2:], strict=False))


def overlap(one: frozenset[Any], other: frozenset[Any]) -> float:
    """Return the share of the shorter text that stands in the longer one, 0 to 1."""
    shorter = min(len(one), len(other))
    return len(one & other) / shorter if shorter else 1.0


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_prompt_says_what_is_checked(lang: str) -> None:
    silent = {
        prompt.key: missing
        for prompt in load(lang, "mini")
        if (missing := unsaid(prompt.prompt, prompt.kwargs))
    }
    assert silent == {}


def unsaid(prompt: str, kwargs: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the words and marks of the kwargs that a prompt does not hold."""
    wanted = [
        text
        for kw in kwargs
        for name, value in kw.items()
        if name not in (*SHARED, "language") and not isinstance(value, int)
        for text in (value if isinstance(value, list | tuple) else [value])
    ]
    return [text for text in wanted if fold_spaces(text) not in fold_spaces(prompt)]


def test_near_duplicates_and_silent_prompts_are_seen() -> None:
    one = trigrams("write a poem about the sea in winter", "en", ())
    two = trigrams("please write a poem about the sea in the fall", "en", ())
    assert overlap(one, two) > MOST_ALIKE
    assert overlap(one, trigrams("a short letter to my landlord", "en", ())) == 0
    assert unsaid("Use “rain”.", [{"keywords": ["Rain", "sun"]}]) == ["sun"]
