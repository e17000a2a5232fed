"""The paper's numbers, from the public results they were made of."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lm_eval_iberian.report import Report, Wanted, build_report, written


LLAMA = "meta-llama/Llama-3.1-8B"
INSTRUCT = "meta-llama/Llama-3.1-8B-Instruct"
LATXA = "HiTZ/Latxa-Llama-3.1-8B"


@pytest.fixture(scope="module")
def hitz(reference: Path) -> Path:
    folder = reference / "hitz_results"
    if not folder.is_dir():
        pytest.skip(f"NO REFERENCE DATA: {folder} is absent")
    return folder


@pytest.fixture(scope="module")
def report(hitz: Path) -> Report:
    return build_report([hitz])


@pytest.mark.parametrize(
    ("model", "basque", "english"),
    [(LLAMA, 47.36, 72.74), (INSTRUCT, 50.73, 75.57), (LATXA, 62.39, 75.38)],
)
def test_the_averages_are_the_known_ones(
    report: Report, model: str, basque: float, english: float
) -> None:
    averages = json.loads(written(report, "json"))["models"][model]["averages"]
    assert averages["EU"]["value"] == basque
    assert averages["EN"]["value"] == english
    assert averages["EU"]["complete"]
    assert averages["EU"]["missing"] == []
    assert len(averages["EU"]["benchmarks"]) == 7


def test_the_same_model_under_its_two_names_is_one(report: Report) -> None:
    assert list(report.models) == [LATXA, LLAMA, INSTRUCT]


def test_exams_are_averaged_over_their_items(hitz: Path, report: Report) -> None:
    for name, model in report.models.items():
        cell = model.cells["eus_exams_eu"]
        assert cell.n == 15_724
        assert len(cell.results) == 29
        for path in (hitz / name.replace("/", "__")).glob("*.json"):
            results = json.loads(path.read_text("utf-8"))["results"]
            if "eus_exams_eu" in results:  # their fork's group weighs by size
                group = results["eus_exams_eu"]
                assert cell.measures["acc"].value / 100 == pytest.approx(
                    group["acc,none"], abs=1e-12
                )
                # pooled there, of variances here: they differ by little
                assert cell.measures["acc"].stderr == pytest.approx(
                    100 * group["acc_stderr,none"], rel=0.02
                )


def test_what_is_not_there_is_named(report: Report) -> None:
    for model in report.models.values():
        spanish = model.averages["ES"]
        assert spanish.value is None
        assert spanish.missing == ("cola_es", "openbookqa_es")
        assert "mmlu_en" in model.others


def test_a_chat_template_is_said(report: Report) -> None:
    for name, model in report.models.items():
        said = [i for i in model.issues if "chat template" in i.text]
        assert len(said) == (name == INSTRUCT)


def test_chat_templates_can_be_asked_for(hitz: Path) -> None:
    found = build_report([hitz], wanted=Wanted(chat_template=True))
    assert found.models[LLAMA].averages["EU"].partial is None
    value = found.models[INSTRUCT].averages["EU"].value
    assert value == pytest.approx(50.7342, abs=1e-4)


def test_folders_do_not_matter(hitz: Path, report: Report, tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    for i, path in enumerate(sorted((hitz / LATXA.replace("/", "__")).iterdir())):
        shutil.copy(path, deep / f"results_{i}.json")
    found = build_report([tmp_path]).models[LATXA].averages
    assert found["EU"].value == report.models[LATXA].averages["EU"].value
