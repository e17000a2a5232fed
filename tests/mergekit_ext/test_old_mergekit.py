"""A real mergekit 0.1.4, with the packages of its time: its users lose nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml


pytestmark = pytest.mark.slow

# what 0.1.4 asks for, where the packages of today no longer serve; torch does
OLD = (
    "mergekit==0.1.4",
    "transformers==4.52.4",
    "tokenizers==0.21.4",
    "huggingface_hub==0.36.2",
    "datasets==3.6.0",
    "pydantic==2.10.6",
    "pydantic-core==2.27.2",
)
NEEDED = "mergekit 0.1.4 is installed; 0.1.5 or later, before 0.2, is needed."

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def old_packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that goes before this environment's packages; pip keeps the files."""
    if sys.version_info >= (3, 14):
        pytest.skip("NO OLD MERGEKIT: its pydantic 2.10 has no build for this Python")
    folder = tmp_path_factory.mktemp("old_mergekit")
    command = [sys.executable, "-m", "pip", "install", "--target", str(folder)]
    command += ["--disable-pip-version-check", "--retries", "1", "--no-deps"]
    command += ["--only-binary", ":all:", *OLD]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and "(from versions: none)" in done.stderr:
        pytest.skip("NO OLD MERGEKIT: the package index cannot be reached")
    assert done.returncode == 0, done.stderr
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def run(old_packages: Path, work: Path, root: Path) -> Run:
    """Run a module as ``python -m`` does, with the old packages and our start-up."""

    def run(
        module: str, *arguments: str, cwd: Path = work, hook: bool = True
    ) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(old_packages), str(root)]),
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": str(work / "hf"),
            "LM_EVAL_IBERIAN_AUTOLOAD": str(int(hook)),
        }
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=cwd, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


def write(work: Path, method: str) -> str:
    listed = [
        {"model": f"{work}/models/{name}", "parameters": {"weight": 0.5}}
        for name in ("basque", "galician")
    ]
    recipe = {"merge_method": method, "models": listed, "dtype": "bfloat16"}
    path = work / "recipe.yml"
    path.write_text(yaml.safe_dump(recipe))
    return str(path)


def contents(folder: Path) -> dict[str, bytes]:
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    # the card lists models as a set gives them, in another order in every process
    found["README.md"] = b"\n".join(sorted(found["README.md"].splitlines()))
    return found


def test_it_is_the_old_one(run: Run, old_packages: Path) -> None:
    done = run("mergekit.scripts.run_yaml", "--help")
    assert done.returncode == 0, done.stderr
    done = run("pip", "show", "--files", "mergekit")
    assert "Version: 0.1.4\n" in done.stdout
    assert f"Location: {old_packages}\n" in done.stdout


def test_a_stock_merge_is_what_it_is_without_us(run: Run, work: Path) -> None:
    recipe = write(work, "linear")
    merged = {}
    for hook in (True, False):
        cwd = work / str(hook)
        cwd.mkdir()
        arguments = ("mergekit.scripts.run_yaml", recipe, "out")
        done = run(*arguments, cwd=cwd, hook=hook)
        assert done.returncode == 0, done.stderr
        told = done.stderr.count("lm-eval-iberian could not attach to mergekit")
        assert told == hook, done.stderr
        assert (NEEDED in done.stderr) == hook
        merged[hook] = contents(cwd / "out")
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= set(merged[True])
    assert merged[True] == merged[False]


def test_a_method_of_ours_says_which_mergekit_it_needs(run: Run, work: Path) -> None:
    recipe = write(work, "fused_linear")
    done = run("mergekit.scripts.run_yaml", recipe, "out")
    last = done.stderr.splitlines()[-1]
    assert last == (
        "Error: Merge method 'fused_linear' is lm-eval-iberian's, which could not"
        f" attach to mergekit: {NEEDED}"
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    for method in ("fused_linear", "linear"):
        write(work, method)
        done = run("lm_eval_iberian.cli", "merge", recipe, "out")
        assert done.stderr.splitlines()[-1] == f"Error: {NEEDED}"
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
    assert sorted(os.listdir(work)) == ["models", "recipe.yml"]


def test_lm_eval_reaches_the_dataset(run: Run, work: Path) -> None:
    said = []
    for hook in (True, False):
        done = run(
            *("lm_eval", "run", "--model", "dummy", "--tasks", "sciq"), hook=hook
        )
        said.append(done.stderr.splitlines()[-1])
        assert "Couldn't reach 'allenai/sciq' on the Hub" in said[-1], done.stderr
        assert "lm-eval-iberian" not in done.stderr
    assert said[0] == said[1]


def test_the_doctor_names_what_it_found(run: Run) -> None:
    done = run("lm_eval_iberian.cli", "doctor", "--no-network")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["✓", "mergekit", "0.1.4"] in lines
    for what in ("add merge methods", "guard merge"):
        assert f"{what}: not attached, CompatError: {NEEDED}" in done.stdout
    assert "Traceback" not in done.stderr
