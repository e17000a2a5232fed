"""Which files are found, and what each of them is taken for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from made_answers import SENTENCE, plain, published, question, sample, strict, write

from lm_eval_iberian.audit.answer_files import (
    AnswerFile,
    ChoicesFile,
    PromptsFile,
    VerdictsFile,
    find_answer_files,
    read_audit_input,
)
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.ifeval.data import load


FIRST = load("eu", "mini")[0]
CHAT = (
    "<bos><start_of_turn>user\nQ: Nor zara?<end_of_turn>\n<start_of_turn>model\n"
    "A: Ni naiz.<end_of_turn>\n<start_of_turn>user\nQ: Non zaude?<end_of_turn>\n"
    "<start_of_turn>model\nA:"
)
CHOICE = question(1, "") | {"resps": [[["-3.5", "False"]], [["-1.25", "True"]]]}


def test_folders_files_and_patterns_are_searched(tmp_path: Path) -> None:
    names = ["a/b/x.jsonl", "a/y.jsonl.gz", "z.json", "a/samples_t_1.jsonl"]
    paths = [write(tmp_path / name, [plain(FIRST)]) for name in names]
    (tmp_path / "a/results_1.json").write_text("{}")
    (tmp_path / "a/linear-eu.json").write_text('{\n  "results": {}, "config": {}}')
    (tmp_path / "a/notes.txt").write_text("no")
    assert find_answer_files([tmp_path]) == sorted(paths)
    assert find_answer_files([tmp_path / "a/*.gz"]) == [tmp_path / "a/y.jsonl.gz"]
    assert find_answer_files([paths[2], tmp_path / "*.json"]) == [paths[2]]


def test_a_folder_without_answers_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"{tmp_path} holds no file of answers"):
        find_answer_files([tmp_path])


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (plain(FIRST), AnswerFile),
        (sample(FIRST), AnswerFile),
        (strict(FIRST, [True]), AnswerFile),
        (question(1, "Bi."), AnswerFile),
        (question(1, "42"), AnswerFile),
        (question(1, None), AnswerFile),
        (published(FIRST), PromptsFile),
        ({"model": "m", "key": 1, "strict": [True]}, VerdictsFile),
        (CHOICE, ChoicesFile),
        (CHOICE | {"resps": [[-12.5]]}, ChoicesFile),
        (
            question(1, "-813.25") | {"arguments": {"gen_args_0": {"arg_0": "Kaixo."}}},
            ChoicesFile,
        ),
    ],
)
def test_rows_tell_what_a_file_is(tmp_path: Path, row: Any, kind: type) -> None:
    found = read_audit_input(write(tmp_path / "a.jsonl", [row]))
    assert isinstance(found, kind)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"text": "no"}], r"line 1: needs a 'key' \(number\) or a 'prompt'.*text"),
        ([plain(FIRST, 7)], r"line 1, key 1: needs a 'response' .* found int"),
        ([sample(FIRST, ["a", "b"])], "line 1, key 1: it holds 2 answers, not one"),
        ([question(1, {})], "line 1: an answer must be a text or null, found dict"),
        ([question(1, "") | {"resps": []} | {"filtered_resps": []}], "an empty list"),
        ([plain(FIRST), published(FIRST)], r"line 2, key 1: needs a 'response'"),
        ([], r"a\.jsonl holds no rows"),
        (
            [sample(FIRST), sample(FIRST, filter="other")],
            "holds the answers by the filters none, other",
        ),
    ],
)
def test_what_cannot_be_used_is_one_sentence(
    tmp_path: Path, rows: list[Any], said: str
) -> None:
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(DataError, match=said) as caught:
        read_audit_input(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_keep_going_leaves_rows_out_and_says_which(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [plain(FIRST), plain(FIRST, 7), 3])
    found = read_audit_input(path, keep_going=True)
    assert isinstance(found, AnswerFile)
    assert [row.response for row in found.rows] == [SENTENCE]
    assert ["key 1" in bad or "line 3" in bad for bad in found.bad_rows] == [True] * 2


def test_an_answer_that_went_through_two_filters_counts_once(tmp_path: Path) -> None:
    rows = [question(1, "Bi dira.", filter=name) for name in ("strict", "flexible")]
    found = read_audit_input(write(tmp_path / "a.jsonl", rows))
    assert isinstance(found, AnswerFile)
    assert len(found.rows) == 1


def test_every_repeat_is_an_answer(tmp_path: Path) -> None:
    row = question(1, "") | {"resps": [["Bi.", "Bi dira.", "2"]]}
    found = read_audit_input(write(tmp_path / "a.jsonl", [row]))
    assert isinstance(found, AnswerFile)
    assert [one.response for one in found.rows] == ["Bi.", "Bi dira.", "2"]


def test_of_a_chat_the_last_request_was_answered(tmp_path: Path) -> None:
    row = question(1, "Hemen.") | {
        "arguments": {"gen_args_0": {"arg_0": CHAT, "arg_1": {"max_gen_toks": 9}}}
    }
    found = read_audit_input(write(tmp_path / "a.jsonl", [row]))
    assert isinstance(found, AnswerFile)
    assert found.rows[0].prompt == "Q: Non zaude?"
    assert found.rows[0].generation.limit == 9


@pytest.mark.parametrize(("cut", "reason"), [(True, "length"), (False, "stop")])
def test_what_a_task_of_ours_has_counted_is_believed(
    tmp_path: Path, cut: bool, reason: str
) -> None:
    """Takes over what the model's tokenizer told: a short answer may be a cut one."""
    path = write(
        tmp_path / "samples.jsonl", [question(1, "A: Ni") | {"no_stop_rate": cut}]
    )
    found = read_audit_input(path)
    assert isinstance(found, AnswerFile)
    assert found.rows[0].generation.finish_reason == reason
