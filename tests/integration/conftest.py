"""A model for the tests that run lm-eval itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from untrained_llamas import save_untrained


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model that nobody has trained, with its tokenizer."""
    folder = tmp_path_factory.mktemp("model")
    save_untrained(folder, "tiny", layers=1, langs=("eu", "gl", "en"))
    return folder / "tiny"
