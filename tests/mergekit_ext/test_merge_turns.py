"""A merge ends its turns as the model whose chat template it carries."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from click.testing import CliRunner, Result
from mergekit.scripts import run_yaml
from turning_models import CHAT, SETTINGS, make_turning_models

from lm_eval_iberian.cli import main


pytestmark = pytest.mark.slow

METHODS = ("linear", "task_arithmetic", "ties", "dare_linear", "breadcrumbs")
OURS = (*(f"fused_{name}" for name in METHODS), "layer_swap")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_turning_models(tmp_path_factory.mktemp("turning"))


@pytest.fixture
def here(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    shutil.copytree(made, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def recipe(method: str, **changes: Any) -> dict[str, Any]:
    names = ("./instruct", "./basque")
    if method == "layer_swap":
        each = [{"role": "task"}, {"role": "language"}]
    else:
        more = {} if "density" not in _knows(method) else {"density": 0.5}
        each = [{"weight": 0.5, **more}, {"weight": 0.5, **more}]
    models = [
        {"model": name, "parameters": parameters}
        for name, parameters in zip(names, each, strict=True)
    ]
    written: dict[str, Any] = {"merge_method": method, "models": models}
    if not method.endswith("linear") or "dare" in method:
        written["base_model"] = "./base"
    return written | {"dtype": "float32"} | changes


def _knows(method: str) -> set[str]:
    sparse = ("ties", "dare", "breadcrumbs")
    return {"density"} if any(name in method for name in sparse) else set()


def iberian(written: dict[str, Any], *options: str) -> Result:
    Path("recipe.yml").write_text(yaml.safe_dump(written), encoding="utf-8")
    return CliRunner().invoke(main, ["merge", "recipe.yml", "out", *options])


def merged(written: dict[str, Any], *options: str) -> Result:
    result = iberian(written, *options)
    assert result.exit_code == 0, result.output
    return result


def read(name: str) -> dict[str, Any]:
    found = json.loads(Path("out", name).read_text("utf-8"))
    assert isinstance(found, dict)
    return found


def check_it_stops() -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained("out")
    settings = model.generation_config
    assert settings.eos_token_id == [1, 5]
    assert {key: getattr(settings, key) for key in SETTINGS} == SETTINGS
    assert model.config.eos_token_id == [1, 5]
    prompt = torch.tensor([[2]])
    ours = model.generate(prompt, max_new_tokens=9)
    theirs = AutoModelForCausalLM.from_pretrained("instruct").generate(
        prompt, max_new_tokens=9
    )
    assert ours.tolist() == theirs.tolist() == [[2, 3, 4, 5]]
    assert AutoTokenizer.from_pretrained("out").chat_template == CHAT


@pytest.mark.parametrize(
    ("method", "source"),
    [
        (method, source)
        for method in (*METHODS, *OURS)
        for source in (None, "base", "./instruct")
        if source != "base" or "base_model" in recipe(method)
    ],
)
def test_it_stops_where_the_instructed_model_does(
    here: Path, method: str, source: str | None
) -> None:
    written = recipe(method, **({"tokenizer_source": source} if source else {}))
    result = merged(written)
    assert "ends on <|end|>, w5; template of instruct\n" in result.output
    check_it_stops()
    turns = read("merge_provenance.json")["turns"]
    assert (turns["like"], turns["template"]) == ("./instruct", "instruct")
    ends = [{"id": 1, "token": "<|end|>"}, {"id": 5, "token": "w5"}]
    assert turns["ends"] == ends


@pytest.mark.parametrize("method", OURS)
def test_by_mergekits_own_command(
    here: Path, attached: None, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    Path("recipe.yml").write_text(yaml.safe_dump(recipe(method)))
    with caplog.at_level(logging.WARNING, "mergekit_ext"):
        done = CliRunner().invoke(run_yaml.main, ["recipe.yml", "out", "--quiet"])
    assert done.exit_code == 0, done.output
    assert "ends on <|end|>, w5; template of instruct" in caplog.messages
    check_it_stops()
    # the same again: what was carried is the merge's own and makes way
    done = CliRunner().invoke(run_yaml.main, ["recipe.yml", "out", "--quiet"])
    assert done.exit_code == 0, done.output


def test_another_method_by_mergekits_own_command_is_left_alone(
    here: Path, attached: None
) -> None:
    Path("recipe.yml").write_text(yaml.safe_dump(recipe("task_arithmetic")))
    done = CliRunner().invoke(run_yaml.main, ["recipe.yml", "out", "--quiet"])
    assert done.exit_code == 0, done.output
    assert read("config.json")["eos_token_id"] == 1
    assert not Path("out/generation_config.json").exists()
