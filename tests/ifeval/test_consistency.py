from __future__ import annotations

import dataclasses
import json
import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from lm_eval_iberian.download import cached
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.ifeval import consistency
from lm_eval_iberian.ifeval.asked_numbers import limits, numbers
from lm_eval_iberian.ifeval.consistency import (
    Finding,
    inconsistencies,
    is_listed,
    listed,
)
from lm_eval_iberian.ifeval.data import (
    Prompt,
    Repairs,
    languages,
    load,
    paper_source,
    read_repairs,
    read_set,
)
from lm_eval_iberian.ifeval.prompt_files import read
from lm_eval_iberian.languages import PromptWords, load_profile
from lm_eval_iberian.paths import data


LANGUAGES = languages("paper")
CASES = Path(__file__).resolve().parent.parent / "cases" / "ifeval_data"
TABLE = [
    json.loads(line)
    for line in (CASES / "consistency.jsonl").read_text("utf-8").splitlines()
]


@pytest.mark.parametrize("case", TABLE, ids=[case["why"] for case in TABLE])
def test_kwargs_that_the_prompt_does_not_ask_for(case: dict[str, Any]) -> None:
    prompt = Prompt(1, case["prompt"], (case["id"],), (case["kwargs"],), case["lang"])
    found = inconsistencies(prompt)
    assert [finding.kwarg for finding in found] == case["found"], found


@pytest.mark.parametrize("lang", languages("mini"))
def test_the_mini_set_asks_for_what_it_checks(lang: str) -> None:
    known = listed(lang, "mini")
    found = [f for p in load(lang, "mini") for f in inconsistencies(p)]
    assert not [finding for finding in found if not is_listed(finding, known)]


def english(reference: Path, repairs: Repairs) -> tuple[Prompt, ...]:
    path = reference / "m_ifeval" / "en_input_data.jsonl"
    return read(path, "en", repairs).prompts


def test_the_english_faults_are_found_and_repaired(reference: Path) -> None:
    before = [
        finding.key
        for prompt in english(reference, Repairs(version=0))
        for finding in inconsistencies(prompt)
    ]
    assert sorted(before) == [30, 143, 251, 337, 1174, 2807, 3221]
    after = [
        finding
        for prompt in english(reference, read_repairs("en"))
        for finding in inconsistencies(prompt)
    ]
    known = listed("en", "paper")
    assert [finding.key for finding in after] == [143]
    assert all(is_listed(finding, known) for finding in after)
    assert len(known) == len(after)  # none is out of date


def spoiled(kwarg: str, value: Any) -> Any:
    """Return a value that a prompt with the right one does not ask for."""
    if isinstance(value, int):
        return value + 7
    if isinstance(value, list):
        return ["zeppelin", *value[1:]]
    return {"letter": "ø", "language": "lt"}.get(kwarg, f"Zeppelin {value}")


def spoil_each(prompts: Iterable[Prompt]) -> tuple[Counter[str], Counter[str]]:
    """Spoil each kwarg in turn; count, by kwarg, the attempts and what was missed."""
    tried: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for prompt in prompts:
        count = len(inconsistencies(prompt))
        for place, kwargs in enumerate(prompt.kwargs):
            for kwarg, value in kwargs.items():
                if kwarg.endswith("relation"):
                    continue
                changed = list(prompt.kwargs)
                changed[place] = kwargs | {kwarg: spoiled(kwarg, value)}
                worse = dataclasses.replace(prompt, kwargs=tuple(changed))
                tried[kwarg] += 1
                missed[kwarg] += len(inconsistencies(worse)) <= count
    return tried, missed


def test_a_wrong_kwarg_is_found(reference: Path) -> None:
    """Each kwarg of each English prompt is spoiled in turn."""
    tried, missed = spoil_each(english(reference, read_repairs("en")))
    assert tried.total() > 600
    assert sum(missed.values()) < 0.01 * tried.total(), missed


@pytest.mark.parametrize("lang", languages("mini"))
def test_a_wrong_kwarg_of_the_mini_set_is_found(lang: str) -> None:
    tried, missed = spoil_each(load(lang, "mini"))
    assert tried.total() >= 75
    assert missed.total() == 0, missed


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_cached_paper_prompts(lang: str) -> None:
    path = cached(paper_source(lang).locate(lang))
    if not path.is_file():
        pytest.skip(f"NO PAPER DATA: {path} is absent")
    known = listed(lang, "paper")
    prompts = read_set(lang).prompts
    found = [f for p in prompts for f in inconsistencies(p)]
    open_ = [finding for finding in found if not is_listed(finding, known)]
    if open_:  # nobody has judged these yet
        warnings.warn(
            f"{lang}: {len(open_)} findings not listed: {open_}", stacklevel=1
        )
    assert len(open_) < 0.05 * len(prompts)


def test_exceptions_have_a_key_and_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (data() / "ifeval" / "consistency").glob("*.toml"):
        assert listed(path.stem, "paper")
    assert listed("xx", "paper") == []
    folder = tmp_path / "ifeval" / "consistency"
    folder.mkdir(parents=True)
    monkeypatch.setattr(consistency, "data", lambda: tmp_path)
    for text, said in (
        ("[[mini]]\nkey = 1\n", "needs a key and a reason"),
        ('[[mini]]\nreason = "r"\n', "needs a key and a reason"),
        ('[[mini]]\nkey = 1\nreason = "r"\nid = "a"\n', "unknown fields"),
    ):
        (folder / "eu.toml").write_text(text, "utf-8")
        with pytest.raises(DataError, match=said):
            listed("eu", "mini")


def test_an_exception_covers_its_own_finding_only() -> None:
    finding = Finding(1, "keywords:frequency", "frequency", 3, "why")
    for entry, covers in (
        ({"key": 1}, True),
        ({"key": 2}, False),
        ({"key": 1, "kwarg": "frequency"}, True),
        ({"key": 1, "kwarg": "keyword"}, False),
        ({"key": 1, "instruction_id": "keywords:frequency"}, True),
        ({"key": 1, "instruction_id": "keywords:existence"}, False),
    ):
        assert is_listed(finding, [entry]) is covers, entry


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_language_has_its_number_words(lang: str) -> None:
    words = load_profile(lang).prompts
    assert {int(n) for n in words.numbers} >= {*range(21), *range(30, 101, 10)}
    forms = [form for each in words.numbers.values() for form in each]
    assert len(forms) == len(set(forms))
    for number, each in words.numbers.items():
        for form in each:
            assert int(number) in numbers(f"… {form} …", words), form
    for kind in ("at_least", "at_most"):
        for cue in getattr(words, kind):
            assert limits(f"{cue} 5", words), cue
        for cue in getattr(words, f"{kind}_after"):
            assert limits(f"5 {cue}", words), cue
    assert set(words.languages) >= set(load_profile("en").prompts.languages)


def test_a_language_without_number_words_has_digits() -> None:
    none = PromptWords()
    assert numbers("almeno 1.200 parole, 3 volte", none) == {1, 3, 200, 1200}
    assert limits("almeno 3", none) == []
