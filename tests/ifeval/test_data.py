from __future__ import annotations

import functools
import json
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lm_eval_iberian.download import MIRROR, source
from lm_eval_iberian.errors import DataError, DataUnavailableError, UnknownNameError
from lm_eval_iberian.ifeval.data import (
    Repairs,
    load,
    read_prompts,
    read_repairs,
)
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
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A local server with the paper's layout; returns the folder it serves."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    monkeypatch.setenv(MIRROR, f"http://127.0.0.1:{http.server_port}")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("HF_DATASETS_OFFLINE", raising=False)
    yield folder
    http.shutdown()


def served(folder: Path) -> Path:
    address = source("iber-ifeval").locate("eu")
    return folder / address.split("/", 3)[3]


def test_the_paper_s_file_is_fetched_repaired_and_validated(mirror: Path) -> None:
    write(served(mirror), PAPER)
    prompts = {prompt.key: prompt for prompt in load("eu")}
    assert set(prompts) == {1000, 1237, 5}  # the null prompt is dropped
    assert prompts[1237].kwargs == ({"keywords": ["olatu"]},)
    assert {prompt.lang for prompt in prompts.values()} == {"eu"}
    served(mirror).unlink()
    assert len(load("eu")) == 3  # from the cache


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
    assert len(prompts) == 30
    assert {i for p in prompts for i in p.instruction_ids} == set(INSTRUCTIONS)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"key": "1"}, "'key' must be a whole number, found '1'"),
        ({"prompt": ""}, "'prompt' must be a text"),
        ({"kwargs": []}, "1 instructions but 0 kwargs"),
        ({"kwargs": {}}, "'instruction_id_list' and 'kwargs' must be lists"),
        (
            {"instruction_id_list": ["punctuation:no_coma"]},
            "Did you mean punctuation:no_comma",
        ),
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


def test_repairs_have_a_version_and_a_reason() -> None:
    repairs = read_repairs("eu")
    assert repairs.version >= 1
    assert all(entry["reason"] for entry in (*repairs.rules, *repairs.rows))
    assert read_repairs("xx") == Repairs(version=0)


def test_unknown_names_come_with_what_exists() -> None:
    with pytest.raises(UnknownNameError, match="Available: mini, paper"):
        load("eu", "minni")
    with pytest.raises(UnknownNameError, match="Unknown language"):
        load("pt", "mini")
    with pytest.raises(UnknownNameError, match="Available: ca, es, eu, gl"):
        load("pt")
