"""A search's specification: what is read of it, what is said of a wrong one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from search_specs import ALONE, GOOD

from lm_eval_iberian.search.search_space import SearchSpace
from lm_eval_iberian.search.search_spec import read_search
from lm_eval_iberian.sweep.placed_yaml import SweepSpecError


Written = Callable[[str], Path]
# why, what is changed, into what, the line, what is said
WRONG = [
    ("nearest names", "seed: 7", "sead: 7", 19, "Did you mean seed"),
    ("a sampler by name", "seed: 7", "sampler: tpes", 19, "Did you mean tpe"),
    ("a whole number", "seed: 7", "candidates: 0", 19, "whole number from 1 on"),
    ("between bounds", "delta: 3", "delta: -1", 20, "delta must be from 0 to 100"),
    ("a number", "delta: 3", "delta: two", 20, "delta must be a number, found 'two'"),
    ("no truth", "delta: 3", "level: true", 20, "level must be a number, found True"),
    ("both suites", "  language:", "  languages:", 13, "Did you mean language"),
    ("items are chosen here", "    apply_chat_template: true",
     "    limit: 3", 17, "a search chooses the items itself"),
    ("an item once", "    apply_chat_template: true", "    runs: 3", 17, "evaluates"),
    ("no folders", "search:", "engine: disk\nsearch:", 18, "merges in memory"),
    ("a sweep's key", "search:", "seeds: [1]\nsearch:", 18, "seeds is of a sweep"),
    ("a method", "task_arithmetic", "task_arithmatic", 6, "Did you mean task_arit"),
    ("a parameter", "density:", "dencity:", 10, "Did you mean density"),
    ("a value within", "density: [0.2, 0.5]", "density: 0.5..2", 10, "density must be"),
    ("a model", "{eu: 0..1.5, gl", "{pt: 0..1.5, gl", 7, "Unknown model of a merge"),
    ("a range", "0..1.5", "0...1.5", 7, "is no range; write 0..1.5"),
    ("upwards", "0..1.5", "1.5..0", 7, "ends where it begins, or before"),
    ("steps to the end", "0.25", "0.3", 7, "do not come to its end"),
    ("by what", "0..1.5", "0..1.5 by layer", 7, "by third and part"),
    ("layers that are known", "0..1.5", "0..1.5 by third", 7, "leave `by third` out"),
    ("one merge", "weight: 0..1\n", "weight: 0..1\n    experts: each\n", 8,
     "of several"),
    ("numbers alone", "seed: 7", "sampler: cmaes", 18, "cmaes searches numbers alone"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("why", "old", "new", "line", "said"), WRONG, ids=[row[0] for row in WRONG]
)
def test_a_wrong_one(
    written: Written, why: str, old: str, new: str, line: int, said: str
) -> None:
    assert old in GOOD
    path = written(GOOD.replace(old, new, 1))
    with pytest.raises(SweepSpecError) as error:
        SearchSpace(read_search(path))
    assert str(error.value).startswith(f"{path}, line {line}: "), str(error.value)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_nothing_that_is_searched(written: Written) -> None:
    text = (
        ALONE.replace("0..1.5", "1").replace("0..1", "1").replace("[0.2, 0.5]", "0.2")
    )
    with pytest.raises(SweepSpecError, match="line 5: nothing is searched here"):
        SearchSpace(read_search(written(text)))


def test_what_is_read(written: Written) -> None:
    found = read_search(written(GOOD)).settings
    assert (found.seed, found.delta, found.sampler) == (7, 3.0, "tpe")
    bare = read_search(written(GOOD.partition("search:")[0])).settings
    assert (bare.delta, bare.level, bare.development) == (2.0, 0.05, 0.5)


def test_how_many_candidates_there_are_decides_on_none_of_them(
    written: Written,
) -> None:
    few, many, other = (
        read_search(written(GOOD.replace("seed: 7", text))).settings.as_data()
        for text in ("seed: 7\n  candidates: 4", "seed: 7\n  items: 9", "seed: 8")
    )
    assert few == many != other
