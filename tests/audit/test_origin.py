"""Whose answers a file holds, and in which language."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_answers import plain, question, sample, strict, write

from lm_eval_iberian.audit.answer_files import AnswerFile, read_audit_input
from lm_eval_iberian.audit.origin import AnswerOrigin, labels, origin_of
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.ifeval.data import load


STAMP = "2026-01-02T03-04-05.678"
EU, GL = load("eu", "mini"), load("gl", "mini")


def origin(path: Path, rows: list[object], lang: str | None = None) -> AnswerOrigin:
    file = read_audit_input(write(path, rows))
    assert isinstance(file, AnswerFile)
    return origin_of(file, lang)


@pytest.mark.parametrize(
    ("name", "row", "lang", "by"),
    [
        ("a.jsonl", sample(EU[0]), "eu", "its rows"),
        ("a.jsonl", strict(GL[0], [True]) | {
            "instruction_id_list": ["ca:punctuation:no_comma"]}, "ca", "its rows"),
        (f"samples_truthfulqa-multi_gen_gl_{STAMP}.jsonl", question(1, "x"), "gl",
         "its name"),
        (f"samples_iberian_flores_eu-es_{STAMP}.jsonl.gz", question(1, "x"), "es",
         "its name"),
        ("es_responses_en-model.jsonl", question(1, "x"), "es", "its name"),
        ("answers-ca.jsonl", question(1, "x"), "ca", "its name"),
        ("gl/model.jsonl", question(1, "x"), "gl", "its folder"),
        ("model.jsonl", plain(EU[0]), "eu", "its prompts"),
        ("model.jsonl", question(1, "x") | {"doc": {}, "arguments": {}}, None,
         "nothing"),
    ],
)  # fmt: skip
def test_the_language_is_told(
    tmp_path: Path, name: str, row: object, lang: str | None, by: str
) -> None:
    found = origin(tmp_path / name, [row])
    assert (found.lang, found.told_by) == (lang, by)


def test_the_language_that_is_asked_for_counts_but_not_against_the_rows(
    tmp_path: Path,
) -> None:
    assert origin(tmp_path / "ca.jsonl", [question(1, "x")], "gl").lang == "gl"
    with pytest.raises(DataError, match=r"rows are in 'eu', but --lang gl was asked"):
        origin(tmp_path / "a.jsonl", [sample(EU[0])], "gl")


def test_a_file_in_two_languages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.jsonl holds answers in eu and gl; split"):
        origin(tmp_path / "a.jsonl", [sample(EU[0]), sample(GL[1])])


def test_the_results_beside_the_samples_name_the_model(tmp_path: Path) -> None:
    path = tmp_path / "org__folder" / f"samples_t_eu_{STAMP}.jsonl"
    assert origin(path, [question(1, "x")]).model == "org/folder"
    results = {"results": {}, "config": {}, "model_name": "org/model"}
    path.with_name(f"results_{STAMP}.json").write_text(json.dumps(results))
    found = origin(path, [question(1, "x")])
    assert (found.model, found.task) == ("org/model", "t_eu")


def test_a_plain_file_is_called_after_its_model(tmp_path: Path) -> None:
    path = tmp_path / "es_responses_org__model-1.5B.strict.jsonl.gz"
    assert origin(path, [question(1, "x")]).model == "org/model-1.5B"


def test_names_are_as_long_as_it_takes_to_tell_them_apart() -> None:
    one = AnswerOrigin("m", "t", "eu", "its rows")
    other = AnswerOrigin("n", "t", "eu", "its rows")
    spanish = AnswerOrigin("m", "t", "es", "its rows")
    assert labels([(Path("a"), one), (Path("b"), other)]) == ["m", "n"]
    assert labels([(Path("a"), one), (Path("b"), spanish)]) == ["m (eu)", "m (es)"]
    twice = labels([(Path("x/a"), one), (Path("y/a"), one)])
    assert len(set(twice)) == 2
    assert twice[0].endswith("(x/a)")
