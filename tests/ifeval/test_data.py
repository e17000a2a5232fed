from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import logging
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from file_server import serving

from lm_eval_iberian import download
from lm_eval_iberian.download import MIRROR, cached, ifeval_sources, source
from lm_eval_iberian.errors import DataError, DataUnavailableError, UnknownNameError
from lm_eval_iberian.ifeval import data as module
from lm_eval_iberian.ifeval.data import (
    Prompt,
    Reading,
    languages,
    load,
    read_repairs,
    read_set,
)
from lm_eval_iberian.ifeval.prompt_files import left_out, read, read_prompts
from lm_eval_iberian.ifeval.registry import INSTRUCTIONS


# written here in the schema of the paper's files: unprefixed ids, missing kwargs, and
# the faults that facts about those files name
PAPER: list[dict[str, Any]] = [
    {
        "key": 1000,
        "prompt": "Idatzi bi esaldi itsasoari buruz, komarik erabili gabe.",
        "instruction_id_list": ["punctuation:no_comma"],
        "kwargs": [{}],
    },
    {
        "key": 1237,
        "prompt": "Erabili «olatu» hitza.",
        "instruction_id_list": ["keywords:existence"],
        "kwargs": [{"keywords": "olatu"}],
    },
    {
        "key": 3323,
        "prompt": None,
        "instruction_id_list": ["punctuation:no_comma"],
        "kwargs": [{}],
    },
    {
        "key": 5,
        "prompt": "Kaixo.",
        "instruction_id_list": [],
        "kwargs": [],
    },
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    return path


@pytest.fixture
def mirror(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A local server with the paper's layout; returns the folder it serves."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with serving(handler) as url:
        monkeypatch.setenv(MIRROR, url)
        yield folder


def served(folder: Path, lang: str = "eu") -> Path:
    address = source("google-ifeval" if lang == "en" else "iber-ifeval").locate(lang)
    return folder / address.split("/", 3)[3]


def test_another_language_is_an_entry_of_the_sources(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = (
        '\n[asturian]\nwhat = "w"\nprompts_of = "Asturian-IFEval"\nurl = "https://x/y"\n'
        'commit = "c"\nlanguages = ["ast"]\n'
    )
    text = (root / "data" / "SOURCES.toml").read_text("utf-8")
    (tmp_path / "SOURCES.toml").write_text(text + entry, "utf-8")
    before = languages("paper")
    assert before[:5] == ("eu", "gl", "ca", "es", "en")
    monkeypatch.setattr(download, "data", lambda: tmp_path)
    assert languages("paper") == (*before, "ast")
    assert module.paper_source("ast").prompts_of == "Asturian-IFEval"
    with pytest.raises(UnknownNameError, match="flores"):
        module.paper_source("flores")


def test_the_paper_s_file_is_fetched_repaired_and_validated(mirror: Path) -> None:
    write(served(mirror), PAPER)
    prompts = {prompt.key: prompt for prompt in load("eu")}
    assert set(prompts) == {1000, 1237, 5}  # the null prompt is dropped
    assert prompts[1237].kwargs == ({"keywords": ["olatu"]},)
    assert {prompt.lang for prompt in prompts.values()} == {"eu"}
    served(mirror).unlink()
    assert len(load("eu")) == 3  # from the cache


def whole(lang: str, *, prompts: int = 541) -> list[dict[str, Any]]:
    """Return as many rows and instructions as the published file of a language has."""
    row = PAPER[0] | {"prompt": "1234."}
    rows = [row | {"key": 10_000 + number} for number in range(541)]
    two = {"instruction_id_list": ["startend:quotation"] * 2, "kwargs": [{}, {}]}
    rows = [one | two if at < 834 - 541 else one for at, one in enumerate(rows)]
    if prompts == 540:
        rows[-1] |= {"key": 3323, "prompt": None}
    return rows


@pytest.mark.parametrize("lang", ["eu", "gl", "ca", "es"])
def test_a_file_that_has_lost_rows_is_refused_and_not_kept(
    mirror: Path, monkeypatch: pytest.MonkeyPatch, lang: str
) -> None:
    """Where no mirror was chosen, a part of the rows is no set."""
    monkeypatch.setattr(module, "is_mirrored", lambda: False)
    rows = whole(lang)
    write(served(mirror, lang), rows[:400])
    with pytest.raises(DataError, match="rows are missing: it holds 400 prompts, not"):
        load(lang)
    assert not cached(module.paper_source(lang).locate(lang)).exists()
    write(served(mirror, lang), rows)
    assert len(load(lang)) == 541
    write(cached(module.paper_source(lang).locate(lang)), rows[:400])
    with pytest.raises(DataError, match=r"rows are missing: .*; delete it"):
        load(lang)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"instruction_id_list": [], "kwargs": []}, "it holds 832 instructions, not"),
        ({"key": 5}, "it holds 542 prompts, not 541"),
    ],
)
def test_a_file_with_other_counts_is_refused(
    mirror: Path, change: dict[str, Any], said: str
) -> None:
    rows = whole("gl")
    rows = (
        [*rows, rows[0] | change] if "key" in change else [rows[0] | change, *rows[1:]]
    )
    write(served(mirror, "gl"), rows)
    with pytest.raises(DataError, match=said) as told:
        load("gl")
    assert "rows are missing" not in str(told.value)


