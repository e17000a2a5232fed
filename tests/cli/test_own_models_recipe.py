"""``iberian recipe`` for models that are in no catalogue."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from lm_eval_iberian.cli import main


OWN = ("--base", "my/base", "--instruct", "my/chat", "--expert", "eu=my/basque")


def recipe(*options: str) -> Result:
    return CliRunner().invoke(main, ["recipe", *options])


def test_no_backbone_is_needed() -> None:
    result = recipe("--method", "ties", *OWN, "--check")
    assert result.exit_code == 0, result.output
    written = yaml.safe_load(result.output)
    assert written["base_model"] == "my/base"
    assert [one["model"] for one in written["models"]] == ["my/chat", "my/basque"]
    assert "dtype" not in written
    comments = [line for line in result.output.splitlines() if line.startswith("#")]
    assert len(comments) == 1
    assert comments[0].startswith("# iberian recipe --method ties --lang eu --base")


def test_the_dtype_is_that_of_the_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my/base").mkdir(parents=True)
    Path("my/base/config.json").write_text(json.dumps({"torch_dtype": "float16"}))
    written = yaml.safe_load(recipe("--method", "ties", *OWN).output)
    assert written["dtype"] == "float16"


# transformers takes one per part of a model; int8 is none to merge in
@pytest.mark.parametrize("dtype", [{"": "float16"}, ["float16"], "int8", None])
def test_a_dtype_that_is_not_one_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: object
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my/base").mkdir(parents=True)
    Path("my/base/config.json").write_text(json.dumps({"torch_dtype": dtype}))
    result = recipe("--method", "ties", *OWN)
    assert result.exit_code == 0, result.output
    assert "dtype" not in yaml.safe_load(result.output)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--method", "ties", *OWN[2:]), "starts from a base model: --base"),
        (("--method", "linear", *OWN, "--lang", "gl"), "(none for gl)"),
        (
            ("--backbone", "qwen3-8b", "--lang", "eu", "--method", "fused_ties"),
            "fused_ties is this project's ties; ask for it with --method ties --fused",
        ),
        (
            ("--method", "ties", *OWN, "--weight", "1e39"),
            "weight must be a finite number, not '1e39'",
        ),
    ],
)
def test_refused(options: tuple[str, ...], message: str) -> None:
    result = recipe(*options)
    assert result.exit_code == 1, result.output
    assert message in result.output


def test_two_languages_are_not_the_authors_choice() -> None:
    two = ("--backbone", "qwen3-8b", "--method", "linear", "--lang", "eu")
    assert "not the authors'" not in recipe(*two).output
    text = recipe(*two, "--lang", "gl").output.replace("\n#   ", " ")
    assert "The weights are not the authors'" in text
