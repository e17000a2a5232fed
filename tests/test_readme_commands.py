"""What the project's pages tell a reader to type runs, or it is said why it cannot.

Pages are found, not listed: a command on a new page runs too, in a folder that has what
commands are told to read, by the names that the pages use (``readme_commands.py``).
"""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from fnmatch import fnmatchcase
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from readme_commands import (
    ROOT,
    Written,
    make_answers,
    make_models,
    make_recipes,
    pages,
    written,
)

from lm_eval_iberian.sweep.cell_process import run_cell
from lm_eval_iberian.toml import read_toml


sys.path.insert(0, str(ROOT / "tests" / "report"))
sys.path.insert(0, str(ROOT / "tests" / "comparison"))
sys.path.insert(0, str(ROOT / "tests" / "sweep"))

import exchange_records
from cheap_cells import cheap_evaluation, cheap_sweep
from exchange_records import sample_row
from made_samples import Evaluations, answers, instructions
from made_sweeps import MadeSweep, following, galician


# what is told there was so once
ALL = written([page for page in pages() if page.name != "CHANGELOG.md"])
PATIENCE = 300  # seconds: what waits for ever ends too
NOT_RUN = read_toml(ROOT / "tests" / "cases" / "readme" / "not_run.toml")["not_run"]


def entry(one: Written) -> dict[str, Any] | None:
    return next((e for e in NOT_RUN if fnmatchcase(one.text, e["command"])), None)


def as_run(one: Written) -> str | None:
    """Return a command as it can be run here; None where it cannot."""
    found, text = entry(one), one.text
    if found is None:
        return text
    for old, new in found.get("with", {}).items():
        assert old in text, f"{one.name} does not hold {old!r}"
        text = text.replace(old, new)
    return text if "with" in found else None


RUN = [pytest.param(one, id=one.name) for one in ALL if as_run(one) is not None]


def test_every_page_is_looked_at() -> None:
    found = {one.page for one in ALL}
    for name in ("README.md", "CONTRIBUTING.md", "data/recipes/README.md"):
        assert name in found
    assert {one.page.partition("/")[0] for one in ALL} >= {"docs", "task_configs"}
    texts = [one.text for one in ALL]
    # each way in which a command is written
    assert "iberian merge recipe.yml --dry-run" in texts  # $, above what it prints
    assert "iberian doctor" in texts  # with a remark
    assert any(text.startswith("for seed in") for text in texts)
    assert any("chat_template --tasks iberian_ifeval --model_args" in t for t in texts)
    assert sum(one.is_python for one in ALL) >= 2


@pytest.mark.parametrize("one", NOT_RUN, ids=lambda one: one["command"])
def test_what_does_not_run_is_on_a_page_and_has_a_reason(one: dict[str, Any]) -> None:
    assert set(one) <= {"command", "why", "with"}
    assert one["why"].strip()
    assert [w for w in ALL if entry(w) is one], "no page has it: take the entry out"


