"""The exported tasks in a copy of lm-eval that knows nothing of this project."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import tables

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.export.task_family import family_names, task_family
from lm_eval_iberian.export.upstream_yaml import descriptions
from lm_eval_iberian.ifeval import Verdict
from lm_eval_iberian.ifeval.original import judge_original
from lm_eval_iberian.ifeval.published_rows import in_google_s_words
from lm_eval_iberian.ifeval.scoring import score_row
from lm_eval_iberian.jsonl import read_jsonl
from lm_eval_iberian.paths import data


Host = Callable[..., Any]
LANGUAGES = task_family("ifeval").packs
KINDS = ("strict", "loose")


def asked() -> list[dict[str, Any]]:
    """Return every answer of a case table with what was asked for it."""
    rows = [*tables.read("ifeval"), *tables.read("ifeval_original")]
    found = [
        {
            "lang": row["lang"],
            "prompt": row.get("prompt") or "",
            "ids": [row["id"]],
            "kwargs": [row["kwargs"]],
            "response": row["response"],
        }
        for row in rows
        if row["lang"] in LANGUAGES and has_google_s_words(row)
    ]
    return found + [one for lang in LANGUAGES for one in golden(lang)]


def has_google_s_words(row: dict[str, Any]) -> bool:
    """Tell whether kwargs are as the exported tasks' prompts have them.

    Other sets word relations otherwise; the package reads these, too.
    """
    return bool(in_google_s_words(row["id"], row["kwargs"]) == row["kwargs"])


def golden(lang: str) -> list[dict[str, Any]]:
    """Return the golden answers to the shipped prompts of a language."""
    mini = data() / "ifeval" / "mini"
    prompts = {row["key"]: row for _, row in read_jsonl(mini / f"{lang}.jsonl")}
    return [
        {
            "lang": lang,
            "prompt": prompts[row["key"]]["prompt"],
            "ids": prompts[row["key"]]["instruction_id_list"],
            "kwargs": prompts[row["key"]]["kwargs"],
            "response": row[kind],
        }
        for _, row in read_jsonl(mini / "golden" / f"{lang}.jsonl")
        for kind in ("compliant", "non_compliant")
    ]


ASKED = asked()
FAMILIES = [task_family(name) for name in family_names()]
NAMES = [n for family in FAMILIES for named in descriptions(family) for n in named]
# a group brings its tasks, and lm-eval wants none of them twice
TOP = [n for family in FAMILIES for n in descriptions(family)[0] or family.tasks]


@pytest.fixture(scope="module")
def answers(host: Host, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the host says of all of them."""
    folder = tmp_path_factory.mktemp("answers")
    questions, out = folder / "questions.json", folder / "out.json"
    questions.write_text(
        json.dumps({"names": NAMES, "load": TOP, "verdicts": ASKED}), "utf-8"
    )
    program = Path(__file__).with_name("host_checks.py")
    done = host(str(program), str(questions), str(out))
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return found


@pytest.mark.slow
def test_the_host_is_a_copy_without_this_project(
    answers: dict[str, Any], tree: Path
) -> None:
    assert not answers["ours"]
    assert Path(answers["lm_eval"]).is_relative_to(tree)


@pytest.mark.slow
def test_every_name_is_indexed_from_its_folder_without_a_word(
    answers: dict[str, Any], tree: Path
) -> None:
    assert sorted(answers["places"]) == sorted(NAMES)
    folders = {family.folder for family in FAMILIES}
    for place in answers["places"].values():
        assert Path(place).relative_to(tree / "lm_eval" / "tasks").parts[0] in folders
    said = [line for line in answers["warnings"] if any(n in line for n in NAMES)]
    assert said == []


@pytest.mark.slow
def test_groups_hold_what_they_say(answers: dict[str, Any]) -> None:
    groups = answers["groups"]
    assert groups["iber_ifeval"] == sorted(task_family("ifeval").tasks)
    assert groups["bertaqa_local"] == ["bertaqa_en_local", "bertaqa_eu_local"]
    assert len(groups["belebele_native"]) == 5
    assert len(groups["eus_exams_eu_micro"]) == 29


