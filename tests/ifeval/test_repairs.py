from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.ifeval import repairs
from lm_eval_iberian.ifeval.prompt import in_repaired_words
from lm_eval_iberian.ifeval.repairs import Mending, Repairs, read_entry, read_repairs
from lm_eval_iberian.toml import read_toml


CASES = Path(__file__).resolve().parent.parent / "cases" / "ifeval_data"
TABLE = [
    json.loads(line)
    for line in (CASES / "repairs.jsonl").read_text("utf-8").splitlines()
]
FAULTS = read_toml(CASES / "faults.toml")["faults"]
LANGUAGES = sorted({lang for fault in FAULTS for lang in fault["languages"]})


@pytest.mark.parametrize("case", TABLE, ids=[case["why"] for case in TABLE])
def test_a_repair_does_what_it_says(case: dict[str, Any]) -> None:
    row, before = case["row"], copy.deepcopy(case["row"])
    mending = Mending(Repairs(1, (read_entry(case["entry"]),)))
    mended = mending.mend(row)
    assert row == before  # changed by copy
    wanted = case["wanted"]
    if wanted == "dropped":
        assert mended is None
    else:
        assert mended == row | (wanted or {})
    outcome = mending.outcomes()[0]
    assert (outcome.status == "applied") is (wanted is not None)
    assert outcome.rows == (wanted is not None)


def test_every_action_has_a_case() -> None:
    known = {*repairs._RULES, *repairs._ROWS}
    assert {case["entry"]["action"] for case in TABLE} == known


def test_a_repair_says_what_it_changes() -> None:
    for case in TABLE:
        change = read_entry(case["entry"]).change
        assert bool(change) is (case["entry"]["action"] != "note"), case["why"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_known_fault_has_a_repair_or_a_note(lang: str) -> None:
    wanted = {
        k for fault in FAULTS if lang in fault["languages"] for k in fault["keys"]
    }
    repairs = read_repairs(lang)
    assert wanted <= {key for entry in repairs.entries for key in entry.keys}
    assert repairs.version >= 1
    assert all(entry.reason and entry.source for entry in repairs.entries)


FORMS = [
    ("pode pode ser", "pode ser", "é pode pode ser.", "é pode ser.", "an option"),
    ("pode pode ser", "pode ser", "Pode pode ser", "pode ser", "letter case is free"),
    ("*****", "******", "a\n*****\nb", "a\n******\nb", "a separator"),
    ("*****", "******", "a\n******\nb", "a\n******\nb", "part of a longer run"),
    ("****", "***", "a\n****\nb", "a\n***\nb", "a shorter one"),
    ("*1", "* 1", "*1 bat\n*11 hamaika", "* 1 bat\n*11 hamaika", "a bullet"),
    ("Phyton", "Python", "Phyton, Phytons", "Python, Phytons", "part of a word"),
    ("a", "\\1", "a", "\\1", "no pattern"),
]


@pytest.mark.parametrize(("old", "new", "text", "wanted", "why"), FORMS)
def test_an_answer_to_the_published_text_in_repaired_words(
    old: str, new: str, text: str, wanted: str, why: str
) -> None:
    assert in_repaired_words(text, [(old, new)]) == wanted, why


def test_what_answers_write_goes_with_the_rows_that_were_changed() -> None:
    entry = {
        "key": 1,
        "action": "replace_text",
        "from": "with: ****",
        "to": "with: ***",
        "in_answers": [["****", "***"]],
        "reason": "r",
        "source": "s",
    }
    assert read_entry(entry).answer_forms == (("****", "***"),)
    del entry["in_answers"]
    assert read_entry(entry).answer_forms == (("with: ****", "with: ***"),)
    assert read_entry(GOOD).answer_forms == ()
    mending = Mending(Repairs(1, (read_entry(entry),)))
    mending.mend({"key": 1, "prompt": "Split with: ****", **NOTHING_ASKED})
    mending.mend({"key": 2, "prompt": "Split with: ****", **NOTHING_ASKED})
    assert mending.answer_forms(1) == (("with: ****", "with: ***"),)
    assert mending.answer_forms(2) == ()
    with pytest.raises(DataError, match="'in_answers' holds pairs of texts"):
        read_entry(entry | {"in_answers": [["****"]]})


NOTHING_ASKED: dict[str, Any] = {"instruction_id_list": [], "kwargs": []}


def test_a_language_without_a_file_has_no_repairs() -> None:
    assert read_repairs("xx") == Repairs(version=0)


def test_a_key_with_a_typing_error_is_listed_and_does_no_harm() -> None:
    entry = {"key": 10, "action": "drop", "reason": "r", "source": "s"}
    mending = Mending(Repairs(1, (read_entry(entry),)))
    row = {"key": 1, "prompt": "a", "instruction_id_list": [], "kwargs": []}
    assert mending.mend(row) == row
    (outcome,) = mending.outcomes()
    assert (outcome.key, outcome.status) == (10, "no such key")


GOOD = {
    "key": 1,
    "action": "set",
    "instruction_id": "keywords:frequency",
    "kwarg": "frequency",
    "from": 1,
    "to": 2,
    "reason": "r",
    "source": "s",
}


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"action": "sett"}, DataError, "Unknown action 'sett'. Did you mean set"),
        ({"reason": ""}, DataError, "set needs 'reason'"),
        ({"source": ""}, DataError, "set needs 'source'"),
        ({"kwarg": ""}, DataError, "set needs 'kwarg'"),
        ({"form": 1}, DataError, "Unknown field of set 'form'. Did you mean from"),
        ({"key": "1"}, DataError, "set needs a 'key' or 'keys'"),
        ({"keys": []}, DataError, "set needs a 'key' or 'keys'"),
        (
            {"instruction_id": "keywords:frequenzy"},
            UnknownNameError,
            "Did you mean keywords:frequency",
        ),
    ],
)
def test_an_entry_of_the_wrong_form_is_named(
    change: dict[str, Any], error: type[Exception], said: str
) -> None:
    assert read_entry(GOOD).values["to"] == 2
    with pytest.raises(error, match=said):
        read_entry(GOOD | change)


def test_an_added_instruction_must_have_its_kwargs() -> None:
    entry = {
        "key": 1,
        "action": "add_instruction",
        "instruction_id": "keywords:existence",
        "reason": "r",
        "source": "s",
    }
    with pytest.raises(DataError, match="'keywords' is missing"):
        read_entry(entry)


def test_a_wrong_entry_is_named_with_file_and_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "ifeval" / "repairs"
    folder.mkdir(parents=True)
    text = 'version = 1\n[[rows]]\nkey = 1\naction = "dropp"\n'
    (folder / "eu.toml").write_text(text, "utf-8")
    monkeypatch.setattr(repairs, "data", lambda: tmp_path)
    with pytest.raises(DataError, match=r"eu\.toml, entry 1: Unknown action 'dropp'"):
        read_repairs("eu")


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["keywords", "frequency", "a"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "key": VALUES,
            "prompt": VALUES,
            "instruction_id_list": VALUES,
            "kwargs": VALUES,
        },
    )
)
def test_no_row_is_too_strange(row: dict[str, Any]) -> None:
    entries = []
    for case in TABLE:
        entry = case["entry"]
        key = row.get("key")
        if "fields" not in entry and entry["action"] != "normalise_newlines":
            entry = {k: v for k, v in entry.items() if k != "keys"}
            entry["key"] = key if isinstance(key, int) else 1
        entries.append(read_entry(entry))
    before = copy.deepcopy(row)
    Mending(Repairs(1, tuple(entries))).mend(row)
    assert row == before
