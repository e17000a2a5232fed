"""Write a search's specification."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    """Write a specification."""

    def written(text: str) -> Path:
        path = tmp_path / "search.yaml"
        path.write_text(text, "utf-8")
        return path

    return written
