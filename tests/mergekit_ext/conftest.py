"""What the tests of the merge methods share: tables, poison, tiny models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch


CASES = Path(__file__).parent / "cases"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test that takes ``case`` each row of its module's ``TABLE``."""
    if "case" in metafunc.fixturenames:
        rows = table(metafunc.module.TABLE)
        metafunc.parametrize("case", rows, ids=[row["why"] for row in rows])


def table(name: str) -> list[dict[str, Any]]:
    lines = (CASES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture
def poison() -> Iterator[None]:
    """Fill uninitialised memory with NaN, so that reading it shows."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(before)
