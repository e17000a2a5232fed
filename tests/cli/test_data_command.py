from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lm_eval_iberian.cli import main
from lm_eval_iberian.download import MIRROR, cached
from lm_eval_iberian.ifeval.data import paper_source, read_repairs
from lm_eval_iberian.terminal import shown


ROWS: list[dict[str, Any]] = [
    {
        "key": 1174,
        "prompt": "O hizkia gutxienez 6 aldiz agertu behar da.",
        "instruction_id_list": ["keywords:letter_frequency"],
        "kwargs": [{"letter": "o", "let_frequency": 6, "let_relation": "less than"}],
    },
    {
        "key": 337,
        "prompt": "Idatzi gutxienez 336 hitz.",
        "instruction_id_list": [
            "length_constraints:number_words",
            "special_character:tildes",
        ],
        "kwargs": [{"num_words": 300, "relation": "at least"}, {}],
    },
]


def iberian(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["data", *arguments])


def plain(result: Result) -> str:
    return " ".join(result.output.split())


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv(MIRROR, "http://localhost")  # whose files may be a part
    return tmp_path


def keep(rows: list[dict[str, Any]], lang: str = "eu") -> None:
    """Put a file where the fetched one would be."""
    path = cached(paper_source(lang).locate(lang))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def test_the_sets_are_listed() -> None:
    keep(ROWS)
    result = iberian()
    assert result.exit_code == 0, result.output
    lines = {tuple(line.split()[:3]) for line in result.output.splitlines()}
    assert ("paper", "eu", "cached") in lines
    assert ("paper", "en", "not") in lines
    assert ("mini", "eu", "shipped") in lines
    assert "966cd89545" in result.output
    assert (
        "1 of their instructions, special_character:tildes (1; the Basque pack"
        in plain(result)
    )


def test_the_sets_as_json() -> None:
    rows = json.loads(iberian("--json").output)
    by_name = {(row["set"], row["language"]): row for row in rows}
    assert by_name["paper", "gl"]["file"] == "not here"
    assert by_name["paper", "gl"]["prompts"] is None
    assert by_name["paper", "eu"]["repairs"] >= 2
    assert by_name["mini", "eu"]["prompts"] >= 30
    assert {row["set"] for row in json.loads(iberian("--json", "--set", "mini").output)}


def test_rows_that_are_missing_are_said() -> None:
    keep(ROWS)
    said = "Rows are missing: of 540 or 541 IFEval prompts in eu,"
    for arguments in ((), ("--diff", "eu"), ("--check", "eu")):
        assert said in plain(iberian(*arguments)), arguments
    rows = json.loads(iberian("--json").output)
    (eu,) = (r for r in rows if (r["set"], r["language"]) == ("paper", "eu"))
    assert eu["missing"].startswith(said)
    assert eu["told_by"] is None


def test_a_file_that_is_refused_does_not_hide_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keep(ROWS)
    monkeypatch.delenv(MIRROR)
    result = iberian()
    assert result.exit_code == 0, result.output
    lines = {tuple(line.split()[:3]) for line in result.output.splitlines()}
    assert {("paper", "eu", "refused"), ("mini", "eu", "shipped")} <= lines
    assert "rows are missing: it holds 2 prompts, not 540 or 541; delete it" in plain(
        result
    )
    checked = iberian("--check", "eu")
    assert checked.exit_code == 1
    assert "rows are missing" in plain(checked)


def test_a_note_is_no_repair() -> None:
    keep(ROWS)
    found = json.loads(iberian("--diff", "eu", "--json").output)
    assert "note" not in {row["action"] for row in found["repairs"]}
    assert {row["action"] for row in found["notes"]} == {"note"}
    entries = read_repairs("eu").entries
    rows = {
        (row["set"], row["language"]): row
        for row in json.loads(iberian("--json").output)
    }
    assert rows["paper", "eu"]["entries"] == sum(e.action != "note" for e in entries)
    text = plain(iberian("--diff", "eu"))
    assert f"{len(found['repairs'])} rows" in text
    assert f"{len(found['notes'])} notes, which change nothing" in text


def test_diff_says_what_became_of_every_repair() -> None:
    keep(ROWS)
    result = iberian("--diff", "eu")
    assert result.exit_code == 0
    text = plain(result)
    assert (
        "1174 set keywords:letter_frequency, let_relation: 'less than' → 'at least'"
        in text
    )
    assert "'at least' [applied]" in text
    assert "num_words: 336 → 400 [not found]" in text
    assert "3323 drop - row, its prompt is missing [no such key]" in text
    assert "[not tried]" not in text
    assert "(the row; inherited from google/IFEval)" in text


