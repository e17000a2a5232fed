"""A sweep of tiny models by the command, both engines, from the plan to the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny_sweep import MODELS, SHORT, TASK, iberian, make_sweep_models
from untrained_llamas import save_untrained


pytestmark = pytest.mark.slow

SPEC: dict[str, Any] = {
    "models": MODELS,
    "methods": [
        {"method": "fused_task_arithmetic", "weight": "0.5..1 step 0.5"},
        {"method": "linear"},
    ],
    "suites": {
        "ifeval": {
            "tasks": {"eu": [TASK, "iberian_perplexity_eu_mini"]},
            "apply_chat_template": True,
            "limit": 2,
            "gen_kwargs": SHORT,
        },
    },
    "device": "cpu",
}  # fmt: skip
POINT = "fused_task_arithmetic-eu-weight0.5"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three models and a sweep of them, run in memory."""
    folder = tmp_path_factory.mktemp("sweep")
    make_sweep_models(folder)
    return folder


@pytest.fixture(scope="module")
def planned(here: Path) -> str:
    (here / "sweep.yaml").write_text(yaml.safe_dump(SPEC), "utf-8")
    done = iberian(here, "sweep", "plan", "sweep.yaml", "-o", "hf-sweep")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def output(here: Path, planned: str) -> str:
    done = iberian(here, "sweep", "run", "hf-sweep", "--jobs", "2")
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def answers(place: Path) -> list[Any]:
    (path,) = place.glob(f"samples_{TASK}_*.jsonl")
    rows = map(json.loads, path.read_text("utf-8").splitlines())
    return [row["resps"] for row in rows]


def numbers(place: Path) -> Any:
    (path,) = place.glob("results_*.json")
    return json.loads(path.read_text("utf-8"))["results"]


def test_the_plan_says_what_it_comes_to(here: Path, planned: str) -> None:
    assert "6 cells: 6 models, of which 3 are merges, on 1 sets of tasks" in planned
    assert "memory of one cell: 2" in planned  # KB
    assert "disk" not in planned
    content = json.loads((here / "hf-sweep" / "sweep.json").read_text("utf-8"))
    assert {cell["pretrained"] for cell in content["cells"]} == {
        "", *(str(here / name) for name in ("base", "instruct", "expert-eu")),
    }  # fmt: skip


def test_every_cell_has_its_files(here: Path, output: str) -> None:
    lines = output.splitlines()
    assert len([line for line in lines if " done: " in line]) == 6
    assert lines[-1] == "6 of 6 cells done, 0 failed"
    places = sorted((here / "hf-sweep" / "cells").iterdir())
    assert [place.name for place in places] == [
        "base--ifeval-eu", "expert-eu--ifeval-eu",
        f"{POINT}--ifeval-eu", "fused_task_arithmetic-eu-weight1--ifeval-eu",
        "instruct--ifeval-eu", "linear-eu--ifeval-eu",
    ]  # fmt: skip
    for place in places:
        record = json.loads((place / "record.json").read_text("utf-8"))
        assert record["cell"]["id"] == place.name
        assert record["versions"]["lm_eval"] == "0.4.13"
        assert record["seconds"]["all"] >= record["seconds"]["evaluate"] > 0
        rates = record["health"][TASK]
        assert rates["stop_rate"] + rates["no_stop_rate"] == 1.0
        assert record["seeds"] == {"lm_eval": "0,1234,1234,1234", "merge": None}
        merged = record["cell"]["recipe"] is not None
        kinds = {path.name.partition("_")[0] for path in place.iterdir()}
        recipe = {"recipe.yml"} if merged else set()
        assert kinds == {"log.txt", "record.json", "results", "samples", *recipe}
        assert {*record["files"]} == {p.name for p in place.iterdir()} - {"record.json"}
    # every one has other weights
    assert len({str(numbers(place)) for place in places}) == 6
    template = {
        place.name.partition("--")[0]: json.loads(
            next(place.glob("results_*.json")).read_text("utf-8")
        )["chat_template_sha"]
        for place in places
    }
    assert {name for name, sha in template.items() if sha is None} == {
        "base", "expert-eu",
    }  # fmt: skip


