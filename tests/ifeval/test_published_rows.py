"""Rows of the sets that others publish: what is read of them, and what is refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import tables

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.ifeval import aggregate, score_row
from lm_eval_iberian.ifeval.prompt import parse_prompt
from lm_eval_iberian.ifeval.prompt_files import (
    left_out,
    read,
    read_prompts,
    read_published,
)
from lm_eval_iberian.ifeval.repairs import Repairs
from lm_eval_iberian.tasks.ifeval import as_dataset


def rows_of(name: str) -> list[Any]:
    path = tables.CASES / "ifeval_data" / f"{name}.jsonl"
    rows = map(json.loads, path.read_text("utf-8").splitlines())
    return [pytest.param(row, id=row["why"]) for row in rows]


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.mark.parametrize("case", rows_of("published"))
def test_one_prompt_comes_of_every_dialect(
    case: dict[str, Any], tmp_path: Path
) -> None:
    (prompt,) = read_prompts(write(tmp_path / "a.jsonl", case["row"]), case["lang"])
    assert (prompt.key, prompt.prompt) == (case["key"], case["prompt"])
    assert list(prompt.instruction_ids) == case["ids"]
    assert list(prompt.kwargs) == case["kwargs"]
    assert list(prompt.skipped_ids) == case["skipped"]


@pytest.mark.parametrize("case", rows_of("refused"))
def test_what_does_not_fit_is_refused_with_its_place(
    case: dict[str, Any], tmp_path: Path
) -> None:
    path = write(tmp_path / "a.jsonl", case["row"])
    with pytest.raises(DataError, match=r"a\.jsonl, line 1") as caught:
        read_prompts(path, case["lang"])
    for said in case["said"]:
        assert said in str(caught.value), str(caught.value)


GOOD = {
    "prompt": "Responde sin comas.",
    "instruction_id_list": ["punctuation:no_comma"],
    "kwargs": [{}],
}
BAD = GOOD | {"kwargs": [{}, {"language": "es"}]}


def test_rows_without_a_key_are_numbered_but_only_if_none_has_one(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "a.jsonl", GOOD, GOOD | {"prompt": "Y ahora también."})
    assert [one.key for one in read_prompts(path, "es")] == [1, 2]
    for rows in ([GOOD, GOOD | {"key": 9}], [GOOD | {"key": 9}, GOOD]):
        with pytest.raises(DataError, match=r"line 2.*'key'.*other rows"):
            read_prompts(write(path, *rows), "es")


def test_rows_that_cannot_be_used_can_be_left_out_and_are_named(
    tmp_path: Path,
) -> None:
    rows = [GOOD | {"key": 1}, BAD | {"key": 2}, GOOD | {"key": 3}]
    path = write(tmp_path / "a.jsonl", *rows)
    with pytest.raises(DataError, match=r"line 2, key 2: 1 instructions but 2 kwargs"):
        read_published(path, "es")
    reading = read_published(path, "es", keep_going=True)
    assert [one.key for one in reading.prompts] == [1, 3]
    (said,) = reading.bad_rows
    assert "line 2, key 2" in said
    with pytest.raises(DataError, match=r"holds no prompts.*line 1, key 2"):
        read_published(write(path, BAD | {"key": 2}), "es", keep_going=True)


@pytest.mark.parametrize("form", ["array", "gzip", "parquet"])
def test_a_set_may_come_as_any_of_the_usual_files(tmp_path: Path, form: str) -> None:
    kwargs = [{"num_words": 30, "relation": "al menos"}, {}]
    ids = ["es:length_constraints:number_words", "es:punctuation:no_comma"]
    row = {"key": 4, "prompt": "Escribe al menos 30 palabras sin comas."}
    row |= {"instruction_id_list": ids, "kwargs": kwargs}
    path = tmp_path / "prompts"
    if form == "parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        table = pytest.importorskip("pyarrow").Table.from_pylist([row])
        parquet.write_table(table, path)
    else:
        text = json.dumps([row] if form == "array" else row).encode()
        path.write_bytes(gzip.compress(text) if form == "gzip" else text)
    (prompt,) = read_prompts(path, "es")
    assert prompt.kwargs == ({"num_words": 30, "relation": "at least"}, {})


UNKNOWN = {
    "key": 5,
    "prompt": "Responde sin comas y en verso.",
    "instruction_id_list": ["es:punctuation:no_comma", "es:poetry:rhyme"],
    "kwargs": [{}, {"scheme": "abba"}],
}
TYPO = GOOD | {"key": 6, "instruction_id_list": ["special_character:ennie"]}


def test_a_pointer_in_the_place_of_a_parquet_file_is_called_so(tmp_path: Path) -> None:
    path = tmp_path / "bsc.parquet"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(DataError, match=r"bsc\.parquet is not parquet: it begins") as e:
        read_prompts(path, "es")
    assert "'version https://git-lfs.github.com/spec/v1" in str(e.value)


def test_unknown_types_are_counted_and_named_with_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", UNKNOWN, TYPO, GOOD | {"key": 7})
    prompts = read_prompts(path, "es")
    assert left_out(prompts) == (
        "2 of 3 prompts do not count at prompt level: nothing here checks 2 of their "
        "instructions, poetry:rhyme (1), special_character:ennie (1; did you mean "
        "special_character:enie?)"
    )
    assert left_out(prompts[2:]) == ""


def test_of_many_unknown_types_the_most_frequent_are_named(tmp_path: Path) -> None:
    rows = [
        GOOD | {"key": key, "instruction_id_list": [f"verse:metre_{key % 40:02}"]}
        for key in range(41)
    ]
    endless = GOOD | {"key": 41, "instruction_id_list": ["verse:" + "x" * 5000]}
    said = left_out(read_prompts(write(tmp_path / "a.jsonl", *rows, endless), "es"))
    assert "checks 42 of their instructions, verse:metre_00 (2), " in said
    assert said.endswith(" and 21 more types (iberian score --json names all)")
    assert len(said) < 1000
    said = left_out(read_prompts(write(tmp_path / "b.jsonl", endless), "es"))
    assert "xxx… (1)" in said
    assert len(said) < 250


def test_a_type_that_the_language_has_no_use_for_is_named_with_the_reason(
    tmp_path: Path,
) -> None:
    ids = ["ca:special_character:enie"]
    path = write(tmp_path / "a.jsonl", GOOD | {"key": 1, "instruction_id_list": ids})
    said = left_out(read_prompts(path, "ca"))
    assert "special_character:enie (1; the Catalan pack names no 'enie')" in said


def test_a_set_of_our_own_has_no_unknown_types(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", TYPO)
    wanted = r"line 1, key 6: Unknown instruction.*Did you mean special_character:enie"
    with pytest.raises(DataError, match=wanted):
        read(path, "es", Repairs(version=0))


def test_a_row_of_our_own_sets_needs_its_key(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", GOOD)
    with pytest.raises(DataError, match=r"line 1: 'key' must be a whole number"):
        read(path, "es", Repairs(version=0))


def test_what_was_unknown_is_known_to_be_so_in_what_lm_eval_logs(
    tmp_path: Path,
) -> None:
    """Samples hold the document, from which their prompts may have to be made."""
    prompts = read_prompts(write(tmp_path / "a.jsonl", UNKNOWN), "es")
    (doc,) = as_dataset(prompts)["test"]
    again = parse_prompt(dict(doc), "es", "a sample")
    assert again.skipped_ids == prompts[0].skipped_ids == ("poetry:rhyme",)
    assert not score_row(again, "Sin comas").whole
    wrong = dict(doc) | {"skipped_ids": "poetry:rhyme"}
    with pytest.raises(DataError, match="'skipped_ids' must be a list of texts"):
        parse_prompt(wrong, "es", "a sample")


def test_a_prompt_with_an_unknown_type_counts_by_its_known_ones_alone(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "a.jsonl", UNKNOWN, GOOD | {"key": 7}, TYPO)
    known = [score_row(prompt, "Sin comas") for prompt in read_prompts(path, "es")]
    assert [score.whole for score in known] == [False, True, False]
    found = aggregate(known)
    assert (found.prompts, found.instructions, found.left_out) == (2, 2, 1)
    assert found.partial == 1
    assert found.inst_level_strict_acc == 1.0
    missed = [score_row(prompt, "Con, comas") for prompt in read_prompts(path, "es")]
    mixed = aggregate([missed[0], known[1]])
    assert mixed.prompt_level_strict_acc == 1.0
    assert mixed.prompt_level_loose_acc == 1.0
    assert mixed.inst_level_strict_acc == 0.5


@pytest.mark.parametrize(
    ("relation", "count", "answer", "followed"),
    [
        (None, 2, "[uno] y [dos]", True),
        (None, 2, "[uno]", False),
        ("al menos", 2, "[uno], [dos] y [tres]", True),
        ("como máximo", 2, "[uno] y [dos]", True),
        ("como máximo", 2, "[uno], [dos] y [tres]", False),
        ("menos de", 2, "[uno] y [dos]", False),
    ],
)
def test_a_relation_on_placeholders_is_kept(
    relation: str | None, count: int, answer: str, followed: bool
) -> None:
    row = GOOD | {
        "instruction_id_list": ["es:detectable_content:number_placeholders"],
        "kwargs": [{"num_placeholders": count, "relation": relation}],
    }
    score = score_row(row, answer, lang="es")
    assert score.strictly_followed is followed, score.strict
    # Google's has no such limit, and would accept what this one forbids
    limited = relation in ("como máximo", "menos de")
    assert score.satisfiable == (not limited,)
