"""How models are named: by folders, files, sweeps, and FOLDER::MODEL."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from made_samples import Evaluations, answers
from made_sweeps import two_methods

from lm_eval_iberian.comparison import read_subjects
from lm_eval_iberian.comparison.subject_paths import NamedSubjects
from lm_eval_iberian.errors import DataError, IberianError
from lm_eval_iberian.report import load_catalogue


ROWS = {"xstorycloze_eu": answers([1, 0, 1, 1])}


@pytest.fixture
def folder(evaluations: Evaluations) -> Path:
    for model in ("org/a", "org/b", "org/c"):
        evaluations.evaluated(ROWS, model)
    return evaluations.root


def read(*arguments: object, baseline: str = "") -> NamedSubjects:
    return read_subjects(
        [str(one) for one in arguments], load_catalogue(), baseline=baseline
    )


def names(found: NamedSubjects) -> list[str]:
    return [subject.name for subject in found.subjects]


def test_folders_of_one_model_are_compared_with_the_first(folder: Path) -> None:
    found = read(folder / "org__b", folder / "org__a")
    assert (names(found), found.baseline) == (["org/b", "org/a"], "org/b")
    file = next((folder / "org__c").glob("results_*"))
    assert names(read(file, folder / "org__a")) == ["org/c", "org/a"]


def test_all_models_of_a_folder_take_part(folder: Path) -> None:
    found = read(folder, baseline="org/b")
    assert (names(found), found.baseline) == (["org/a", "org/b", "org/c"], "org/b")
    # the first argument's only model is the baseline, and takes part once
    found = read(folder / "org__c", folder)
    assert (names(found), found.baseline) == (["org/c", "org/a", "org/b"], "org/c")


def test_one_model_of_a_folder_is_named_after_colons(folder: Path) -> None:
    found = read(f"{folder}::org/c", f"{folder}::org/a")
    assert (names(found), found.baseline) == (["org/c", "org/a"], "org/c")


def test_a_path_may_have_colons_itself(folder: Path) -> None:
    other = folder.rename(folder.with_name("out::org"))
    assert names(read(other, baseline="org/a")) == ["org/a", "org/b", "org/c"]
    assert names(read(f"{other}::org/a", f"{other}::org/b")) == ["org/a", "org/b"]


def test_one_model_by_two_settings_has_its_folder_in_its_name(tmp_path: Path) -> None:
    for name, shots in (("five", 5), ("none", 0)):
        Evaluations(tmp_path / name).evaluated(ROWS, "org/a", shots=shots)
    one, other = tmp_path / "five", tmp_path / "none"
    found = read(one, other)
    assert names(found) == [f"org/a ({one})", f"org/a ({other})"]
    assert found.baseline == f"org/a ({one})"
    assert read(one, other, baseline=f"org/a ({other})").baseline == names(found)[1]
    with pytest.raises(DataError, match=r"--baseline org/a may be .* or .* in full"):
        read(one, other, baseline="org/a")


@dataclass(frozen=True)
class Refused:
    """What is asked for, with {} for the folder, and what is said of it."""

    asked: tuple[str, ...]
    said: str
    why: str
    baseline: str = ""


REFUSED = [
    Refused(("{}",), "{} holds 3 models; say which of them", "which is the baseline?"),
    Refused(
        ("{}/org__a",), "{}/org__a holds results of one model, org/a", "A without B"
    ),
    Refused(
        ("{}/org__a", "{}/org__a"), "{}/org__a holds results of one model, org/a",
        "the same folder twice",
    ),
    Refused(("{}/no", "{}/org__a"), "{}/no does not exist", "no such folder"),
    Refused(("{}/no::org/a", "{}/org__a"), "{}/no does not exist", "no such folder"),
    Refused(
        ("{}::org/z", "{}/org__a"), "Unknown model in {} 'org/z'. Did you mean org/",
        "no such model",
    ),
    Refused(
        ("{}/empty", "{}/org__a"), "{}/empty holds no results_*.json", "an empty folder"
    ),
    Refused(
        ("{}",), "Unknown model 'org/aa'. Did you mean org/a", "no such baseline",
        "org/aa",
    ),
    Refused(
        ("{}/other", "{}/org__a"),
        "{}/other: no result of any benchmark of the paper was found; tasks found: xn",
        "results of other tasks",
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.why)
def test_what_cannot_be_compared_is_said(folder: Path, case: Refused) -> None:
    (folder / "empty").mkdir()
    if "other" in case.asked[0]:
        Evaluations(folder / "other").write({"xnli_eu": 0.5})
    asked = [text.format(folder) for text in case.asked]
    with pytest.raises(IberianError) as raised:
        read(*asked, baseline=case.baseline)
    assert case.said.format(folder) in str(raised.value), case.why


def test_a_sweep_s_models_are_known_by_what_it_says_of_them(tmp_path: Path) -> None:
    folder = two_methods(tmp_path / "sweep").folder
    found = read(folder, baseline="instruct")
    about = {subject.name: dict(subject.about) for subject in found.subjects}
    assert about["instruct"] == {"role": "instruct", "languages": "gl"}
    merge = {"role": "merge", "method": "linear", "languages": "gl", "weight": "0.5"}
    assert about["linear-gl-weight0.5"] == merge
    # a cell is a folder of results too; the model has others in the sweep
    cell = folder / "cells" / "linear-gl-weight0.5--choice-gl"
    found = read(cell, folder)
    assert found.baseline == "linear-gl-weight0.5"
    assert found.subjects[0].about == merge
    assert names(found).count("linear-gl-weight0.5") == 1
    found = read(f"{folder}::linear-gl-weight0.5", f"{folder}::instruct")
    assert found.subjects[0].about == merge