def test_nothing_runs_twice(here: Path, output: str) -> None:
    before = sorted((here / "hf-sweep").rglob("*"))
    again = iberian(here, "sweep", "run", "hf-sweep")
    assert again.returncode == 0
    assert again.stdout == "6 of 6 cells done, 0 failed\n"
    assert sorted((here / "hf-sweep").rglob("*")) == before


def test_a_report_tells_the_models_apart(here: Path, output: str) -> None:
    done = iberian(here, "report", "hf-sweep", "--format", "csv")
    assert done.returncode == 0, done.stderr
    named = {line.partition(",")[0] for line in done.stdout.splitlines()[1:]}
    assert named == {
        "base", "instruct", "expert-eu", POINT, "fused_task_arithmetic-eu-weight1",
        "linear-eu",
    }  # fmt: skip
    assert "model:" not in done.stderr  # no file lies in the folder of another model


def test_a_merge_on_the_disk_has_the_same_results(here: Path, output: str) -> None:
    spec = {**SPEC, "engine": "disk", "baselines": ["instruct"]}
    (here / "disk.yaml").write_text(yaml.safe_dump(spec), "utf-8")
    models = {path: path.stat().st_mtime_ns for path in (here / "instruct").iterdir()}
    planned = iberian(here, "sweep", "plan", "disk.yaml", "-o", "disk-sweep")
    assert planned.returncode == 0, planned.stderr
    assert "disk of one cell that merges: 2" in planned.stdout
    for name in (POINT, "instruct"):
        cell = f"{name}--ifeval-eu"
        done = iberian(here, "sweep", "cell", "disk-sweep", cell)
        assert done.returncode == 0, done.stderr
        ours, theirs = (
            here / sweep / "cells" / cell for sweep in ("disk-sweep", "hf-sweep")
        )
        assert answers(ours) == answers(theirs)
        assert numbers(ours) == numbers(theirs)
        assert not (ours / "scratch").exists()
    # the model itself was linked, and has been left alone
    assert models == {p: p.stat().st_mtime_ns for p in (here / "instruct").iterdir()}
    done = iberian(here, "report", "disk-sweep", "--format", "csv")
    named = {line.partition(",")[0] for line in done.stdout.splitlines()[1:]}
    assert named == {POINT, "instruct"}


def test_a_cell_that_fails_does_not_stop_the_sweep(here: Path, planned: str) -> None:
    spec = {**SPEC, "model_args": {"no_such_argument": 1}, "baselines": ["instruct"]}
    del spec["methods"]
    (here / "bad.yaml").write_text(yaml.safe_dump(spec), "utf-8")
    assert iberian(here, "sweep", "plan", "bad.yaml", "-o", "bad").returncode == 0
    done = iberian(here, "sweep", "run", "bad")
    assert done.returncode == 3
    assert "1/1 failed: instruct--ifeval-eu" in done.stdout
    assert "--retry-failed" in done.stderr
    said = iberian(here, "sweep", "errors", "bad")
    assert said.returncode == 3
    assert "no_such_argument" in said.stdout
    assert "again: iberian sweep cell bad instruct--ifeval-eu" in said.stdout
    assert "-m lm_eval --model merged" in said.stdout


def test_models_of_different_shapes_are_refused_by_the_plan(here: Path) -> None:
    save_untrained(here, "narrow", hidden=16)
    spec = {**SPEC, "models": {**SPEC["models"], "experts": {"eu": "narrow"}}}
    (here / "narrow.yaml").write_text(yaml.safe_dump(spec), "utf-8")
    done = iberian(here, "sweep", "plan", "narrow.yaml", "-o", "narrow-sweep")
    assert done.returncode == 2
    assert "narrow" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (here / "narrow-sweep").exists()
