"""mergekit's own commands, however they are started, with us attached."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mergekit.merge
import pytest
import torch
import yaml
from click.testing import CliRunner
from mergekit.scripts import multimerge, run_yaml
from safetensors.torch import load_file


Run = Callable[..., "subprocess.CompletedProcess[str]"]

START = """
import runpy, sys
from lm_eval_iberian import _bootstrap
_bootstrap.start()
{}
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def recipe(work: Path, method: str, **changes: Any) -> dict[str, Any]:
    listed = [
        {"model": f"{work}/models/{name}", "parameters": {"weight": 0.5}}
        for name in ("basque", "galician")
    ]
    return {"merge_method": method, "models": listed, "dtype": "bfloat16"} | changes


@pytest.fixture
def run(work: Path, root: Path) -> Run:
    """Run a module of mergekit's as ``python -m`` does."""

    def run(module: str, *arguments: str, before: str = "", **options: Any) -> Any:
        environment = os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": str(root)}
        return subprocess.run(
            [sys.executable, "-c", START.format(before), module, *arguments],
            cwd=work, env=environment, capture_output=True, text=True, check=False,
            **options,
        )  # fmt: skip

    return run


def write(*recipes: dict[str, Any]) -> None:
    Path("recipe.yml").write_text("---\n".join(map(yaml.safe_dump, recipes)))


def check_sentence(done: subprocess.CompletedProcess[str], message: str) -> None:
    lines = [line for line in done.stderr.splitlines() if line]
    assert lines[-1].startswith("Error: "), done.stderr
    assert message in lines[-1]
    assert "Traceback" not in done.stderr
    assert done.returncode == 1


@pytest.mark.slow
def test_python_m_words_its_errors(work: Path, run: Run) -> None:
    write(recipe(work, "fused_linaer"))
    done = run("mergekit.scripts.run_yaml", "recipe.yml", "out", "--quiet")
    check_sentence(done, "Unknown merge method 'fused_linaer'. Did you mean")
    Path("recipe.yml").write_text("models: [")
    done = run("mergekit.scripts.run_yaml", "recipe.yml", "out")
    check_sentence(done, "Recipe recipe.yml is not YAML at line 1, column 10")
    write(recipe(work, "fused_linear"))
    done = run("mergekit.scripts.run_yaml", "recipe.yml", "out", "--quiet")
    assert done.returncode == 0, done.stderr
    assert Path("out/config.json").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["linear", "fused_linear"])
def test_piped_recipes(work: Path, run: Run, method: str) -> None:
    text = yaml.safe_dump(recipe(work, method))
    arguments = ["mergekit.scripts.run_yaml", "/dev/stdin", "out", "--quiet"]
    done = run(*arguments, input=text)
    assert done.returncode == 0, done.stderr
    assert load_file("out/model.safetensors")
    done = run(*arguments, input="models: [")
    check_sentence(done, "Recipe /dev/stdin is not YAML at line 1, column 10")


@pytest.mark.usefixtures("attached")
@pytest.mark.parametrize("method", ["linear", "fused_linear"])
def test_a_recipe_is_read_once(work: Path, method: str) -> None:
    reader, writer = os.pipe()  # as <(cat recipe.yml)
    os.write(writer, yaml.safe_dump(recipe(work, method)).encode())
    os.close(writer)
    arguments = [f"/dev/fd/{reader}", "out", "--quiet"]
    result = CliRunner().invoke(run_yaml.main, arguments)
    os.close(reader)
    assert result.exit_code == 0, result.output
    assert load_file("out/model.safetensors")


