"""What several test files need."""

from __future__ import annotations

from pathlib import Path

import pytest


ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT.parent / "shared" / "reference"


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def reference() -> Path:
    """The real data that nobody here wrote; it is not part of the project."""
    if not REFERENCE.is_dir():
        pytest.skip(f"NO REFERENCE DATA: {REFERENCE} is absent")
    return REFERENCE
