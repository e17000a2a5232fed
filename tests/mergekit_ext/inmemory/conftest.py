"""The current folder of recipes, and models in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import constants
from mergekit.io import tasks
from tiny_models import make_models


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, offline; mergekit has nothing open."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(tasks.LoaderCache, "loaders", {})
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def llama(here: Path) -> Path:
    """``m``, with tiny Llamas that have a head of their own."""
    return make_models(here / "m", "llama", tie_word_embeddings=False)
