"""Write a search's specification; tiny models, and a search of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_search import make_search_models, run, write_spec


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    """Write a specification."""

    def written(text: str) -> Path:
        path = tmp_path / "search.yaml"
        path.write_text(text, "utf-8")
        return path

    return written


@pytest.fixture(scope="session")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models of ``tiny_search``."""
    place = tmp_path_factory.mktemp("search")
    make_search_models(place)
    return place


@pytest.fixture(scope="session")
def undisturbed(here: Path) -> Path:
    """The folder of a search that ran through."""
    done = run(write_spec(here), here / "undisturbed")
    assert done.exit_code == 0, done.output
    return here / "undisturbed"
