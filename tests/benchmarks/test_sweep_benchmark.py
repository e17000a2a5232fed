"""``benchmarks/sweep.py``: what it prints, and what it refuses to print."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml


pytestmark = pytest.mark.slow


@pytest.fixture
def sweep(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Import the program as it imports its own parts; forget them at the end."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(root / "benchmarks")
    yield importlib.import_module("sweep")
    for name in set(sys.modules) - before:
        if name.partition("_")[0] in ("merge", "sweep"):
            del sys.modules[name]


def run(sweep: ModuleType, place: Path, *more: str) -> int:
    options = ["--methods", "task_arithmetic", "--folder", str(place / "here"), *more]
    shape = sweep.Shape(300, 256, 512, 1)
    status: int = sweep.main([*options, "--json", str(place / "found.json")], shape)
    return status


@pytest.mark.parametrize("tokens", ["unnamed", "average", "instruct"])
def test_prints_what_a_point_takes_beside_merge_and_load(
    tokens: str,
    sweep: ModuleType,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    assert run(sweep, tmp_path, "--tokens", tokens) == 0
    printed = capsys.readouterr().out
    (row,) = (line for line in printed.splitlines() if line.startswith("task_"))
    found = json.loads((tmp_path / "found.json").read_text("utf-8"))
    assert found["machine"]["tokens"] == tokens
    taken = found["methods"]["task_arithmetic"]
    slow, *further = taken["merges"][0] + taken["loads"][0], *sorted(taken["further"])
    middle = (further[2] + further[3]) / 2
    assert taken["ratio"] == pytest.approx(slow / middle)
    assert f"{taken['ratio']:.1f}" in row.split()
    assert found["memory"]["models"] == 3 * found["memory"]["live"]
    assert "USS" in printed
    assert not list((tmp_path / "here").iterdir())


@pytest.mark.parametrize(
    ("method", "tokens"),
    [
        ("linear", "average"),
        ("linear", "instruct"),
        ("breadcrumbs", "average"),
        ("breadcrumbs", "instruct"),
        ("breadcrumbs", "base"),
    ],
)
def test_recipes_are_those_of_a_sweep(
    method: str, tokens: str, sweep: ModuleType, tmp_path: Path
) -> None:
    shape = sweep.Shape(300, 256, 512, 1)
    sweep.make_models(tmp_path, shape)
    sweep._instruct(tmp_path / "expert_1", shape)
    instruct = str(tmp_path / "expert_1")
    for fused in (False, True):
        text = sweep._recipe(tmp_path, sweep.CASES[method], tokens, fused=fused)
        written = yaml.safe_load(text)
        assert written["merge_method"] == "fused_" * fused + method
        if tokens == "average":
            assert written["tokenizer_source"] == instruct
        else:
            giver = {"instruct": instruct, "base": str(tmp_path / "base")}[tokens]
            forced = {"source": giver, "force": True}
            wanted = {f"w{k}": forced for k in range(296, 300)}
            assert written["tokenizer"] == {"source": instruct, "tokens": wanted}
        weights = [one["parameters"]["weight"] for one in written["models"]]
        assert weights == list(sweep.CASES[method].per_model["weight"][:2])


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"wrong": ["lm_head.weight"]}, "lm_head.weight is not as our method writes"),
        ({"differ": 0.5}, "50.00% differ, of at most 2.00%"),
        ({"apart": float("nan")}, "nan% apart, of at most 0.10%"),
    ],
)
def test_nothing_is_printed_where_weights_disagree(
    found: dict[str, Any],
    message: str,
    sweep: ModuleType,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    class Answers:
        def __init__(self, log: Path) -> None:
            pass

        def __enter__(self) -> Answers:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def ask(self, **_: Any) -> dict[str, Any]:
            return {"seconds": 1.0, "wrong": [], "differ": 0.0, "apart": 0.0} | found

    monkeypatch.setattr(sweep, "Points", Answers)
    monkeypatch.setattr(sweep, "child", lambda *_: None)
    monkeypatch.setattr(sweep, "_stock", lambda *_: (1.0, 1.0))
    assert run(sweep, tmp_path) == 1
    printed = capsys.readouterr().out
    assert f"DISAGREES: task_arithmetic: {message}" in printed
    assert "mergekit-yaml" not in printed
    assert not (tmp_path / "found.json").exists()
