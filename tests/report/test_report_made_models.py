"""Three models' results as they lie on the hub, but made up: their averages are known.

Every task has a file of its own, exams come as the parts of a group with its own
average, one model goes by two names and another was asked through its chat template.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

import pytest
from made_results import Results

from lm_eval_iberian.report import Report, Wanted, build_report, load_catalogue, written


TUNED, BASQUE = "org/tuned-7B", "made/basque-7B"
LLAMA = "meta-llama/Llama-3.1-8B"
OLD_NAME = "meta-llama/Meta-Llama-3.1-8B"
# the six benchmarks of EU beside the exams, and the three of EN
TASKS = (
    "belebele_eus_Latn", "eus_reading", "xstorycloze_eu", "eus_proficiency",
    "bertaqa_eu_local", "eus_trivia", "belebele_eng_Latn", "xstorycloze_en",
    "bertaqa_en_local",
)  # fmt: skip
SHARES = {
    LLAMA: (0.50, 0.45, 0.62, 0.33, 0.41, 0.44, 0.87, 0.78, 0.53),
    TUNED: (0.61, 0.48, 0.64, 0.36, 0.43, 0.46, 0.90, 0.79, 0.57),
    BASQUE: (0.72, 0.55, 0.66, 0.52, 0.60, 0.61, 0.88, 0.78, 0.56),
}
# of the exams: the first part has 0.8, all others 0.2
FIRST, REST = 0.8, 0.2


def exams() -> Mapping[str, int]:
    """Return the exams' tasks and how many items each has."""
    exam = load_catalogue().benchmarks["eus_exams_eu"]
    return {exam.tasks_of(part)[0]: n for part, n in exam.parts.items()}


def pooled() -> float:
    first, *rest = exams().values()
    return (first * FIRST + sum(rest) * REST) / (first + sum(rest))


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = Results(tmp_path_factory.mktemp("hub"))
    for model, shares in SHARES.items():
        template = "{{ messages }}" if model == TUNED else None
        more = {"chat_template": template, "chat_template_sha": template and "ab12"}
        for place, (task, share) in enumerate(zip(TASKS, shares, strict=True)):
            row = {"acc,none": share, "acc_stderr,none": 0.01}
            name = OLD_NAME if model == LLAMA and place % 2 else model
            results.write({task: row}, model=name, **more)
        results.write({"mmlu_en": 0.6}, model=model, **more)
        sizes = exams()
        rows = {
            task: {"acc,none": REST if k else FIRST, "acc_stderr,none": 0.02}
            for k, task in enumerate(sizes)
        }
        group = {"eus_exams_eu": {"acc,none": pooled(), "acc_stderr,none": 0.004}}
        content = results.content(rows, model=model, **more)
        content["results"] |= group
        content["n-samples"] = {
            task: {"original": n, "effective": n} for task, n in sizes.items()
        }
        results.count += 1
        results.put(content, model)
    return results.root


@pytest.fixture(scope="module")
def report(hub: Path) -> Report:
    return build_report([hub])


# by hand: the seven shares of EU, the exams' among them, and the three of EN
@pytest.mark.parametrize("model", SHARES)
def test_made_models_have_their_known_averages(report: Report, model: str) -> None:
    shares = SHARES[model]
    averages = json.loads(written(report, "json"))["models"][model]["averages"]
    assert averages["EU"]["value"] == round(100 * (sum(shares[:6]) + pooled()) / 7, 2)
    assert averages["EN"]["value"] == round(100 * sum(shares[6:]) / 3, 2)
    assert averages["EU"]["complete"]
    assert averages["EU"]["missing"] == []
    assert len(averages["EU"]["benchmarks"]) == 7


def test_a_made_model_under_its_two_names_is_one(report: Report) -> None:
    assert list(report.models) == [BASQUE, LLAMA, TUNED]


def test_made_exams_are_averaged_over_their_items(report: Report) -> None:
    sizes = exams().values()
    total = sum(sizes)
    error = math.sqrt(sum((n * 0.02) ** 2 for n in sizes)) / total
    assert total == 15_724
    for model in report.models.values():
        cell = model.cells["eus_exams_eu"]
        assert (cell.n, len(cell.results)) == (total, 29)
        assert cell.measures["acc"].value == pytest.approx(100 * pooled(), abs=1e-9)
        assert cell.measures["acc"].stderr == pytest.approx(100 * error, rel=1e-9)


def test_what_a_made_model_lacks_is_named(report: Report) -> None:
    for model in report.models.values():
        spanish = model.averages["ES"]
        assert spanish.value is None
        assert set(spanish.missing) == {
            "belebele_es", "xstorycloze_es", "cola_es", "openbookqa_es",
        }  # fmt: skip
        assert model.others == ("mmlu_en",)


def test_a_made_model_s_chat_template_is_said_and_can_be_asked_for(
    hub: Path, report: Report
) -> None:
    for name, model in report.models.items():
        said = [i for i in model.issues if "chat template" in i.text]
        assert len(said) == (name == TUNED)
    found = build_report([hub], wanted=Wanted(chat_template=True)).models
    assert found[LLAMA].averages["EU"].partial is None
    assert (
        found[TUNED].averages["EU"].value == report.models[TUNED].averages["EU"].value
    )


def test_the_made_files_may_lie_in_any_folder(
    hub: Path, report: Report, tmp_path: Path
) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    for i, path in enumerate(sorted((hub / BASQUE.replace("/", "__")).iterdir())):
        (deep / f"results_{i}.json").write_bytes(path.read_bytes())
    found = build_report([tmp_path]).models[BASQUE].averages
    assert found["EU"].value == report.models[BASQUE].averages["EU"].value