@pytest.mark.slow  # imports lm-eval
@pytest.mark.parametrize(
    "one",
    [one for one in ALL if re.match("lm_eval |for ", one.text)],
    ids=lambda one: one.name,
)
def test_lm_eval_takes_its_options(
    one: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lm_eval._cli.harness import HarnessCLI

    words = ["1" if word.startswith("$s") else word for word in one.words]
    start = words.index("lm_eval")  # in a loop, perhaps
    end = next((at for at, word in enumerate(words) if word in ("|", "done")), None)
    monkeypatch.setattr(sys, "argv", words[start:end])
    HarnessCLI().parse_args()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What commands read, by the names that the pages give it."""
    folder = tmp_path_factory.mktemp("pages")
    make_models(folder)
    make_recipes(folder)
    make_answers(folder)
    _make_results(folder)
    return folder


def _make_results(folder: Path) -> None:
    output = folder / "output"
    for number, (place, model) in enumerate(
        (
            (output, "ORG/INSTRUCT"),
            (output / "base", "org/base"),
            (output / "merged", "models/merged"),
        )
    ):
        right = [item % (number + 2) == 0 for item in range(40)]
        tasks = {
            "belebele_eus_Latn": answers(right, link=[str(i) for i in range(40)]),
            "iberian_ifeval_eu_mini": instructions([[one, True] for one in right]),
        }
        Evaluations(place).evaluated(tasks, model=model)
    for name in ("sweep", "demo_output/sweep"):
        sweep = MadeSweep(folder / name)
        suites = {"choice": galician(0.5), "ifeval": following("gl", 0.7)}
        sweep.model("instruct", suites)
        for lang in ("gl", "eu"):
            sweep.model(
                f"linear-{lang}-weight0.5",
                {"choice": galician(0.6), "ifeval": following("gl", 0.6)},
                method="linear",
                weight="0.5",
            )
    done = cheap_sweep(folder / "done", ["a--s-eu", "b--s-eu"])
    for cell in done.cells:
        run_cell(done, cell, cheap_evaluation(0))
    for model in ("org/base", "org/merged"):
        rows = [sample_row(number, number % 2 == 0) for number in range(20)]
        record = exchange_records.converted("belebele_eus_Latn", n=20, acc=0.5)
        text = json.dumps([record, rows]).replace("org/model", model)
        exchange_records.put(folder / "records", *json.loads(text))
    shutil.copytree(folder / "records", folder / "others")
    line = exchange_records.euroeval("belebele-eu", test_accuracy=50.0)
    path = folder / "euroeval_benchmark_results.jsonl"
    path.write_text(json.dumps(line) + "\n", "utf-8")


@pytest.fixture
def here(prepared: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    shutil.copytree(prepared, folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("one", RUN)
def test_it_runs(one: Written, here: Path) -> None:
    text = as_run(one)
    assert text is not None
    if one.is_python:
        command = [sys.executable, "-c", checked(text)]
    else:
        command = ["bash", "-c", text]
        _clear(here, text)
    # tests and scripts are where they are
    is_of_checkout = text.startswith(("python -m pytest", "python scripts/"))
    done = subprocess.run(
        command,
        cwd=ROOT if is_of_checkout else here,
        env=environment(here),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert "Traceback" not in done.stderr


def _clear(here: Path, text: str) -> None:
    """Take away what the command is to write: another command's input, perhaps."""
    words = shlex.split(text)
    made = [new for old, new in pairwise(words) if old in ("-o", "--out")]
    if words[:2] == ["iberian", "merge"]:
        made += [word for word in words[3:4] if not word.startswith("-")]
    elif words[0] == "mergekit-yaml":
        made += words[2:3]
    for name in made:
        path = here / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def environment(here: Path) -> dict[str, str]:
    """Return an environment without a network and a cache, with this Python first."""
    programs = Path(sys.executable).parent
    return os.environ | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "PYTEST_ADDOPTS": "-p no:cacheprovider",
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(here / "hf"),
        "HERE": str(here),
    }


def checked(text: str) -> str:
    """Return Python that also compares what a line gives with what its remark says."""
    remarks = dict(_remarks(text))
    lines = text.splitlines()
    for node in ast.parse(text).body:
        said = remarks.get(node.end_lineno or 0)
        if said is not None and isinstance(node, ast.Expr):
            given = ast.unparse(node.value)
            lines[node.lineno - 1] = f"found = {given}\nassert found == {said}, found"
    return "\n".join(lines)


def _remarks(text: str) -> Iterator[tuple[int, str]]:
    """Yield the number of each line with a remark that is a value, and the value."""
    for token in tokenize.generate_tokens(StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            try:
                yield token.start[0], repr(ast.literal_eval(token.string[1:].strip()))
            except (SyntaxError, ValueError):
                continue


def test_a_remark_that_is_a_value_is_held_against_it() -> None:
    with pytest.raises(AssertionError):
        exec(checked("1 + 1  # 3"), {})  # noqa: S102
    exec(checked("1 + 1  # 2\n1 + 1  # a number"), {})  # noqa: S102
