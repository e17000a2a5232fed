"""Stored verdicts beside ours: what is compared, and what cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from made_answers import SENTENCE, sample, strict, write

from lm_eval_iberian.audit import FileAudit, audit_files
from lm_eval_iberian.audit.recorded import Recorded, TypeCount, read_recorded
from lm_eval_iberian.ifeval import score_row
from lm_eval_iberian.ifeval.data import load


PROMPTS = load("eu", "mini")
TWO = next(p for p in PROMPTS if len(p.instruction_ids) == 2)
OURS = [verdict.followed for verdict in score_row(TWO, SENTENCE).strict]


def audit(path: Path, rows: list[Any]) -> FileAudit:
    found = audit_files([write(path, rows)], lang="eu")
    (file,) = found.files.values()
    return file


@pytest.mark.parametrize(
    ("row", "name", "read"),
    [
        (strict(TWO, [True, False]), "a.jsonl", {"strict": (True, False)}),
        (strict(TWO, [1, 0]), "a.jsonl", {"strict": (True, False)}),
        (strict(TWO, [True, True]), "eval_results_loose.jsonl",
         {"loose": (True, True)}),
        (sample(TWO, inst_level_strict_acc=[True, True],
                inst_level_loose_acc=[False, True]), "samples.jsonl",
         {"strict": (True, True), "loose": (False, True)}),
    ],
)  # fmt: skip
def test_both_forms_are_read(
    row: dict[str, Any], name: str, read: dict[str, tuple[bool, ...]]
) -> None:
    found, fault = read_recorded(row, Path(name))
    assert found == Recorded(tuple(TWO.instruction_ids), read)
    assert fault is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"follow_instruction_list": "yes"}, "no list of true and false"),
        ({"follow_instruction_list": [True, None]}, "no list of true and false"),
        ({"follow_instruction_list": [2, 0]}, "no list of true and false"),
        ({"instruction_id_list": None}, "no list of instructions"),
        ({"instruction_id_list": [3, 4]}, "no list of instructions"),
        ({"follow_all_instructions": True}, "its list says otherwise"),
    ],
)
def test_verdicts_that_cannot_be_read_are_a_fault(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    row = strict(TWO, [True, False]) | change
    found, fault = read_recorded(row, Path("a.jsonl"))
    assert found is None
    assert fault is not None
    assert said in fault
    other = strict(PROMPTS[0], [True] * len(PROMPTS[0].instruction_ids))
    (note,) = audit(tmp_path / "a.jsonl", [row, other]).notes[-1:]
    assert note.startswith(f"verdicts of 1 row cannot be compared: key {TWO.key}: ")
    assert said in note


def test_a_difference_has_both_verdicts_and_our_reason(tmp_path: Path) -> None:
    stored = [not OURS[0], OURS[1]]
    found = audit(tmp_path / "a.jsonl", [strict(TWO, stored)]).comparison
    assert found is not None
    (one,) = found.differences
    assert (one.instruction_id, one.name) == (TWO.instruction_ids[0], f"key {TWO.key}")
    assert (one.kind, one.stored) == ("strict", stored[0])
    assert one.reason == score_row(TWO, SENTENCE).strict[0].reason
    assert one.excerpt == SENTENCE
    counts = found.counts["strict"]
    assert counts[TWO.instruction_ids[0]] == TypeCount(
        1, int(stored[0]), int(not stored[0]), int(one.original == stored[0])
    )
    assert counts[TWO.instruction_ids[1]] == TypeCount(1, 0, 0, 0)


def test_verdicts_in_another_order_belong_to_their_instructions(
    tmp_path: Path,
) -> None:
    row = strict(TWO, OURS[::-1])
    row["instruction_id_list"] = [f"eu:{name}" for name in TWO.instruction_ids[::-1]]
    found = audit(tmp_path / "a.jsonl", [row]).comparison
    assert found is not None
    assert found.differences == []
    assert sum(count.compared for count in found.counts["strict"].values()) == 2


def test_of_two_instructions_of_one_type_each_has_its_own_verdict(
    tmp_path: Path,
) -> None:
    name = "keywords:frequency"
    words = [("Kaixo", True), ("mendi", False)]
    asked = {
        "key": 1,
        "prompt": "Idatzi esaldi bat agurtzeko, bi hitz hauekin.",
        "instruction_id_list": [name] * 2,
        "kwargs": [
            {"keyword": word, "frequency": 1, "relation": "at least"}
            for word, _ in words
        ],
        "lang": "eu",
    }
    row = sample(TWO, inst_level_strict_acc=[there for _, there in words])
    file = audit(tmp_path / "a.jsonl", [row | {"doc": asked}])
    assert file.comparison is not None
    assert file.comparison.counts["strict"] == {name: TypeCount(2, 0, 0, 0)}


@pytest.mark.parametrize("verdicts", [[], [True], [True, False, True]])
def test_a_list_of_another_length_is_not_compared_and_said(
    tmp_path: Path, verdicts: list[bool]
) -> None:
    row = strict(TWO, verdicts)
    file = audit(tmp_path / "a.jsonl", [row])
    assert file.comparison is not None
    assert file.comparison.counts == {}
    assert file.notes[-1] == (
        f"verdicts of 1 row cannot be compared: key {TWO.key}: {len(verdicts)} strict "
        "verdicts on 2 instructions"
    )


def test_types_that_nothing_checks_are_counted(tmp_path: Path) -> None:
    row = strict(TWO, [*OURS, True])
    row["instruction_id_list"].append("special_character:tildes")
    row["follow_all_instructions"] = all(OURS)
    file = audit(tmp_path / "a.jsonl", [row])
    assert file.comparison is not None
    assert sum(c.compared for c in file.comparison.counts["strict"].values()) == 2
    assert "special_character:tildes (1)" in file.notes[-1]


def test_verdicts_in_a_file_of_their_own_are_on_their_model_and_keys(
    tmp_path: Path,
) -> None:
    rows = [sample(prompt) for prompt in PROMPTS[:4]]
    write(tmp_path / "org__one.jsonl", rows)
    write(tmp_path / "org__other.jsonl", [*rows[:3], sample(PROMPTS[9])])
    own = [
        {"model": "org__one", "key": p.key, "strict": [True] * len(p.instruction_ids)}
        for p in PROMPTS[:2]
    ]
    # other prompts may have one of the same keys
    strangers = [
        {"model": "org__other", "key": key, "strict": [True]} for key in (10, 998, 999)
    ]
    write(tmp_path / "verdicts.jsonl", own + strangers)
    files = audit_files([tmp_path], lang="eu").files
    one, other = files["org/one"].comparison, files["org/other"].comparison
    assert one is not None
    compared = sum(count.compared for count in one.counts["strict"].values())
    assert compared == sum(len(p.instruction_ids) for p in PROMPTS[:2])
    assert other is None
