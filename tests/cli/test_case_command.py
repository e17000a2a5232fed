"""``iberian case``: a row that the tables of cases take as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tables
import test_case_tables
from click.testing import CliRunner, Result

from lm_eval_iberian.cli import main
from lm_eval_iberian.ifeval import check
from lm_eval_iberian.ifeval.data import Prompt, load


Row = dict[str, Any]
# what a terminal obeys, what nobody sees, where ``splitlines`` would cut, and NFD
HOSTILE = (
    'Kaixo\u200b\x1b[2J\u202eoihu\u2028lerro\x85bat\r\nbi "hiru" \\ [bold]\x00'
    "a\u0301 \U000e0041\ufeff 👩‍🌾\n"
)


def case(*arguments: object, given: bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["case", *map(str, arguments)], input=given)


def mini(key: int, answer: object, *more: object, **also: Any) -> Result:
    why = () if "--why" in more else ("--why", "as a reader sees it")
    return case(key, answer, "--lang", "eu", "--set", "mini", *why, *more, **also)


def said(result: Result) -> str:
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit | None)
    return " ".join(result.stderr.split())


def rows(result: Result) -> list[Row]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.split("\n")[:-1]]


@pytest.fixture
def answer(tmp_path: Path) -> Path:
    path = tmp_path / "answer.txt"
    path.write_bytes(HOSTILE.encode())
    return path


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that the tests' loader takes for the tables."""
    monkeypatch.setattr(tables, "CASES", tmp_path / "cases")
    (tmp_path / "cases" / "ifeval").mkdir(parents=True)
    return tmp_path / "cases" / "ifeval" / "eu.jsonl"


def several() -> Prompt:
    """Return a prompt with instructions of different types."""
    return next(p for p in load("eu", "mini") if len(set(p.instruction_ids)) > 1)


@pytest.mark.parametrize("key", range(1, 51))
def test_its_rows_are_read_by_the_tables_and_judged_as_it_says(
    key: int, answer: Path, table: Path
) -> None:
    result = mini(key, answer)
    table.write_bytes(result.stdout_bytes)
    prompt = next(p for p in load("eu", "mini") if p.key == key)
    read = tables.read("ifeval")
    assert [row["id"] for row in read] == list(prompt.instruction_ids)
    for row in read:
        assert list(row) == [
            *("lang", "id", "kwargs", "prompt", "response", "expected", "why")
        ]
        assert row["response"] == HOSTILE
        assert row["prompt"] == prompt.prompt
        # a case is filed because the verdict is wrong: today it fails
        with pytest.raises(AssertionError):
            test_case_tables.test_verdict(row)
        test_case_tables.test_verdict(row | {"expected": not row["expected"]})


def test_a_row_has_the_form_of_those_that_are_there(tmp_path: Path) -> None:
    """A line of the tables, made again of what it holds, is the same bytes."""
    text = (tables.CASES / "ifeval" / "eu.jsonl").read_text("utf-8")
    line = next(one for one in text.split("\n") if '}, "prompt": "' in one)
    wanted = json.loads(line)
    data = tmp_path / "own.jsonl"
    own = {"key": 7, "prompt": wanted["prompt"]}
    own |= {"instruction_id_list": [wanted["id"]], "kwargs": [wanted["kwargs"]]}
    data.write_text(json.dumps(own), "utf-8")
    result = case(
        *(7, "-", "--lang", "eu", "--data", data, "--why", wanted["why"]),
        *("--expected", json.dumps(wanted["expected"])),
        given=wanted["response"].encode(),
    )
    assert result.stdout == f"{line}\n"


def test_one_instruction_may_be_chosen(answer: Path) -> None:
    prompt = several()
    wanted = prompt.instruction_ids[1]
    [row] = rows(mini(prompt.key, answer, "--id", f"eu:{wanted}"))
    assert row["id"] == wanted
    result = mini(prompt.key, answer, "--id", f"{wanted}x")
    assert result.exit_code == 1
    assert f"Did you mean {wanted}?" in said(result)
    assert f"key {prompt.key}" in said(result)


def test_the_verdicts_of_now_are_said_beside_the_row(answer: Path) -> None:
    prompt = several()
    result = mini(prompt.key, answer)
    text = said(result)
    for name, kwargs in zip(prompt.instruction_ids, prompt.kwargs, strict=True):
        verdict = check(name, kwargs, HOSTILE, lang="eu", prompt=prompt.prompt)
        assert name in text
        assert ("followed" if verdict.followed else "not followed") in text
    for part in ("repaired", "original", "strict", "loose", "tests/cases/ifeval/eu.js"):
        assert part in text
    assert "--id" in text  # which of several is the wrong one
    assert "\x1b" not in result.stderr
    assert "\u202e" not in result.stderr