@pytest.mark.slow
def test_a_piped_recipe_of_iberian_merge(work: Path, root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lm_eval_iberian.cli", "merge", "/dev/stdin", "out"],
        input=yaml.safe_dump(recipe(work, "linear")), text=True, cwd=work,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": str(root)},
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert Path("out/merge_provenance.json").is_file()


# what an older mergekit has not, and a fault of ours in the midst of things
BROKEN = {
    "an old mergekit": """
import importlib.metadata as m
real = m.version
m.version = lambda name: "0.1.4" if name == "mergekit" else real(name)
import mergekit_ext.compat
mergekit_ext.compat.version = m.version
""",
    "a run_merge with another signature": """
import mergekit.merge as m
real = m.run_merge.__wrapped__
m.run_merge = lambda merge_config, out_path, options, config_source=None, more=1: (
    real(merge_config, out_path, options, config_source))
_bootstrap._attach("mergekit.merge", m)
""",
    "a module of ours that cannot be imported": """
sys.modules["mergekit_ext.checked_merge"] = None
""",
}


@pytest.mark.slow
@pytest.mark.parametrize("why", BROKEN)
def test_a_merge_of_others_runs_whatever_of_ours_fails(
    work: Path, run: Run, why: str
) -> None:
    write(recipe(work, "linear"))
    done = run(
        "mergekit.scripts.run_yaml", "recipe.yml", "out", "--quiet", before=BROKEN[why]
    )
    assert done.returncode == 0, done.stderr
    assert load_file("out/model.safetensors")
    assert done.stderr.count("could not attach to mergekit.merge") == 1
    write(recipe(work, "fused_linear"))
    done = run(
        "mergekit.scripts.run_yaml", "recipe.yml", "two", "--quiet", before=BROKEN[why]
    )
    check_sentence(done, "Merge method 'fused_linear' is lm-eval-iberian's, which")


@pytest.mark.usefixtures("attached")
@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"merge_method": "linaer"}, "Unknown merge method 'linaer'. Did you mean"),
        ({"models": 3}, "Recipe recipe.yml: models: Input should be a valid list."),
        ({"name": "one"}, "Recipe recipe.yml: Duplicate merge name one"),
        (["a"], "Recipe recipe.yml holds a list; it must be a mapping of keys."),
        (None, "Recipe recipe.yml holds a document that is no mapping of keys."),
    ],
)
def test_several_recipes_word_their_errors(
    work: Path, second: Any, message: str
) -> None:
    first = recipe(work, "fused_linear", name="one")
    if isinstance(second, dict):
        second = recipe(work, "fused_linear") | second
    write(first, second)
    arguments = ["recipe.yml", "-I", "parts", "--out-path", "out", "--quiet"]
    result = CliRunner().invoke(multimerge.main, arguments)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.output.splitlines()[-1].startswith(f"Error: {message}")


@pytest.mark.usefixtures("attached")
def test_several_recipes_merge(work: Path) -> None:
    first = recipe(work, "fused_linear", name="one")
    last = recipe(work, "linear")
    last["models"][0]["model"] = "one"
    write(first, last)
    arguments = ["recipe.yml", "-I", f"{work}/parts", "--out-path", "out", "--quiet"]
    result = CliRunner().invoke(multimerge.main, arguments)
    assert result.exit_code == 0, result.output
    assert load_file("parts/one/model.safetensors").keys()
    assert load_file("out/model.safetensors").keys()


@pytest.mark.usefixtures("attached")
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("method", ["linear", "fused_linear"])
@pytest.mark.parametrize(
    "options", [["--cuda"], ["--gpu-rich"], ["--device", "cuda:0"]]
)
def test_no_gpu_is_a_sentence_before_any_work(
    work: Path, options: list[str], method: str
) -> None:
    write(recipe(work, method))
    result = CliRunner().invoke(run_yaml.main, ["recipe.yml", "out", *options])
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.output.startswith("Error: Device 'cuda")
    assert result.output.count("\n") == 1
    assert not Path("out").exists()


@pytest.mark.usefixtures("attached")
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu_for_a_program_is_a_sentence(work: Path) -> None:
    config = run_yaml.MergeConfiguration.model_validate(recipe(work, "fused_linear"))
    options = run_yaml.MergeOptions(cuda=True)
    with pytest.raises(ValueError, match="Device 'cuda' cannot be used: "):
        mergekit.merge.run_merge(config, "out", options)
    assert not Path("out").exists()


SLOW_CARD = """
import time
import mergekit.merge
def wait(*args, **options):
    print("waiting", flush=True)
    time.sleep(60)
mergekit.merge.generate_card = wait
"""


@pytest.mark.slow
@pytest.mark.parametrize("command", ["mergekit.scripts.run_yaml", "iberian"])
def test_sigterm_leaves_nothing(work: Path, root: Path, command: str) -> None:
    write(recipe(work, "fused_linear"))
    arguments = [command, "recipe.yml", "out"]
    if command == "iberian":
        arguments = ["lm_eval_iberian.cli", "merge", *arguments[1:]]
    process = subprocess.Popen(
        [sys.executable, "-c", START.format(SLOW_CARD), *arguments],
        cwd=work, env=os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    assert (work / ".out.partial").is_dir()
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM
    assert "Traceback" not in said
    assert sorted(os.listdir(work)) == ["models", "recipe.yml"]
