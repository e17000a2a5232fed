"""Each benchmark is a program: it says how it is called, and runs on little."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from own_passages import own_passages


PROGRAMS = (
    "compare",
    "gpu_check",
    "keep_instructions",
    "language_id",
    "merge",
    "merge_memory",
    "score",
    "search_front",
    "sweep",
)


def run(root: Path, program: str, *arguments: str) -> str:
    command = [sys.executable, str(root / "benchmarks" / f"{program}.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_says_how_it_is_called(root: Path, program: str) -> None:
    assert f"usage: {program}.py" in run(root, program, "--help")


@pytest.mark.slow
def test_languages_are_told_of_passages_and_timed_on_answers(
    root: Path, tmp_path: Path
) -> None:
    passages, answers = tmp_path / "passages.jsonl", tmp_path / "answers.jsonl"
    rows = own_passages()
    passages.write_text("".join(json.dumps(row) + "\n" for row in rows[::9]))
    long = [row["text"] for row in rows if len(row["text"]) > 250]
    lines = [json.dumps({"response": text}) + "\n" for text in long]
    answers.write_text("".join(lines))
    found = run(root, "language_id", str(passages), str(answers))
    named = "| lm-eval-iberian | str | 100.0/100.0/100.0 |"
    assert named in found
    assert "## Answers a second, answers.jsonl" in found


@pytest.mark.slow
def test_families_are_trained_swept_and_compared(root: Path, tmp_path: Path) -> None:
    methods = tmp_path / "methods.yaml"
    swept = [
        {"method": name, "weight": [0.5, 1]}
        for name in ("task_arithmetic", "fused_widen")
    ]
    methods.write_text(json.dumps(swept))
    arguments = ["--seeds", "1", "--lang", "eu", "--scale", "0.04"]
    found = run(
        root, "keep_instructions", str(tmp_path / "out"), *arguments,
        "--methods", str(methods),
    )  # fmt: skip
    said = json.loads(found.splitlines()[-1])
    assert said["layers"] >= 8
    assert said["parameters"] >= 5_000_000
    told = json.loads((tmp_path / "out" / "methods_frontier.json").read_text("utf-8"))
    assert [one["method"] for one in told["methods"]] == [
        "task_arithmetic",
        "fused_widen",
    ]
    assert (tmp_path / "out" / "methods_frontier.png").is_file()
    before = (tmp_path / "out" / "seed1" / "models" / "base").stat()
    again = run(
        root, "keep_instructions", str(tmp_path / "out"), *arguments,
        "--methods", str(methods),
    )  # fmt: skip
    assert json.loads(again.splitlines()[-1])["training"]["processor_seconds"] == 0
    other = [sys.executable, str(root / "benchmarks" / "keep_instructions.py")]
    other += [str(tmp_path / "out"), "--seeds", "1", "--lang", "eu", "--scale", "0.5"]
    refused = subprocess.run(other, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "has models of another --scale" in refused.stderr
    assert (tmp_path / "out" / "seed1" / "models" / "base").stat() == before
