"""Cells that share a process: each is what lm_eval alone makes of it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tiny_sweep import (
    MODELS,
    SHORT,
    TASK,
    environment,
    evaluated,
    iberian,
    make_sweep_models,
    plan,
)

from lm_eval_iberian.sweep.sweep_folder import open_sweep


pytestmark = pytest.mark.slow

SPEC: dict[str, Any] = {
    "models": MODELS,
    "methods": [{"method": "fused_task_arithmetic", "weight": "0.5..1 step 0.5"}],
    "baselines": ["instruct"],
    "suites": {
        "chat": {
            "tasks": {"eu": [TASK]}, "apply_chat_template": True, "limit": 2,
            "system_instruction": "Erantzun euskaraz.", "gen_kwargs": SHORT,
        },
        "drawn": {
            "tasks": {"eu": [TASK]}, "limit": 2, "runs": 2, "batch_size": 2,
            "gen_kwargs": {**SHORT, "do_sample": True, "temperature": 1.5},
        },
        "chosen": {
            "tasks": {"eu": ["iberian_belebele_eu_mini", "iberian_perplexity_eu_mini"]},
            "num_fewshot": 1, "limit": 3,
        },
    },
    "device": "cpu",
}  # fmt: skip


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("worker")
    make_sweep_models(folder)
    return folder


@pytest.fixture(scope="module")
def forwards(here: Path) -> Path:
    """A sweep whose cells one process has run, one after another."""
    folder = plan(here, SPEC, "forwards")
    ids = [cell.id for cell in open_sweep(folder).cells]
    assert len(ids) == 12
    done = iberian(here, "sweep", "cell", str(folder), *ids)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{name}: done" for name in ids]
    return folder


def results(folder: Path) -> dict[str, dict[str, Any]]:
    return {one.name: evaluated(one) for one in sorted((folder / "cells").iterdir())}


def test_the_order_of_cells_is_nothing_to_their_results(
    here: Path, forwards: Path
) -> None:
    other = plan(here, SPEC, "mixed")
    ids = [cell.id for cell in open_sweep(other).cells]
    done = iberian(here, "sweep", "cell", str(other), *ids[::-2], *ids[-2::-2])
    assert done.returncode == 0, done.stderr
    assert results(other) == results(forwards)
    # and they are twelve different ones: no two share models, prompts and seeds
    assert len({str(one) for one in results(forwards).values()}) == 12


COMMANDS = [
    "fused_task_arithmetic-eu-weight0.5--chat-eu",
    "fused_task_arithmetic-eu-weight1--drawn-eu--run1",
    "fused_task_arithmetic-eu-weight1--chosen-eu",
    "instruct--chosen-eu",
]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_cell_is_what_the_command_in_its_log_makes(
    name: str, here: Path, forwards: Path
) -> None:
    log = (forwards / "cells" / name / "log.txt").read_text("utf-8")
    first, _, rest = log.partition("\n")
    assert first.startswith("$ ")
    assert "|Tasks" in rest.replace(" ", "")
    pasted = subprocess.run(
        ["bash", "-c", first.removeprefix("$ ")],
        capture_output=True, text=True, cwd=here, env=environment(here), check=False,
    )  # fmt: skip
    assert pasted.returncode == 0, pasted.stderr
    ours = evaluated(forwards / "cells" / name)
    theirs = evaluated(here / "tmp" / f"iberian-{name}")
    assert ours.keys() == theirs.keys()
    for key in ours:
        assert ours[key] == theirs[key], key


def test_what_is_recorded_of_merges_and_datasets(forwards: Path) -> None:
    records = {
        one.name: json.loads((one / "record.json").read_text("utf-8"))
        for one in (forwards / "cells").iterdir()
    }
    kept = {
        name: one["merge"] and one["merge"]["kept"] for name, one in records.items()
    }
    assert list(kept.values()).count(None) == 4  # the baseline
    assert list(kept.values()).count(False) == 2  # one for each merge
    assert list(kept.values()).count(True) == 6
    for name, record in records.items():
        for task, facts in record["datasets"].items():
            assert len(facts["documents_sha256"]) == 64, (name, task)
            assert facts["documents"] > 0
            assert facts["dataset"]
        if kept[name] is False:
            assert record["merge"]["seconds"] == record["seconds"]["merge"] > 0
            assert record["merge"]["peak_bytes"] > 1 << 20
        elif kept[name]:
            assert record["seconds"]["merge"] == 0
    hashes = {
        name: {
            task: facts["documents_sha256"] for task, facts in one["datasets"].items()
        }
        for name, one in records.items()
    }
    assert hashes[COMMANDS[2]] == hashes[COMMANDS[3]]


def test_after_a_failure_another_process_goes_on(here: Path) -> None:
    folder = plan(here, SPEC, "failing")
    content = json.loads((folder / "sweep.json").read_text("utf-8"))
    ids = [cell["id"] for cell in content["cells"] if cell["suite"] == "chosen"]
    (bad,) = (cell for cell in content["cells"] if cell["id"] == ids[1])
    bad["tasks"] = ["iberian_belebele_eu_mini"]
    bad["options"]["num_fewshot"] = 500
    (folder / "sweep.json").write_text(json.dumps(content), "utf-8")
    done = iberian(here, "sweep", "cell", str(folder), *ids)
    assert done.returncode == 3
    assert done.stdout.splitlines() == [f"{ids[0]}: done", f"{ids[2]}: done"]
    assert f"{ids[1]} failed: The task iberian_belebele_eu_mini has" in done.stderr
    sweep = open_sweep(folder)
    error = sweep.error(sweep.cell(ids[1]))
    assert error is not None
    assert "Traceback" in error["log"]
    again = subprocess.run(
        ["bash", "-c", error["command"]],
        capture_output=True, text=True, cwd=here, env=environment(here), check=False,
    )  # fmt: skip
    assert again.returncode != 0
    assert error["error"] in again.stderr
    assert not list((folder / "running").iterdir())


def test_cells_of_a_merge_share_its_folder(here: Path) -> None:
    spec = {**SPEC, "engine": "disk", "baselines": False}
    folder = plan(here, spec, "on-disk")
    ids = [cell.id for cell in open_sweep(folder).cells if cell.suite != "drawn"]
    done = iberian(here, "sweep", "cell", str(folder), *ids[:3])
    assert done.returncode == 0, done.stderr
    said = [
        (folder / "cells" / name / "log.txt").read_text("utf-8") for name in ids[:3]
    ]
    assert ["cli merge" in one for one in said] == [True, False, True]
    assert f"merged already, for {ids[0]}" in said[1]
    assert not list((folder / "running").iterdir())
    merge = json.loads((folder / "cells" / ids[1] / "record.json").read_text("utf-8"))
    assert merge["merge"]["kept"] is True