@pytest.mark.parametrize(
    ("prompts", "told_by"),
    [(540, "key 3323 is null"), (541, "key 3323 has a text")],
)
def test_which_of_two_published_versions_is_there(
    mirror: Path, prompts: int, told_by: str
) -> None:
    write(served(mirror), whole("eu", prompts=prompts))
    reading = read_set("eu")
    assert len(reading.prompts) == prompts
    assert reading.version is not None
    assert reading.version.told_by == told_by
    assert reading.missing == ""


def test_a_corrupt_download_is_not_kept(mirror: Path) -> None:
    target = served(mirror)
    write(target, PAPER)
    whole = target.read_text()
    target.write_text(whole[:-20])
    with pytest.raises(DataError, match=r"line 4: not JSON"):
        load("eu")
    target.write_text(whole)
    assert len(load("eu")) == 3


def test_a_file_that_is_gone_says_so(mirror: Path) -> None:
    with pytest.raises(DataUnavailableError, match="HTTP 404"):
        load("eu")


def test_lm_eval_gets_one_uniform_schema(mirror: Path) -> None:
    from lm_eval_iberian.tasks.ifeval import load as load_dataset

    write(served(mirror), PAPER)
    rows = list(load_dataset(lang="eu", which="paper", pretrained="ignored")["test"])
    assert [row["key"] for row in rows] == [1000, 1237]  # nothing asked, nothing scored
    assert json.loads(rows[1]["kwargs"]) == [{"keywords": ["olatu"]}]


def test_the_mini_set_has_every_instruction_type() -> None:
    prompts = load("eu", "mini")
    assert len(prompts) >= 30
    assert {i for p in prompts for i in p.instruction_ids} == set(INSTRUCTIONS)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"key": "1a"}, "'key' must be a whole number, found '1a'"),
        ({"prompt": ""}, "'prompt' must be a text"),
        ({"kwargs": []}, "1 instructions but 0 kwargs"),
        ({"kwargs": {}}, "'instruction_id_list' and 'kwargs' must be lists"),
        ({"kwargs": [{"num_words": 3}]}, "num_words"),
        (
            {
                "instruction_id_list": ["language:response_language"],
                "kwargs": [{"language": "euskara"}],
            },
            "kwarg 'language' must be the code of a language that can be told",
        ),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = write(tmp_path / "a.jsonl", [PAPER[0] | change])
    with pytest.raises(DataError, match=r"a\.jsonl, line 1") as caught:
        read_prompts(path, "eu")
    assert said in str(caught.value)


def test_a_key_that_stands_twice_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [PAPER[0], PAPER[0]])
    with pytest.raises(DataError, match="line 2: key 1000 stands twice"):
        read_prompts(path, "eu")


def test_prefixed_ids_and_null_kwargs_load_and_zero_is_a_value(tmp_path: Path) -> None:
    row = {
        "key": 1,
        "prompt": "Write no x.",
        "instruction_id_list": ["en:keywords:letter_frequency"],
        "kwargs": [
            {"letter": "x", "let_frequency": 0, "let_relation": "at least", "a": None}
        ],
    }
    (prompt,) = read_prompts(write(tmp_path / "a.jsonl", [row]), "en")
    assert prompt.kwargs[0]["let_frequency"] == 0
    assert "a" not in prompt.kwargs[0]