def test_expected_may_be_the_verdict_of_now(answer: Path, table: Path) -> None:
    [row] = rows(mini(1, answer))
    now = not row["expected"]
    result = mini(1, answer, "--expected", json.dumps(now))
    [kept] = rows(result)
    assert kept["expected"] is now
    assert "is judged so already" in said(result)
    assert "fails until" in said(mini(1, answer))
    test_case_tables.test_verdict(kept)


def test_an_answer_is_picked_out_of_what_lm_eval_logged(tmp_path: Path) -> None:
    prompts = load("eu", "mini")[:4]
    path = tmp_path / "samples_x.jsonl"
    logged = [
        {"doc": {"key": p.key, "prompt": p.prompt}, "filtered_resps": [f"Bai {p.key}."]}
        for p in prompts
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in logged), "utf-8")
    found = rows(mini(prompts[2].key, path))
    assert {row["response"] for row in found} == {f"Bai {prompts[2].key}."}
    result = mini(50, path)
    assert result.exit_code == 1
    assert "samples_x.jsonl" in said(result)
    assert "no answer to key 50" in said(result)


def test_a_reason_is_asked_for(answer: Path) -> None:
    for empty in ("", " \n", "\u200b"):
        result = mini(1, answer, "--why", empty)
        assert result.exit_code == 2
        assert "--why" in said(result)
        assert result.stdout == ""
    [row] = rows(mini(1, answer, "--why", "one\n reason"))
    assert row["why"] == "one reason"


def test_in_a_terminal_each_row_s_reason_is_asked(
    answer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lm_eval_iberian.cli.case._can_ask", lambda: True)
    prompt = several()
    common = ("--lang", "eu", "--set", "mini")
    lines = ["", *["it is so"] * (len(prompt.instruction_ids) - 1)]
    result = case(prompt.key, answer, *common, given="\n".join(lines).encode() + b"\n")
    # of several, those that are right are passed over
    assert [row["id"] for row in rows(result)] == list(prompt.instruction_ids[1:])
    single = next(p for p in load("eu", "mini") if len(p.instruction_ids) == 1)
    [row] = rows(case(single.key, answer, *common, given=b"\n\nit is so\n"))
    assert row["why"] == "it is so"


def test_an_unknown_key_is_told_the_nearest_and_where_it_was_looked_for(
    answer: Path, tmp_path: Path
) -> None:
    result = mini(490, answer)
    assert result.exit_code == 1
    text = said(result)
    for part in ("490", "the mini set in eu", "mini/eu.jsonl", "49", "50 prompts"):
        assert part in text
    data = tmp_path / "own.jsonl"
    own = {"key": 490, "prompt": "Idatzi komarik gabe, mesedez, testu labur bat."}
    own |= {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
    data.write_text(json.dumps(own), "utf-8")
    text = said(case(3, answer, "--lang", "eu", "--data", data, "--why", "w"))
    assert "own.jsonl" in text
    assert "(1 prompt, keys 490 to 490). It is in the mini set in eu" in text


@pytest.mark.parametrize(
    ("more", "parts"),
    [
        (["--set", "minis"], ["minis", "mini"]),
        (["--set", "mini", "--data", "x.jsonl"], ["--set and --data"]),
        (["--set", "mini", "--expected", "maybe"], ["maybe"]),
    ],
)
def test_wrong_use_is_said(answer: Path, more: list[str], parts: list[str]) -> None:
    result = case(1, answer, "--lang", "eu", "--why", "w", *more)
    assert result.exit_code in (1, 2)
    assert [part for part in parts if part not in said(result)] == []


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / "answer.txt"
    assert "answer.txt" in said(mini(1, path))
    path.write_bytes("año".encode("latin-1"))
    result = mini(1, path)
    assert result.exit_code == 1
    assert "not UTF-8" in said(result)


def test_without_a_network_it_says_what_others_say(
    answer: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    arguments = ("--lang", "eu")
    result = case(1000, answer, *arguments, "--why", "w")
    assert result.exit_code == 1
    path = answer.with_name("answers.jsonl")
    path.write_text('{"key": 1000, "response": "Bai."}\n', "utf-8")
    other = CliRunner().invoke(main, ["score", str(path), *arguments])
    assert "iberian fetch iberian_ifeval_eu" in said(result)
    assert said(result) == said(other)
