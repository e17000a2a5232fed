from __future__ import annotations

import sys
from pathlib import Path

import pytest


sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "report"))
from made_samples import Evaluations


@pytest.fixture
def evaluations(tmp_path: Path) -> Evaluations:
    return Evaluations(tmp_path / "out")


@pytest.fixture(scope="module")
def cpt_ift(reference: Path) -> Path:
    folder = reference / "cpt_ift"
    if not folder.is_dir():
        pytest.skip(f"NO REFERENCE DATA: {folder} is absent")
    return folder