@pytest.mark.parametrize(
    ("name", "given", "read", "why"),
    [
        (
            "length_constraints:number_words",
            {"relation": "como máximo", "num_words": 120},
            {"relation": "less than", "num_words": 121},
            "120 words are allowed",
        ),
        (
            "keywords:letter_frequency",
            {"let_relation": "al menos", "letter": "f", "let_frequency": 1},
            {"let_relation": "at least", "letter": "f", "let_frequency": 1},
            "the relation has another name there",
        ),
        (
            "detectable_content:number_placeholders",
            {"relation": "al menos", "num_placeholders": 3},
            {"num_placeholders": 3},
            "the type asks for at least so many anyway",
        ),
        (
            "detectable_content:number_placeholders",
            {"relation": "como máximo", "num_placeholders": 3},
            {"relation": "less than", "num_placeholders": 4},
            "and another relation is kept",
        ),
    ],
)
def test_relations_in_m_ifeval_s_words(
    tmp_path: Path, name: str, given: dict[str, Any], read: dict[str, Any], why: str
) -> None:
    row = PAPER[0] | {"instruction_id_list": [f"es:{name}"], "kwargs": [given]}
    (prompt,) = read_prompts(write(tmp_path / "a.jsonl", [row]), "es")
    assert prompt.kwargs == (read,), why


@pytest.mark.parametrize(
    ("name", "given"),
    [
        (
            "detectable_format:number_bullet_lists",
            {"relation": "al menos", "num_bullets": 3},
        ),
        ("length_constraints:number_words", {"relation": "exacto", "num_words": 3}),
        (
            "length_constraints:number_words",
            {"relation": "al menos", "num_words": True},
        ),
    ],
)
def test_a_relation_that_no_check_knows_is_refused(
    tmp_path: Path, name: str, given: dict[str, Any]
) -> None:
    row = PAPER[0] | {"instruction_id_list": [name], "kwargs": [given]}
    with pytest.raises(DataError, match="relation"):
        read_prompts(write(tmp_path / "a.jsonl", [row]), "es")


def test_unknown_names_come_with_what_exists() -> None:
    with pytest.raises(UnknownNameError, match="Available: mini, paper"):
        load("eu", "minni")
    with pytest.raises(UnknownNameError, match="Unknown language"):
        load("xx", "mini")
    with pytest.raises(UnknownNameError, match=r"Available: .*ca, en, es, eu, gl"):
        load("xx")


# in the schema of google/IFEval: every kwarg that is not used is null
UNUSED = dict.fromkeys(
    ["num_words", "relation", "keyword", "frequency", "letter", "num_bullets"]
)
HUB: list[dict[str, Any]] = [
    {
        "key": 1000,
        "prompt": "Describe a harbour in at least 50 words, without any comma.",
        "instruction_id_list": [
            "punctuation:no_comma",
            "length_constraints:number_words",
        ],
        "kwargs": [UNUSED, UNUSED | {"num_words": 50, "relation": "at least"}],
    },
    {
        "key": 1001,
        "prompt": "Name three rivers without using any comma.",
        "instruction_id_list": ["punctuation:no_comma"],
        "kwargs": [UNUSED],
    },
]


