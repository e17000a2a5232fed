"""``benchmarks/compare.py``: what it prints, and what it refuses to print."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest


pytestmark = pytest.mark.slow
LITTLE = ["--items", "600", "--segments", "80", "--resamples", "2000", "--rounds", "1"]


@pytest.fixture
def compare(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(root / "benchmarks")
    yield importlib.import_module("compare")
    del sys.modules["compare"]


def test_prints_how_many_times_as_fast_each_difference_is(
    compare: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["compare.py", *LITTLE])
    compare.main()
    title, *lines = capsys.readouterr().out.splitlines()
    assert title == "2000 resamples, best of 1 rounds"
    assert [line.partition(":")[0] for line in lines] == [
        "accuracy, 600 items, 600 clusters",
        "accuracy, 600 items, 300 clusters",
        "accuracy, 600 items, 60 clusters",
        "BLEU, 80 segments",
    ]
    assert all(line.endswith(" x") for line in lines)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"difference": 1.001}, "no ratio: the difference is 1.001 and 1.0"),
        ({"stderr": 2.2}, "no ratio: the error is 2.2 and 2.0"),
        ({"interval": (-3.0, 5.4)}, "no ratio: the interval is"),
    ],
)
def test_no_ratio_where_they_disagree(
    wrong: dict[str, object],
    said: str,
    compare: ModuleType,
    capsys: pytest.CaptureFixture[str],
) -> None:
    right = compare.Found(1.0, 2.0, (-3.0, 5.0))
    case = compare.Case("case", lambda: right, "theirs", lambda: right)
    assert compare.report(case, 1)
    assert " x" in capsys.readouterr().out
    off = replace(case, ours=lambda: replace(right, **wrong))
    assert not compare.report(off, 1)
    printed = capsys.readouterr().out
    assert said in printed
    assert " x" not in printed


def test_a_disagreement_ends_it_with_an_error(
    compare: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["compare.py", *LITTLE])
    monkeypatch.setattr(compare, "ERROR_APART", 0.0)
    with pytest.raises(SystemExit) as ended:
        compare.main()
    assert ended.value.code == 1
