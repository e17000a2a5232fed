from __future__ import annotations

from pathlib import Path

import pytest
from made_results import Results


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path / "out")


@pytest.fixture
def english() -> dict[str, float]:
    """The three benchmarks of EN; their mean is 70."""
    return {"belebele_eng_Latn": 0.9, "xstorycloze_en": 0.7, "bertaqa_en_local": 0.5}