def pinned_as(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Let the English source expect what the test serves."""

    sources = [
        dataclasses.replace(found, **changes)
        if found.name == "google-ifeval"
        else found
        for found in ifeval_sources()
    ]
    monkeypatch.setattr(module, "ifeval_sources", lambda: sources)


def test_english_loads_like_the_others(
    mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(served(mirror, "en"), HUB)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    pinned_as(monkeypatch, sha256=digest, prompts=2, instructions=3)
    first, second = load("en")
    assert first.kwargs == ({}, {"num_words": 50, "relation": "at least"})
    assert second.unsatisfiable == (False,)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "its SHA-256 is"),
        ({"sha256": None}, "it holds 2 prompts, not 541"),
        ({"sha256": None, "prompts": 2}, "it holds 3 instructions, not 834"),
    ],
)
def test_another_english_file_is_refused_and_not_kept(
    mirror: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], said: str
) -> None:
    write(served(mirror, "en"), HUB)
    pinned_as(monkeypatch, **changes)
    with pytest.raises(DataError, match=said):
        load("en")
    pinned_as(monkeypatch, sha256=None, prompts=2, instructions=3)
    assert len(load("en")) == 2


def test_a_cached_file_that_is_not_whole_is_refused(
    mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = write(cached(module.paper_source("en").locate("en")), PAPER[:2])
    pinned_as(monkeypatch, prompts=3, instructions=4)
    with pytest.raises(
        DataError, match=r"it holds 2 prompts, not 3; delete it"
    ) as told:
        load("en")
    assert str(target) in str(told.value)


def test_a_cached_file_that_is_broken_is_named(mirror: Path) -> None:
    target = write(cached(module.paper_source("eu").locate("eu")), PAPER)
    target.write_bytes(target.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"line 4: not JSON.*; delete it"):
        load("eu")


def test_the_english_source_is_pinned() -> None:
    pinned = source("google-ifeval")
    assert len(pinned.commit) == 40
    assert len(pinned.sha256 or "") == 64
    assert (pinned.prompts, pinned.instructions) == (541, 834)
    assert pinned.commit in pinned.locate("en")
    assert set(languages("paper")) >= {"eu", "gl", "ca", "es", "en", "pt"}


def test_the_hub_s_address_may_be_another(
    mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    monkeypatch.setenv("HF_ENDPOINT", os.environ[MIRROR])
    monkeypatch.delenv(MIRROR)
    write(served(mirror, "en"), HUB)
    pinned_as(monkeypatch, sha256=None, prompts=2, instructions=3)
    assert len(load("en")) == 2


def test_offline_the_english_prompts_say_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path))
    with pytest.raises(DataUnavailableError) as caught:
        load("en")
    text = str(caught.value)
    assert "HF_HUB_OFFLINE is set" in text
    assert source("google-ifeval").locate("en") in text


def test_the_real_english_prompts(reference: Path) -> None:
    reading = read(
        reference / "m_ifeval" / "en_input_data.jsonl", "en", read_repairs("en")
    )
    prompts = {prompt.key: prompt for prompt in reading.prompts}
    published = [name for p in reading.prompts for name in p.published[0]]
    assert (len(prompts), len(published)) == (541, 834)
    asked = sum(len(p.instruction_ids) for p in reading.prompts)
    assert asked == 834 + added(reading)
    assert added(reading) >= 5
    assert {o.status for o in reading.outcomes} == {"applied", "noted"}
    assert prompts[1174].kwargs[0]["let_relation"] == "at least"
    assert prompts[1174].published[1][0]["let_relation"] == "less than"
    assert prompts[337].kwargs[0]["num_words"] == 400
    assert prompts[30].instruction_ids[0] == "change_case:english_lowercase"
    assert prompts[2078].unsatisfiable == (True,)
    assert prompts[1332].prompt.endswith(" ******")
    assert prompts[1332].published_prompt.endswith(" *******")
    assert prompts[3221].instruction_ids[-1] == "change_case:english_capital"
    assert sum(any(p.unsatisfiable) for p in reading.prompts) == 6


def added(reading: Reading) -> int:
    """Count the instructions that repairs add to what was published."""
    actions = {"add_instruction": 1, "drop_instruction": -1}
    return sum(actions.get(o.repair.action, 0) * o.rows for o in reading.outcomes)


def cases(root: Path, name: str) -> list[dict[str, Any]]:
    path = root / "tests" / "cases" / "ifeval_data" / name
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_rows_of_the_hub_s_other_sets(root: Path, tmp_path: Path) -> None:
    for case in cases(root, "hub.jsonl"):
        path = write(tmp_path / "a.jsonl", [case["row"]])
        (prompt,) = read_prompts(path, "es")
        assert list(prompt.instruction_ids) == case["ids"], case["why"]
        assert list(prompt.skipped_ids) == case["skipped"], case["why"]
        assert len(prompt.kwargs) == len(prompt.published[0]) == len(case["ids"])
        assert prompt.key == case["row"]["key"]


def test_what_is_left_out_is_counted(root: Path, tmp_path: Path) -> None:
    rows = [case["row"] for case in cases(root, "hub.jsonl")]
    prompts = read_prompts(write(tmp_path / "a.jsonl", rows), "es")
    assert left_out(prompts) == (
        "1 of 6 prompts do not count at prompt level: nothing here checks 1 of their "
        "instructions, poetry:rhyme (1)"
    )
    assert left_out(prompts[4:]) == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kwargs": "[{"}, "'instruction_id_list' and 'kwargs' must be lists"),
        ({"kwargs": [3]}, "'kwargs' objects"),
        ({"kwargs": ["{"]}, "'kwargs' objects"),
        ({"instruction_id_list": [None]}, "'instruction_id_list' must hold texts"),
        ({"key": 1.5}, "'key' must be a whole number, found 1.5"),
        ({"key": True}, "'key' must be a whole number, found True"),
        ({"unsatisfiable": [True, True]}, "'unsatisfiable' must hold 1 booleans"),
        ({"unsatisfiable": ["no"]}, "'unsatisfiable' must hold 1 booleans"),
    ],
)
def test_a_bad_field_is_named(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    path = write(tmp_path / "a.jsonl", [PAPER[0], PAPER[0] | {"key": 7} | change])
    with pytest.raises(DataError, match=r"a\.jsonl, line 2") as caught:
        read_prompts(path, "eu")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("instruction_id", "kwargs", "said"),
    [
        ("length_constraints:number_words", {"num_words": "three"}, "'num_words'"),
        ("length_constraints:number_words", {"num_words": 3.5}, "'num_words'"),
        ("length_constraints:number_words", {"num_words": True}, "'num_words'"),
        ("length_constraints:number_words", {"num_words": -1}, "'num_words'"),
        ("keywords:existence", {"keywords": 3}, "'keywords' must be a list"),
        ("keywords:existence", {"keywords": []}, "'keywords' must be a list"),
        ("keywords:letter_frequency", {"letter": "ab"}, "'letter' must be one"),
        ("startend:end_checker", {"end_phrase": None}, "'end_phrase' is missing"),
    ],
)
def test_a_kwarg_of_the_wrong_type_is_named_with_its_key(
    tmp_path: Path, instruction_id: str, kwargs: dict[str, Any], said: str
) -> None:
    row = PAPER[0] | {"instruction_id_list": [instruction_id], "kwargs": [kwargs]}
    with pytest.raises(DataError, match=r"a\.jsonl, line 1, key 1000") as caught:
        read_prompts(write(tmp_path / "a.jsonl", [row]), "eu")
    assert said in str(caught.value)


def test_a_prompt_made_by_hand_is_its_own_original() -> None:
    prompt = Prompt(1, "No comma.", ("punctuation:no_comma",), ({},), "en")
    assert prompt.unsatisfiable == (False,)
    assert prompt.skipped_ids == ()
    assert prompt.published == (("punctuation:no_comma",), ({},))
    assert prompt.published_prompt == "No comma."
    with pytest.raises(DataError, match="equally many"):
        Prompt(1, "No comma.", ("punctuation:no_comma",), (), "en")
    with pytest.raises(DataError, match="equally many"):
        Prompt(1, "a", ("punctuation:no_comma",), ({},), "en", (True, True))


def test_repairs_that_find_nothing_are_named_once(
    mirror: Path, caplog: pytest.LogCaptureFixture
) -> None:
    module._warn.cache_clear()
    write(served(mirror), [*PAPER, PAPER[0] | {"key": 1174}])  # without the fault
    with caplog.at_level(logging.WARNING, module.__name__):
        load("eu")
        load("eu")
    missing, idle = (record.getMessage() for record in caplog.records)
    assert "1174 (set)" in idle
    assert "3323" not in idle  # that one was needed
    assert "337" not in idle  # that row is not there
    assert "iberian data --diff eu" in idle
    assert missing.startswith("Rows are missing: of 540 or 541 IFEval prompts in eu, ")
    assert "has 4." in missing
    assert "1174" not in missing


def test_reading_says_what_each_repair_did(mirror: Path) -> None:
    write(served(mirror), PAPER)
    found = {
        (o.key, o.repair.action): (o.status, o.rows) for o in read_set("eu").outcomes
    }
    assert found[None, "wrap_string"] == ("applied", 1)
    assert found[3323, "drop"] == ("applied", 1)
    assert found[1237, "note"] == ("noted", 0)
    assert found[1174, "set"] == ("no such key", 0)
    assert read_set("eu", "mini").outcomes == ()


@pytest.mark.parametrize("lang", languages("paper"))
def test_the_real_files_where_they_are_cached(lang: str) -> None:
    from lm_eval_iberian.download import cached

    path = cached(module.paper_source(lang).locate(lang))
    if not path.is_file():
        pytest.skip(f"NO PAPER DATA: {path} is absent")
    idle = [
        (o.key, o.repair.action)
        for o in read_set(lang).outcomes
        if o.status in ("not found", "no such key")
    ]
    assert not idle