@pytest.mark.slow
def test_the_host_s_tests_of_tasks_find_nothing(answers: dict[str, Any]) -> None:
    assert set(answers["tasks"]) > set(NAMES) - set(answers["groups"])
    assert {name: found for name, found in answers["faults"].items() if found} == {}
    counts = answers["documents"]
    assert all(counts.values())
    assert counts["ifeval_eu"] == 50
    assert counts["bertaqa_eu_local"] == 8  # of twelve


@pytest.mark.slow
def test_prompts_are_the_packaged_tasks_own(answers: dict[str, Any]) -> None:
    given = answers["prompts"]
    assert given["bertaqa_eu_local"]["first"].startswith("Galdera: ")
    assert given["bertaqa_eu_local"]["after_one"].count("Galdera: ") == 2
    assert given["belebele_cat_Latn_native"]["first"].startswith("Text: ")
    assert given["bl2mp"]["first"] == ""
    _, first = next(read_jsonl(data() / "ifeval" / "mini" / "gl.jsonl"))
    assert given["ifeval_gl"]["first"] == first["prompt"]


def followed(given: Sequence[Verdict | None]) -> list[bool | None]:
    return [None if one is None else one.followed for one in given]


def packaged(one: dict[str, Any]) -> Any:
    """Return what the package says of an answer, in the form of the exported."""
    row = {
        "prompt": one["prompt"],
        "instruction_id_list": one["ids"],
        "kwargs": one["kwargs"],
    }
    original = judge_original(
        one["ids"], one["kwargs"], one["response"],
        lang=one["lang"], prompt=one["prompt"],
    )  # fmt: skip
    try:
        score = score_row(row, one["response"], lang=one["lang"])
    except (DataError, UnknownNameError) as error:
        return [type(error).__name__, *(followed(given) for given in original)]
    found = {}
    pairs = [("", (score.strict, score.loose)), ("_original", original)]
    for suffix, both in pairs:
        for kind, given in zip(KINDS, both, strict=True):
            flags = [one for one in followed(given) if one is not None]
            found[f"prompt_level_{kind}_acc{suffix}"] = all(flags) if flags else None
            found[f"inst_level_{kind}_acc{suffix}"] = flags
    return found


@pytest.mark.slow
def test_exported_and_packaged_checkers_agree(answers: dict[str, Any]) -> None:
    pairs = zip(ASKED, answers["verdicts"], strict=True)
    apart = [(one, said) for one, said in pairs if said != packaged(one)]
    assert apart == []
    assert sum(isinstance(said, dict) for said in answers["verdicts"]) > 2500


@pytest.mark.slow
def test_the_host_s_own_validation_passes(answers: dict[str, Any]) -> None:
    assert "All tasks found and valid" in answers["validated"]


@pytest.mark.slow
def test_the_host_runs_them(host: Host, tmp_path: Path) -> None:
    done = host(
        *("-m", "lm_eval", "run", "--model", "dummy", "--tasks", ",".join(TOP)),
        *("--limit", "6", "--output_path", str(tmp_path)),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (path,) = tmp_path.rglob("results_*.json")
    results = json.loads(path.read_text("utf-8"))["results"]
    for name in NAMES:
        values = [
            value
            for key, value in results[name].items()
            if key.endswith(",none") and "stderr" not in key
        ]
        assert values, name
        assert all(0 <= value <= 1 for value in values), name
    assert results["ifeval_eu"]["prompt_level_strict_acc_stderr,none"] >= 0
    exams = [
        found["acc,none"]
        for name, found in results.items()
        if name.startswith("eus_exams_eu_") and name != "eus_exams_eu_micro"
    ]  # each has six questions
    mean = results["eus_exams_eu_micro"]["acc,none"]
    assert mean == pytest.approx(sum(exams) / 29)