def test_diff_without_the_file_prints_the_repairs_as_written() -> None:
    result = iberian("--diff", "gl")
    assert result.exit_code == 0
    text = plain(result)
    assert "HF_HUB_OFFLINE is set" in text
    assert "iberian fetch iberian_ifeval_gl" in text
    assert "3751 replace_text 'pode pode ser' → 'pode ser' [not tried]" in text


def test_diff_as_json() -> None:
    keep(ROWS)
    found = json.loads(iberian("--diff", "eu", "--json").output)
    assert found["version"] >= 2
    status = {(row["key"], row["action"]): row["status"] for row in found["repairs"]}
    assert status[1174, "set"] == "applied"
    assert "file" not in found
    missing = json.loads(iberian("--diff", "gl", "--json").output)
    assert "HF_HUB_OFFLINE" in missing["file"]


def test_check_exits_with_1_for_a_finding_that_is_not_listed() -> None:
    keep(ROWS)
    result = iberian("--check", "eu")
    assert result.exit_code == 1
    text = plain(result)
    assert "337 length_constraints:number_words num_words: 300: the prompt" in text
    assert "1174" not in text  # repaired
    assert "2 prompts, 1 findings" in text
    assert (
        "1 of their instructions, special_character:tildes (1; the Basque pack" in text
    )
    (one,) = json.loads(iberian("--check", "eu", "--json").stdout)
    assert (one["key"], one["kwarg"], one["value"]) == (337, "num_words", 300)


def test_check_of_a_set_without_faults() -> None:
    result = iberian("--check", "eu", "--set", "mini")
    assert result.exit_code == 0, result.output
    assert "0 findings" in result.output


def test_check_names_a_row_that_does_not_fit() -> None:
    keep([ROWS[0] | {"prompt": 3}])
    result = iberian("--check", "eu")
    assert result.exit_code == 1
    assert "line 1, key 1174: 'prompt' must be a text, found 3" in plain(result)


def test_what_stands_in_prompts_is_shown_and_not_obeyed() -> None:
    evil = "\x1b[2J[red]ez[/red] :boom: \x9b31m \u202e"
    row = ROWS[0] | {
        "instruction_id_list": ["keywords:existence"],
        "kwargs": [{"keywords": [evil]}],
    }
    keep([row])
    result = iberian("--check", "eu")
    assert result.exit_code == 1
    assert "\x1b" not in result.output
    assert "\x9b" not in result.output
    assert "\u202e" not in result.output
    assert "[red]ez[/red] :boom:" in result.output
    assert shown("a\x1b[2J\x9b\u202eñ") == r"a\x1b[2J\x9b\u202eñ"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--diff", "xx"), 1, "Unknown language of IFEval paper 'xx'"),
        (("--check", "xx", "--set", "mini"), 1, "Unknown language of IFEval mini 'xx'"),
        (("--set", "minni"), 1, "Did you mean mini"),
        (("--check", "eu", "--set", "minni"), 1, "Did you mean mini"),
        (("--check", "en"), 1, "is not in the cache and could not be fetched"),
        (("--check", "eu", "--diff", "eu"), 2, "two commands"),
    ],
)
def test_errors_are_a_sentence(
    arguments: tuple[str, ...], code: int, said: str
) -> None:
    result = iberian(*arguments)
    assert result.exit_code == code
    assert said in plain(result)
    assert "Traceback" not in result.output


@pytest.mark.parametrize("option", ["--diff", "--check"])
def test_no_language_is_no_language(option: str) -> None:
    result = iberian(option, "")
    assert result.exit_code == 1
    assert "Unknown language of IFEval paper ''" in plain(result)


def test_what_nothing_checks_is_said_beside_the_json(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    row = {
        "key": 1,
        "prompt": "Escribe un soneto sin comas.",
        "instruction_id_list": ["punctuation:no_comma", "verse:sonnet"],
        "kwargs": [{}, {}],
    }
    path.write_text(json.dumps(row), "utf-8")
    result = iberian("--check", "es", "--data", str(path), "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == []
    assert "checks 1 of their instructions, verse:sonnet (1)" in result.stderr
