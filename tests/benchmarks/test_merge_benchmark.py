"""``benchmarks/merge.py``: what it prints and writes, and what it refuses to print."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch


pytestmark = pytest.mark.slow

ELEMENTS = 200_000
Load = Callable[[str], ModuleType]
# compiling the loops of the other backend takes longer than all else
SMALL = ["--elements", str(ELEMENTS), "--rounds", "1", "--backend", "torch"]


@pytest.fixture
def load(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Import a benchmark's module as its program does; forget them all at the end."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(root / "benchmarks")
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if name.partition("_")[0] == "merge":
            del sys.modules[name]


@pytest.mark.slow
def test_prints_a_table_and_writes_every_round(
    load: Load, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "found.json"
    methods = ["breadcrumbs", "dare_ties"]
    rest = ["--methods", *methods, "--memory-elements", "4M", "--json", str(file)]
    assert load("merge").main([*SMALL, *rest]) == 0
    rows = dict(row.split(None, 1) for row in capsys.readouterr().out.splitlines()[6:8])
    assert list(rows) == methods
    found = json.loads(file.read_text("utf-8"))
    assert found["settings"]["elements"] == ELEMENTS
    assert found["machine"]["versions"]["mergekit"]
    for method in methods:
        check_row(rows[method], found["methods"][method])


def check_row(printed: str, found: dict[str, Any]) -> None:
    ours, stock = found["backends"]["torch"], found["stock"]
    assert found["agrees"]
    assert len(ours["rounds_s"]) == len(stock["rounds_s"]) == 1
    assert ours["ratio"] == pytest.approx(stock["median_s"] / ours["median_s"])
    assert stock["ns_per_element"] == pytest.approx(
        stock["rounds_s"][0] / ELEMENTS * 1e9
    )
    assert 0 <= ours["extra_memory_bytes"] < 64e6
    cells = printed.replace("|", " ").split()
    assert cells[:3] == [
        f"{stock['ns_per_element']:.2f}",
        f"{ours['ns_per_element']:.2f}",
        f"{ours['ratio']:.1f}",
    ]
    assert cells[3].lstrip("<") == f"{ours['extra_memory_bytes'] / 1e6:.0f}"


LACKING = ["lines", "widen", "widen_embedding", "null_space", "null_space_lines"]


def test_what_mergekit_lacks_has_a_cost_and_no_ratio(
    load: Load, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file, methods = tmp_path / "found.json", [*LACKING, "della"]
    rest = ["--methods", *methods, "--no-memory", "--json", str(file)]
    assert load("merge").main([*SMALL, *rest]) == 0
    rows = dict(
        row.split(None, 1) for row in capsys.readouterr().out.splitlines()[6:12]
    )
    found = json.loads(file.read_text("utf-8"))["methods"]
    for method in LACKING:
        ours, plain = found[method]["backends"]["torch"], found[method]
        own = ours["median_s"] / ours["our_task_arithmetic"]["median_s"]
        theirs = ours["median_s"] / plain["stock_task_arithmetic"]["median_s"]
        assert ours["ratio"] is None
        assert "stock" not in plain
        assert ours["cost_beside_our_task_arithmetic"] == pytest.approx(own)
        assert ours["cost_beside_stock_task_arithmetic"] == pytest.approx(theirs)
        cells = rows[method].split()
        assert cells[0] == "-"
        assert cells[3] == "-"
        assert cells[-3:] == [f"{own:.2f}", "/", f"{theirs:.2f}"]
    assert found["della"]["backends"]["torch"]["ratio"] > 0
    assert "our_task_arithmetic" not in found["della"]["backends"]["torch"]
    assert rows["della"].split()[-1] == "-"


def one_wrong(merged: torch.Tensor) -> torch.Tensor:
    merged.view(-1)[-1] += 1
    return merged


@pytest.mark.parametrize("method", ["breadcrumbs", "dare_ties", "nearswap"])
def test_a_backend_that_disagrees_gets_no_ratio(
    load: Load,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    method: str,
) -> None:
    right = load("merge_cases").TORCH
    wrong = replace(
        right,
        merge=lambda what: (one_wrong(right.merge(what)[0]), False),
        nearswap=lambda *given: (one_wrong(right.nearswap(*given)[0]), False),
    )
    monkeypatch.setattr(load("merge_cases"), "TORCH", wrong)
    file = tmp_path / "found.json"
    status = load("merge").main([*SMALL, "--methods", method, "--json", str(file)])
    printed = capsys.readouterr().out
    assert status == 1
    (row,) = (line for line in printed.splitlines() if line.startswith(method))
    assert row.split() == [method, "|", "DISAGREES"]
    assert f"DISAGREES: {method}: torch is " in printed
    found = json.loads(file.read_text("utf-8"))["methods"][method]
    assert not found["agrees"]
    assert "backends" not in found


@pytest.mark.parametrize(
    ("method", "module", "name"),
    [
        ("widen", "widen", "merge_columns"),
        ("null_space", "null_space", "without"),
    ],
)
def test_columns_and_projections_that_disagree_get_no_cost(
    load: Load,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    module: str,
    name: str,
) -> None:
    where = importlib.import_module(f"mergekit_ext.methods.{module}")
    right = getattr(where, name)

    def wrong(*given: Any, **options: Any) -> torch.Tensor:
        return one_wrong(right(*given, **options))

    monkeypatch.setattr(where, name, wrong)
    assert load("merge").main([*SMALL, "--no-memory", "--methods", method]) == 1
    printed = capsys.readouterr().out
    (row,) = (line for line in printed.splitlines() if line.startswith(method))
    assert row.split() == [method, "|", "DISAGREES"]


def test_a_merge_that_asks_no_backend_is_not_measured(load: Load) -> None:
    backends = load("merge_cases")
    with (
        pytest.raises(RuntimeError, match="Nothing inside was computed by torch"),
        backends.forced(backends.TORCH),
    ):
        pass


def test_backends_that_differ_by_a_sign_of_zero_disagree(load: Load) -> None:
    among = load("merge_gate")._among
    zeros = torch.zeros(3, dtype=torch.bfloat16)
    assert among({"one": zeros, "other": zeros.clone()}) == []
    assert among({"one": zeros, "other": -zeros}) == ["other is not one in 3 elements"]


def test_what_is_far_from_mergekit_is_counted(load: Load) -> None:
    base = torch.ones(4, dtype=torch.bfloat16)
    found = base + torch.tensor([0, 1, 3, float("nan")]).bfloat16() / 128
    assert load("merge_gate").shares(found, base, base) == (0.75, 0.5)


@pytest.mark.parametrize(
    ("name", "moved"),
    [
        ("linear", 2 * 4),
        ("dare_ties", 2 * 4),
        ("breadcrumbs", 2 * 7),
        ("nearswap", 2 * 3),
        ("layer_swap", 2 * 3),
        ("della", 2 * 4),
        ("widen", 2 * 7),
    ],
)
def test_counts_the_bytes_that_have_to_be_moved(
    load: Load, name: str, moved: int
) -> None:
    cases = load("merge_cases")
    tensors = cases.family(10, 2, torch.bfloat16)
    assert cases.CASES[name].bytes_moved(tensors) == 10 * moved


def test_tensors_depend_on_their_key_alone(load: Load) -> None:
    cases = load("merge_cases")
    before = torch.random.get_rng_state()
    one, two = (cases.family(5_000, 1, torch.float32) for _ in range(2))
    assert all(map(torch.equal, one, two))
    assert not torch.equal(one[0], cases.family(5_000, 1, torch.float32, "b")[0])
    assert torch.equal(torch.random.get_rng_state(), before)


def test_untied_tensors_have_exact_task_vectors_without_ties(load: Load) -> None:
    base, *experts = load("merge_cases").untied_family(100_000, 2)
    for expert in experts:
        difference = expert - base
        assert torch.equal(difference.double(), expert.double() - base.double())
        assert len(difference.abs().unique()) == len(difference)


@pytest.mark.parametrize(
    ("text", "expected"), [("200000", 200_000), ("64M", 1 << 26), ("1.5k", 1_536)]
)
def test_reads_a_number_of_elements(load: Load, text: str, expected: int) -> None:
    assert load("merge_cases").parse_elements(text) == expected


@pytest.mark.parametrize("text", ["", "M", "0", "-1", "1.5", "infM", "nan", "2G"])
def test_refuses_what_is_no_number_of_elements(load: Load, text: str) -> None:
    with pytest.raises(ValueError, match=r"number of elements|convert"):
        load("merge_cases").parse_elements(text)


@pytest.mark.slow
def test_times_the_command_from_end_to_end(
    load: Load,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    program, file = load("merge_end_to_end"), tmp_path / "found.json"
    every = program.recipes

    def some(**asked: bool) -> list[Any]:
        return [every(**asked)[k] for k in (0, 3)]

    monkeypatch.setattr(program, "recipes", some)
    options = argparse.Namespace(
        folder=tmp_path / "here", with_stock_breadcrumbs=False, rounds=1, json=file
    )
    shape = load("merge_cases").Shape(300, 256, 512, 1)
    assert program.run(options, shape) == 0
    rows = capsys.readouterr().out.splitlines()[-2:]
    assert [row.split()[0] for row in rows] == ["linear", "fused_breadcrumbs"]
    assert not list(options.folder.iterdir())
    recipes = json.loads(file.read_text("utf-8"))["recipes"]
    for found in recipes.values():
        assert len(found["rounds"]) == 1
        assert found["median_peak"] > 50e6


def test_a_child_is_measured_apart_from_this_process(
    load: Load, tmp_path: Path
) -> None:
    """Its peak counts from that of the process that starts it: a small one."""
    program = load("merge_end_to_end")
    taken = program.child([sys.executable, "-S", "-c", ""], tmp_path / "log.txt")
    assert taken.peak < 40e6


def test_a_merged_model_that_is_not_the_reference_is_no_result(
    load: Load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command = load("merge_end_to_end")
    taken = command.Run(1.0, 1.0, 1)
    monkeypatch.setattr(command, "child", lambda *_: taken)
    monkeypatch.setattr(command, "read", lambda *_: torch.ones(3))
    recipe = command.recipes(stock_breadcrumbs=False)[0]
    assert command.run_recipe(recipe, tmp_path, torch.ones(3)) is taken
    with pytest.raises(ArithmeticError, match=r"linear: .* differs in 3 elements"):
        command.run_recipe(recipe, tmp_path, torch.zeros(3))
