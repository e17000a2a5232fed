"""What is found in one file: health, scores, which prompts were answered."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from made_answers import (
    LEAK,
    LOOP,
    SENTENCE,
    plain,
    published,
    question,
    sample,
    strict,
    write,
)

from lm_eval_iberian.audit import audit_files
from lm_eval_iberian.cli import main
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.health import examine
from lm_eval_iberian.ifeval.data import load
from lm_eval_iberian.ifeval.pairing import Asked


PROMPTS = load("eu", "mini")
ANSWERS = [SENTENCE, LEAK, LOOP, None, "", PROMPTS[5].prompt]


def test_the_scores_are_those_of_iberian_score(tmp_path: Path) -> None:
    rows = [plain(p, ANSWERS[i % 6]) for i, p in enumerate(PROMPTS)]
    path = write(tmp_path / "a.jsonl", rows)
    out = tmp_path / "out.json"
    arguments = ["score", str(path), "--lang", "eu", "--set", "mini"]
    arguments += ["--scoring", "both", "--json", str(out)]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    told = json.loads(out.read_text("utf-8"))["metrics"]
    (file,) = audit_files([path]).files.values()
    assert file.origin.lang == "eu"
    for scoring, suffix in (("repaired", ""), ("original", "_original")):
        for name, rate in file.scores[scoring].items():
            assert rate.value == told[f"{name}{suffix}"], name
            assert rate.stderr == told[f"stderr{suffix}"][name], name
    for name, rate in file.health.items():
        assert (rate.value, rate.n) == (told[name], 50), name
        assert rate.stderr == pytest.approx(told["stderr"][name]), name


def test_answers_to_other_tasks_have_health_alone(tmp_path: Path) -> None:
    answers = ["Lau dira.", LEAK, LOOP, "", None, "<think>Bi eta bi"]
    rows = [question(i, answer) for i, answer in enumerate(answers)]
    path = write(tmp_path / "samples_t_eu_2026-01-02T03-04-05.1.jsonl", rows)
    (file,) = audit_files([path]).files.values()
    assert file.scores == {}
    assert file.comparison is None
    shares = {name: rate.value for name, rate in file.health.items()}
    assert shares["run_on_rate"] == pytest.approx(1 / 6)
    assert shares["loop_rate"] == pytest.approx(1 / 6)
    assert shares["empty_rate"] == pytest.approx(3 / 6)
    assert shares["unclosed_thought_rate"] == pytest.approx(1 / 6)
    flagged = {one.name: set(one.reasons) for one in file.flagged}
    assert flagged == {
        "doc 1": {"run_on"},
        "doc 2": {"loop"},
        "doc 3": {"empty"},
        "doc 4": {"empty"},
        "doc 5": {"empty", "unclosed_thought", "no_stop"},
    }
    expected = examine(LEAK, "Zenbat da 1 gehi 1?", "eu")
    assert file.flagged[0].reasons["run_on"] == expected.run_on


def test_translations_have_a_health_of_their_own(tmp_path: Path) -> None:
    source = "The children went to the river in the morning and came home late."
    target = "Haurrak goizean ibaira joan ziren eta berandu itzuli ziren etxera."
    rows = [
        {
            "doc_id": number,
            "doc": {"sentence_eus_Latn": target, "sentence_eng_Latn": source},
            "arguments": {"gen_args_0": {"arg_0": f"English: {source}\nBasque:"}},
            "resps": [[answer]],
            "filtered_resps": [answer],
        }
        for number, answer in enumerate([target, source, "Bai."])
    ]
    name = "samples_iberian_flores_en-eu_2026-01-02T03-04-05.1.jsonl"
    (file,) = audit_files([write(tmp_path / name, rows)]).files.values()
    assert "source_copied_rate" in file.health
    assert [set(one.reasons) for one in file.flagged] == [
        {"source_copied", "off_language"},
        {"length_ratio"},
    ]


@pytest.mark.parametrize("beside", [True, False])
def test_prompts_are_found(tmp_path: Path, beside: bool) -> None:
    """Beside the answers, or in the samples, where no set here has them."""
    asked = [
        published(p) | {"prompt": f"Mesedez, {p.prompt} Eskerrik asko."}
        for p in PROMPTS[:3]
    ]
    rows = [
        {"prompt": one["prompt"], "response": SENTENCE} if beside else {
            "doc": one | {"lang": "eu"}, "filtered_resps": [SENTENCE], "resps": [[""]]
        }
        for one in asked
    ]  # fmt: skip
    path = write(tmp_path / "eu_responses_m.jsonl", rows)
    if beside:
        (file,) = audit_files([path]).files.values()
        assert file.scores == {}
        assert "its prompts are of no set that is here" in file.notes[-1]
        write(tmp_path / "eu_input.jsonl", asked)
    (file,) = audit_files([tmp_path]).files.values()
    assert file.prompts == 3


def test_what_our_tasks_log_is_scored_as_they_were_published(tmp_path: Path) -> None:
    row = sample(PROMPTS[0])
    ids, kwargs = row["doc"]["instruction_id_list"], row["doc"]["kwargs"]
    row["doc"] |= {"prompt": "Idatzi beste zerbait, koma barik.",
                   "kwargs": json.dumps(kwargs),
                   "published": json.dumps([["punctuation:no_comma"], [{}]]),
                   "unsatisfiable": [False] * len(ids)}  # fmt: skip
    (file,) = audit_files([write(tmp_path / "a.jsonl", [row])]).files.values()
    assert file.scores["original"]["inst_level_strict_acc"].n == 1
    assert file.scores["original"]["inst_level_strict_acc"].value == 0.0


def test_why_there_are_no_scores_is_said(tmp_path: Path) -> None:
    keyed = write(tmp_path / "eu.jsonl", [{"key": 1, "response": SENTENCE}])
    (file,) = audit_files([keyed]).files.values()
    assert "give --data PROMPTS, or --set" in file.notes[-1]
    unknown = write(tmp_path / "x.jsonl", [{"key": 1, "response": SENTENCE}])
    (file,) = audit_files([unknown]).files.values()
    assert file.notes[-1] == "not scored: its language is not known; give --lang"
    row = strict(PROMPTS[0], [True]) | {"prompt": "Esan zerbait, lagun maitea."}
    (file,) = audit_files([write(tmp_path / "eu.jsonl", [row])]).files.values()
    assert "the arguments of its instructions are not here" in file.notes[-1]


def test_prompts_that_were_asked_for_must_be_the_ones_answered(tmp_path: Path) -> None:
    path = write(tmp_path / "eu.jsonl", [{"prompt": "Zer?", "response": "Hori."}])
    with pytest.raises(DataError, match=r"no answer belongs to any of the prompts"):
        audit_files([path], prompts_of=lambda lang: Asked(PROMPTS, lang, "these"))


def test_answers_by_key_alone_are_scored_where_it_is_said_what_they_answer(
    tmp_path: Path,
) -> None:
    rows = [{"key": prompt.key, "response": SENTENCE} for prompt in PROMPTS]
    path = write(tmp_path / "eu.jsonl", rows)
    asked = Asked(PROMPTS, "eu", "these prompts")
    (file,) = audit_files([path], prompts_of=lambda _: asked).files.values()
    assert file.prompts == 50
    assert file.asked == "these prompts"
    assert file.notes[-1] == (
        "no row holds its prompt: whether these are answers to these prompts cannot "
        "be checked"
    )


def test_what_was_not_scored_is_said(tmp_path: Path) -> None:
    asked = [published(p) for p in PROMPTS[:2]]
    asked[1]["instruction_id_list"].append("es:special_character:tildes")
    asked[1]["kwargs"].append({})
    asked[1]["prompt"] += " Mesedez."
    asked[0]["prompt"] += " Mesedez."
    write(tmp_path / "eu_input.jsonl", asked)
    rows = [{"prompt": one["prompt"], "response": SENTENCE} for one in asked]
    write(tmp_path / "eu.jsonl", [*rows, {"prompt": "Zer da hau?", "response": "A."}])
    (file,) = audit_files([tmp_path], keep_going=True).files.values()
    notes = "; ".join(file.notes)
    assert "1 answers without a prompt" in notes
    assert (
        "1 of their instructions, special_character:tildes (1; the Basque pack" in notes
    )


def test_a_file_that_cannot_be_used_stops_all_or_is_left_out(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", [plain(PROMPTS[0])])
    (tmp_path / "b.jsonl").write_bytes(b"\x1f\x8bno gzip")
    with pytest.raises(DataError, match=r"b\.jsonl cannot be unpacked"):
        audit_files([tmp_path], lang="eu")
    found = audit_files([tmp_path], lang="eu", keep_going=True)
    assert list(found.files) == ["a"]
    (why,) = found.left_out
    assert "b.jsonl cannot be unpacked" in why


def test_a_copy_is_audited_and_named(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        write(tmp_path / name, [plain(PROMPTS[0])])
    write(tmp_path / "c.jsonl", [plain(PROMPTS[0], LOOP)])
    found = audit_files([tmp_path], lang="eu")
    assert list(found.files) == ["a", "b", "c"]
    assert found.notes == (
        f"{tmp_path / 'b.jsonl'} holds the same answers as {tmp_path / 'a.jsonl'}",
    )


def test_where_there_is_no_answer_that_is_said(tmp_path: Path) -> None:
    write(tmp_path / "p.jsonl", [published(PROMPTS[0])])
    choice = question(1, "") | {"resps": [[["-3.5", "False"]]]}
    write(tmp_path / "c.jsonl", [choice])
    with pytest.raises(DataError, match=r"only 1 file of prompts, 1 file of choices"):
        audit_files([tmp_path])


HOSTILE = {
    "one character": "a" * 1_000_000,
    "a megabyte of prose": f"{SENTENCE} Eta zu, non zaude? " * 20_000,
    "turns": "User: kaixo\nAssistant: bai\n" * 10_000,
    "thoughts": "<think>" * 100_000,
    "control": "\x1b]0;title\x07\x1b[2J\x00\u202e" * 10_000,
    "surrogates": "\udcff" * 1000,
    "a letter": "e",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_any_answer_is_audited_in_bounded_time(tmp_path: Path, name: str) -> None:
    rows: list[Any] = [question(i, HOSTILE[name]) for i in range(2)]
    path = write(tmp_path / "eu.jsonl", rows)
    audit_files([path])  # what is read once is read
    started = time.process_time()
    (file,) = audit_files([path]).files.values()
    assert time.process_time() - started < 2.0
    assert file.answers == 2
    assert all(len(one.excerpt) <= 200 for one in file.flagged)
