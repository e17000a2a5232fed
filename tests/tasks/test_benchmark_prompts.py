"""The first prompt of every real task, from rows in the real dataset's schema.

Each stored text was read before it was stored; a new one is to be read as well.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lm_eval_iberian.jsonl import read_jsonl
from lm_eval_iberian.paths import task_configs
from lm_eval_iberian.tasks.catalogue import read_config, shipped


CASES = Path(__file__).parents[1] / "cases" / "benchmarks"
STORED = {row["task"]: row for _, row in read_jsonl(CASES / "prompts.jsonl")}


def real_tasks() -> list[str]:
    found = []
    for entry in shipped():
        config = read_config(entry.path) if entry.kind == "task" else {}
        if (config.get("dataset_kwargs") or {}).get("which") == "hub":
            found.append(entry.name)
    return found


def built(name: str) -> Any:
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=task_configs(), include_defaults=False)
    return manager.load(name)["tasks"][name]


def rendered(name: str) -> dict[str, Any]:
    """What a model is given for the first document: alone, and after an example."""
    task = built(name)
    task.set_fewshot_seed(1)
    doc = task.eval_docs[0]
    choices = task.doc_to_choice(doc) if task.config.doc_to_choice else None
    target = task.doc_to_target(doc)
    return {
        "task": name,
        "prompt": task.fewshot_context(doc, num_fewshot=0),
        "after_one": task.fewshot_context(doc, num_fewshot=1),
        "choices": choices,
        "delimiter": task.config.target_delimiter,
        "target": target,
        "documents": len(task.eval_docs),
    }


def test_there_is_a_stored_prompt_for_every_real_task() -> None:
    assert sorted(STORED) == sorted(real_tasks())
    assert len(STORED) == 33


@pytest.mark.parametrize("name", sorted(STORED))
@pytest.mark.slow
def test_the_first_prompt_is_the_stored_one(
    name: str, fake_hub: list[tuple[str, str | None, str]]
) -> None:
    assert rendered(name) == STORED[name]


@pytest.mark.parametrize("name", sorted(STORED))
def test_no_prompt_ends_in_white_space_before_a_blank(name: str) -> None:
    stored = STORED[name]
    if stored["delimiter"].isspace():
        for prompt in (stored["prompt"], stored["after_one"]):
            assert prompt == prompt.rstrip()


@pytest.mark.parametrize("name", sorted(STORED))
@pytest.mark.slow
def test_the_scored_document_is_not_its_own_example(name: str) -> None:
    """Where there is a split of its own for examples, the cases repeat the rows."""
    config = read_config(next(e.path for e in shipped() if e.name == name))
    if config["test_split"] == config["fewshot_split"] and STORED[name]["prompt"]:
        example = STORED[name]["after_one"].removesuffix(STORED[name]["prompt"])
        assert STORED[name]["prompt"] not in example


def test_a_translation_stands_after_a_blank() -> None:
    assert "\nBasque sentence: " in STORED["iberian_flores_es-eu"]["after_one"]


def test_the_exams_are_all_asked_for(
    fake_hub: list[tuple[str, str | None, str]],
) -> None:
    docs = built("iberian_eus_exams_eu").eval_docs
    assert len(fake_hub) == 29
    assert len(set(docs["exam"])) == 29
    assert len(docs) == 29 * 2


def test_examples_of_an_exam_question_are_of_its_exam(
    fake_hub: list[tuple[str, str | None, str]],
) -> None:
    task = built("iberian_eus_exams_eu")
    task.set_fewshot_seed(1)
    for doc in list(task.eval_docs)[:9]:
        (example,) = task.sampler.sample(1, eval_doc=doc)
        assert example["exam"] == doc["exam"]
        assert example != doc


def test_only_local_questions_of_bertaqa_are_taken(
    fake_hub: list[tuple[str, str | None, str]],
) -> None:
    task = built("iberian_bertaqa_en_local")
    assert set(task.eval_docs["group"]) == {"Euskal gaiak"}
    assert [doc["group"] for doc in task.sampler.df] == ["Euskal gaiak"] * 2


TWINS = {
    **{f"xstorycloze_{x}": f"iberian_xstorycloze_{x}_mini" for x in ("eu", "es", "en")},
    **{f"xstorycloze_{x}": f"iberian_xstorycloze_{x}_mini" for x in ("gl", "ca")},
    **{f"openbookqa_{x}": f"iberian_openbookqa_{x}_mini" for x in ("gl", "ca", "es")},
    "eus_reading": "iberian_eus_reading_mini",
    "eus_proficiency": "iberian_eus_proficiency_mini",
    "eus_trivia": "iberian_eus_trivia_mini",
    "galcola": "iberian_cola_gl",
    "catcola": "iberian_cola_ca",
    "escola": "iberian_cola_es",
    "cola": "iberian_cola_en",
    "parafrases_gl": "iberian_parafrases_gl",
    "bertaqa_eu": "iberian_bertaqa_eu_local",
    "bertaqa_en": "iberian_bertaqa_en_local",
    "belebele_eus_Latn": "iberian_belebele_eu",
    "belebele_glg_Latn": "iberian_belebele_gl",
    "eus_exams_eu_ejlaguntza": "iberian_eus_exams_eu",
}


@pytest.fixture(scope="module")
def upstream() -> dict[str, Path]:
    import lm_eval.tasks
    from lm_eval.tasks._index import TaskIndex

    index = TaskIndex.build([Path(lm_eval.tasks.__file__).parent])
    return {name: index[name].yaml_path for name in TWINS}


@pytest.mark.slow
@pytest.mark.parametrize("theirs", TWINS)
def test_prompts_and_splits_are_upstream_s(
    theirs: str, upstream: dict[str, Path]
) -> None:
    """A failure means that lm-eval changed a prompt: results are not comparable."""
    ours = read_config(next(e.path for e in shipped() if e.name == TWINS[theirs]))
    other = read_config(upstream[theirs])
    for key in ("doc_to_text", "doc_to_target", "doc_to_choice", "target_delimiter"):
        mine, its = ours.get(key), other.get(key)
        if str(its).startswith("utils."):
            continue  # compared in test_letters
        assert mine == its, key
    scored = other.get("test_split") or other["validation_split"]
    examples = other.get("fewshot_split") or other.get("training_split")
    examples = examples or other["validation_split"]
    assert (ours["test_split"], ours["fewshot_split"]) == (scored, examples)
