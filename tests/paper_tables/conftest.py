from __future__ import annotations

import sys
from pathlib import Path

import pytest


sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "report"))

from made_results import Results


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path / "out")
