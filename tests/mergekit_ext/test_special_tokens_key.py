"""``special_tokens:`` of a recipe that somebody writes by hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from click.testing import CliRunner, Result
from mergekit.scripts import run_yaml
from safetensors.torch import load_file, save_file
from turning_models import edit, make_turning_models

from lm_eval_iberian.cli import main


pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("attached")]

EMBEDDINGS, HEAD = "model.embed_tokens.weight", "lm_head.weight"
TURN = 5


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models whose rows differ: those of ``instruct`` are its own."""
    folder = make_turning_models(tmp_path_factory.mktemp("turning"))
    for name, factor in (("instruct", 3.0), ("basque", 0.7)):
        path = folder / name / "model.safetensors"
        tensors = {key: value * factor for key, value in load_file(path).items()}
        save_file(tensors, path, metadata={"format": "pt"})
    return folder


@pytest.fixture(autouse=True)
def _here(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(made, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")


def recipe(method: str = "fused_task_arithmetic", **changes: Any) -> dict[str, Any]:
    models = [
        {"model": f"./{name}", "parameters": {"weight": 0.5}}
        for name in ("instruct", "basque")
    ]
    written = {"merge_method": method, "base_model": "./base", "models": models}
    return written | {"dtype": "float32", "special_tokens": "instruct"} | changes


def iberian(written: dict[str, Any], *options: str) -> Result:
    Path("recipe.yml").write_text(yaml.safe_dump(written), encoding="utf-8")
    return CliRunner().invoke(main, ["merge", "recipe.yml", "out", *options])


def mergekit_yaml(written: dict[str, Any]) -> Result:
    Path("recipe.yml").write_text(yaml.safe_dump(written), encoding="utf-8")
    return CliRunner().invoke(run_yaml.main, ["recipe.yml", "out", "--quiet"])


def same_row(giver: str, row: int = TURN) -> bool:
    found, given = (load_file(f"{name}/model.safetensors") for name in ("out", giver))
    pairs = [(found[name][row], given[name][row]) for name in (EMBEDDINGS, HEAD)]
    return all(torch.equal(*pair) for pair in pairs)


@pytest.mark.parametrize(
    ("method", "merge"),
    [
        ("fused_task_arithmetic", iberian),
        ("fused_task_arithmetic", mergekit_yaml),
        ("task_arithmetic", iberian),
    ],
)
def test_whose_rows(method: str, merge: Any) -> None:
    done = merge(recipe(method))
    assert done.exit_code == 0, done.output
    assert same_row("instruct")
    assert not same_row("instruct", 6)
    done = merge(recipe(method, special_tokens="base"))
    assert done.exit_code == 0, done.output
    assert same_row("base")
    assert not same_row("base", 6)
    done = merge(recipe(method, special_tokens="average"))
    assert done.exit_code == 0, done.output
    assert not same_row("instruct")
    assert not same_row("base")


def test_what_is_written_is_what_the_key_stands_for() -> None:
    assert iberian(recipe()).exit_code == 0
    first = Path("out/model.safetensors").read_bytes()
    content = json.loads(Path("out/merge_provenance.json").read_text("utf-8"))
    assert "special_tokens: instruct" in content["recipe"]
    written = content["parsed_recipe"]
    entries = written["tokenizer"]["tokens"]
    assert entries
    assert {one["source"] for one in entries.values()} == {"./instruct"}
    assert iberian(written).exit_code == 0
    assert Path("out/model.safetensors").read_bytes() == first


def test_what_the_recipe_says_of_a_token_goes_before() -> None:
    tokens = {f"w{TURN}": {"source": "./basque", "force": True}}
    written = recipe(tokenizer={"source": "./instruct", "tokens": tokens})
    done = iberian(written)
    assert done.exit_code == 0, done.output
    assert same_row("basque")


@pytest.mark.parametrize(
    ("merge", "changes", "message"),
    [
        (
            iberian,
            {"special_tokens": "instrukt"},
            "special_tokens: Unknown choice of special_tokens 'instrukt'. Did you mean"
            " instruct?",
        ),
        (iberian, {"special_tokens": None}, "Unknown choice of special_tokens 'None'"),
        (
            iberian,
            {"special_tokens": "base", "base_model": None, "merge_method": "linear"},
            "special_tokens is base, and the recipe merges no base model.",
        ),
        (
            iberian,
            {"special_token": "instruct", "special_tokens": "average"},
            "mergekit would ignore 'special_token'. Did you mean 'special_tokens'?",
        ),
        (
            mergekit_yaml,
            {"merge_method": "linear", "base_model": None},
            "special_tokens is instruct, and mergekit's linear would ignore it.",
        ),
        (
            iberian,
            {"models": [{"model": "./basque", "parameters": {"weight": 1.0}}]},
            "special_tokens: none of the models has a chat template",
        ),
    ],
)
def test_refused(merge: Any, changes: dict[str, Any], message: str) -> None:
    written = recipe(**changes)
    if written["base_model"] is None:
        del written["base_model"]
    done = merge(written)
    assert done.exit_code == 1, done.output
    assert message in " ".join(done.output.split())
    assert not Path("out").exists()


def test_a_model_that_is_instructed_as_the_base_is() -> None:
    shutil.rmtree("instruct")
    shutil.copytree("base", "instruct")
    edit(Path("instruct/tokenizer_config.json"), chat_template="{{ text }}")
    done = iberian(recipe())
    assert done.exit_code == 1
    assert "has no tokens that the base does not know; leave it out." in done.output
