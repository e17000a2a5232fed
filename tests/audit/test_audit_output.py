"""An audit as Markdown, CSV and JSON; answers are shown and never obeyed."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
from made_answers import LEAK, LOOP, SENTENCE, question, sample, strict, write

from lm_eval_iberian.audit import AUDIT_FORMATS, Audit, audit_files
from lm_eval_iberian.ifeval import score_row
from lm_eval_iberian.ifeval.data import load


PROMPTS = load("eu", "mini")
HOSTILE = [
    "=HYPERLINK(1)",
    "  @SUM(A1)",
    "a|b | `c` [x](y) <b>",
    "\x1b]0;title\x07\x1b[2J\x9b31m",
    "\u202egnp.exe",
    "\udcff\x00\x85",
    "\r\n| x | y |\n## z\n",
    '"quoted", with comma',
]


def wrong(prompt_number: int, response: str = SENTENCE) -> dict[str, object]:
    """Return a row whose stored verdicts are all the contrary of ours."""
    prompt = PROMPTS[prompt_number]
    ours = score_row(prompt, response).strict
    return strict(prompt, [not verdict.followed for verdict in ours], response)


def written(audit: Audit) -> dict[str, str]:
    return {form: write(audit, rows=True) for form, write in AUDIT_FORMATS.items()}


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_answer_is_only_an_answer(tmp_path: Path, text: str) -> None:
    rows = [wrong(0, text), wrong(1, f"{text}assistant\n\n{text}"), wrong(2, text * 9)]
    rows[2]["instruction_id_list"] = [text]  # type: ignore[assignment]
    rows[2]["follow_instruction_list"] = [True]
    rows[2]["follow_all_instructions"] = True
    audit = audit_files([write(tmp_path / "a.jsonl", rows)], lang="eu")
    texts = written(audit)
    assert all(c.isprintable() or c == "\n" for t in texts.values() for c in t)
    lines = [line for line in texts["md"].splitlines() if line.startswith("|")]
    bars = {len(re.findall(r"(?<!\\)\|", line)) for line in lines}
    assert bars == {10, 6, 11}  # health, verdicts, scores
    others = [line for line in texts["md"].splitlines() if not line.startswith("|")]
    assert not any(re.search(r"(?<!\\)[|`<\[~$!]", line) for line in others)
    titles = re.findall(r"^## (\w+)", texts["md"], re.M)
    assert set(titles) <= {"Health", "IFEval", "Stored", "The", "Flagged", "Notes"}
    assert len(titles) == len(set(titles)) == len(re.findall("^#", texts["md"], re.M))
    cells = [cell for row in csv.reader(io.StringIO(texts["csv"])) for cell in row]
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
    json.loads(texts["json"])


def test_a_hostile_file_name_is_only_a_name(tmp_path: Path) -> None:
    path = tmp_path / "=a|b\x1b[2J\n`c`.jsonl"
    texts = written(audit_files([write(path, [question(1, LEAK)])], lang="eu"))
    assert all(c.isprintable() or c == "\n" for t in texts.values() for c in t)
    rows = list(csv.DictReader(io.StringIO(texts["csv"])))
    assert {row["answers_of"][:2] for row in rows} == {"'="}


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    rows = [wrong(0), wrong(1, LEAK), wrong(2, LOOP)]
    write(tmp_path / "org__one.jsonl", rows)
    write(tmp_path / "org__two.jsonl", [sample(p) for p in PROMPTS[:20]])
    (tmp_path / "bad.jsonl").write_text("no\n")
    return audit_files([tmp_path], lang="eu", keep_going=True)


def test_markdown_is_short_and_says_where_to_look(audit: Audit) -> None:
    text = AUDIT_FORMATS["md"](audit)
    assert "## Health of 23 answers, per cent ± standard error" in text
    assert re.search(r"^\| org/one +\| eu   \| +3 \|", text, re.M)
    assert re.search(r"^- runs on: org/one \(33\)$", text, re.M)
    assert re.search(r"^- loops: org/one \(33\)$", text, re.M)
    assert re.search(r"^\| org/two .* repaired +\| +20 \|", text, re.M)
    assert re.search(r"^\| all types +\| +\d+ \|", text, re.M)
    assert "left out: " in text
    assert "bad.jsonl" in text
    assert "Flagged" not in text


def test_rows_lists_every_flagged_answer_with_its_reason(audit: Audit) -> None:
    text = AUDIT_FORMATS["md"](audit, rows=True)
    assert "## Flagged: 2 of 3 of org/one" in text
    (leak,) = re.findall(rf"^- key {PROMPTS[1].key}: runs on: (.+)$", text, re.M)
    assert leak.startswith("'assistant' is glued to a sentence. Answer: Kaixo denoi")
    count = sum(len(PROMPTS[i].instruction_ids) for i in range(3))
    assert len(re.findall(r"stored (?:pass|fail), ours \w+: ", text)) == count


def test_many_differences_are_listed_when_they_are_asked_for(tmp_path: Path) -> None:
    rows = [wrong(number) for number in range(20)]
    audit = audit_files([write(tmp_path / "a.jsonl", rows)], lang="eu")
    total = sum(len(prompt.instruction_ids) for prompt in PROMPTS[:20])
    text = AUDIT_FORMATS["md"](audit)
    assert f"{total - 5} more: --rows lists them" in text
    assert f"{total - 5} more" not in AUDIT_FORMATS["md"](audit, rows=True)


def test_csv_has_a_row_for_each_number(audit: Audit) -> None:
    rows = list(csv.DictReader(io.StringIO(AUDIT_FORMATS["csv"](audit))))
    (run_on,) = (
        row for row in rows
        if row["answers_of"] == "org/one" and row["name"] == "run_on_rate"
    )  # fmt: skip
    assert float(run_on["value"]) == pytest.approx(1 / 3)
    assert float(run_on["stderr"]) == pytest.approx(1 / 3)
    assert (run_on["n"], run_on["table"], run_on["lang"]) == ("3", "health", "eu")
    assert not any(row["row"] for row in rows)
    every = list(csv.DictReader(io.StringIO(AUDIT_FORMATS["csv"](audit, rows=True))))
    (leak,) = (row for row in every if row["name"] == "run_on")
    assert (leak["row"], leak["table"]) == (f"key {PROMPTS[1].key}", "flagged")
    stored = sum(
        int(row["stored_pass_ours_fail"]) + int(row["stored_fail_ours_pass"])
        for row in rows
        if row["table"] == "verdicts_strict"
    )
    assert stored == sum(row["table"] == "differs_strict" for row in every)


def test_json_holds_all_there_is(audit: Audit) -> None:
    content = json.loads(AUDIT_FORMATS["json"](audit))
    one, two = content["files"]["org/one"], content["files"]["org/two"]
    assert one["health"]["run_on_rate"]["n"] == one["answers"] == 3
    assert {flagged["name"] for flagged in one["flagged"]} == {
        f"key {PROMPTS[1].key}", f"key {PROMPTS[2].key}",
    }  # fmt: skip
    assert one["differences"][0]["reason"]
    assert two["verdicts"] is None
    first_turn = "inst_level_strict_acc_first_turn"
    assert first_turn in one["scores"]["repaired"]
    assert len(content["left_out"]) == 1
