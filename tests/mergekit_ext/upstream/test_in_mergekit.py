"""The exported files in a copy of mergekit, without this project's plugin."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import mergekit
import pytest
import torch
import yaml
from merge_recipes import a_recipe, merged_on_disk
from safetensors.torch import load_file
from tiny_models import make_models

from mergekit_ext.upstream import write_pull_requests
from mergekit_ext.upstream.pull_request_list import PULL_REQUESTS


pytestmark = pytest.mark.slow

REQUESTS = [one.name for one in PULL_REQUESTS]
METHODS = {
    "layer_swap": "layer_swap",
    "fused_dare_linear": "seeded_dare_linear",
    "fused_dare_ties": "seeded_dare_ties",
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    write_pull_requests(folder)
    return folder


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the installed package, with what its tests have in common."""
    tree = tmp_path_factory.mktemp("stock") / "tree"
    package = Path(mergekit.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(package, tree / "mergekit", ignore=ignored)
    (tree / "tests").mkdir()
    (tree / "tests" / "__init__.py").touch()
    common = Path(__file__).with_name("host_common.py")
    shutil.copyfile(common, tree / "tests" / "common.py")
    return tree


@pytest.fixture(scope="module")
def patched(
    stock: Path, exported: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The tree with all the files and patches."""
    tree = tmp_path_factory.mktemp("patched") / "tree"
    shutil.copytree(stock, tree)
    for name in REQUESTS:
        apply(exported / name, tree)
    return tree


def apply(request: Path, tree: Path) -> None:
    """Do as README.md says; of tests of mergekit's own none is there to be changed."""
    for part in ("mergekit", "tests"):
        if (request / part).is_dir():
            shutil.copytree(request / part, tree / part, dirs_exist_ok=True)
    patch = str(request / "changes.patch")
    command = ["git", "apply", "--verbose", "--include=mergekit/*", patch]
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(tree.parent)}
    done = subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def run(tree: Path, *command: str, cwd: Path | None = None) -> Any:
    """Run a module with the tree's mergekit, and nothing of ours attached."""
    environment = os.environ | {
        "PYTHONPATH": str(tree),
        "LM_EVAL_IBERIAN_AUTOLOAD": "0",
        "HF_HUB_OFFLINE": "1",
    }
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=cwd or tree, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def endings(tree: Path, *names: str) -> tuple[Any, dict[str, set[str]]]:
    """Run the tests of requests; return the run, and file to how its tests ended."""
    files = [f"tests/test_{name}.py" for name in names]
    done = run(tree, "pytest", "-q", "-rA", "-p", "no:cacheprovider", *files)
    ended: dict[str, set[str]] = {}
    for how, file in re.findall(
        r"^(PASSED|FAILED|ERROR) tests/(\S+?)\.py", done.stdout, re.M
    ):
        ended.setdefault(file.removeprefix("test_"), set()).add(how)
    return done, ended


@pytest.mark.parametrize("name", REQUESTS)
def test_a_patch_applies_by_itself(name: str, stock: Path, exported: Path) -> None:
    apply_check = ["--check"]
    patch = exported / name / "changes.patch"
    assert patch.read_text("utf-8").startswith("diff --git a/mergekit/")
    command = ["git", "apply", "--include=mergekit/*", *apply_check, str(patch)]
    subprocess.run(command, cwd=stock, check=True)
    unix = ["patch", "-p1", "--dry-run", "--force", "-i", str(patch)]
    if shutil.which("patch") and name != "layer_swap":  # which changes a test as well
        done = subprocess.run(
            unix, cwd=stock, capture_output=True, text=True, check=True
        )
        assert "fuzz" not in done.stdout


def test_the_tests_of_the_mends_fail_without_them(
    stock: Path, exported: Path, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(stock, tree)
    mends = [one.name for one in PULL_REQUESTS if not one.methods]
    for name in mends:
        shutil.copytree(exported / name / "tests", tree / "tests", dirs_exist_ok=True)
    done, ended = endings(tree, *mends)
    assert done.returncode == 1, done.stdout
    assert {name: "FAILED" in how for name, how in ended.items()} == dict.fromkeys(
        mends, True
    )
    assert "ERROR" not in set().union(*ended.values())


def test_all_tests_pass_with_them(patched: Path) -> None:
    done, ended = endings(patched, *REQUESTS)
    assert done.returncode == 0, done.stdout
    assert ended == {name: {"PASSED"} for name in REQUESTS}


@pytest.mark.parametrize("ours", METHODS)
def test_a_merge_of_models_gives_our_bits(
    ours: str, patched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_models(tmp_path / "m", "llama", num_hidden_layers=4)
    written = a_recipe(ours)
    if ours == "layer_swap":
        own = {"layers": 4, "transition": 1, "revert": "self_attn"}
        written["parameters"] = written["parameters"] | own
    else:
        written["parameters"] = {"seed": 11, "lambda": 0.9, "normalize": True}
    expected = merged_on_disk(written, "ours")
    recipe = tmp_path / "theirs.yml"
    recipe.write_text(yaml.safe_dump(written | {"merge_method": METHODS[ours]}))
    command = ["mergekit.scripts.run_yaml", str(recipe), "theirs"]
    done = run(patched, *command, "--no-write-model-card", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = load_file(tmp_path / "theirs" / "model.safetensors")
    assert found.keys() == expected.keys()
    for name, tensor in found.items():
        assert tensor.dtype == expected[name].dtype
        assert torch.equal(tensor, expected[name]), name
    base = load_file(tmp_path / "m" / "base" / "model.safetensors")
    assert sum(not torch.equal(base[name], one) for name, one in found.items()) > 9


def test_nothing_of_ours_is_in_the_tree(patched: Path) -> None:
    code = (
        "import sys, mergekit, mergekit.merge_methods as m;"
        "print(mergekit.__file__, 'mergekit_ext' in sys.modules,"
        " sorted(s.spec.name for s in m.registered_methods()))"
    )
    environment = os.environ | {
        "PYTHONPATH": str(patched), "LM_EVAL_IBERIAN_AUTOLOAD": "0",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=patched, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    file, loaded, names = done.stdout.split(" ", 2)
    assert Path(file).is_relative_to(patched)
    assert loaded == "False"
    assert set(METHODS.values()) <= set(re.findall(r"'(\w+)'", names))
    assert "fused_linear" not in names
