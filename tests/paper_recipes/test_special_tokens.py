"""Whose rows of the chat tokens a recipe asks for: ``--special-tokens``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from huggingface_hub import constants
from mergekit.config import MergeConfiguration

from lm_eval_iberian.cli import main
from lm_eval_iberian.paper_recipes import load_catalogue


CATALOGUE = load_catalogue()
LLAMA = ("--backbone", "llama-3.1-8b", "--lang", "eu")
OWN = ("--base", "base", "--instruct", "chat", "--expert", "eu=basque")
WORDS = {"etxe": 0, "</s>": 1, "mendi": 2}
TEMPLATE = "<|user|>{{ text }}<|end|>"


@pytest.fixture(autouse=True)
def _offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def save(
    name: str,
    added: tuple[str, ...] = ("<|user|>", "<|end|>"),
    template: str = "",
    eos: object = 1,
) -> Path:
    """Write a model without weights."""
    folder = Path(name)
    folder.mkdir()
    listed = [{"content": one, "id": 3 + at} for at, one in enumerate(added)]
    files = {
        "config": {"eos_token_id": eos},
        "tokenizer": {"model": {"vocab": WORDS}, "added_tokens": listed},
        "tokenizer_config": {"chat_template": template} if template else {},
    }
    for file, content in files.items():
        (folder / f"{file}.json").write_text(json.dumps(content), "utf-8")
    return folder


def recipe(*options: str) -> Result:
    return CliRunner().invoke(main, ["recipe", *options])


def written(*options: str) -> dict[str, Any]:
    result = recipe(*options, "--check")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = yaml.safe_load(result.output)
    return found


def refused(*options: str) -> str:
    result = recipe(*options)
    assert result.exit_code == 1, result.output
    assert result.output.startswith("Error: ")
    assert result.output.count("\n") == 1, "one sentence"
    return result.output


def test_what_nothing_is_known_of_is_read() -> None:
    save("base")
    save("chat", template=TEMPLATE, eos=[1, 4])
    found = written("--method", "ties", *OWN, "--special-tokens", "instruct")
    assert "tokenizer_source" not in found
    entry = {"source": "chat", "force": True}
    assert found["tokenizer"] == {
        "source": "chat",
        "tokens": {"<|user|>": entry, "<|end|>": entry},
    }
    tokens = MergeConfiguration.model_validate(found).tokenizer.tokens
    assert {str(one.source) for one in tokens.values()} == {"chat"}


def test_rows_of_the_base() -> None:
    save("base")
    save("chat", template=TEMPLATE)
    found = written("--method", "ties", *OWN, "--special-tokens", "base")
    assert found["tokenizer"]["source"] == "chat"
    sources = {one["source"] for one in found["tokenizer"]["tokens"].values()}
    assert sources == {"base"}


@pytest.mark.parametrize("method", sorted(CATALOGUE.methods))
@pytest.mark.parametrize("backbone", sorted(CATALOGUE.backbones))
def test_what_is_known_of_models_that_are_not_here(backbone: str, method: str) -> None:
    zones = ("--bottom", "4", "--top", "4") if method == "layer_swap" else ()
    asked = ("--backbone", backbone, "--method", method, "--lang", "eu", *zones)
    found = written(*asked, "--special-tokens", "instruct")
    known = CATALOGUE.backbones[backbone]
    assert tuple(found["tokenizer"]["tokens"]) == known.chat_tokens
    assert len(known.chat_tokens) > 4
    assert {
        "<|eot_id|>" in known.chat_tokens,
        "<|im_end|>" in known.chat_tokens,
    } == {True, False}
    entries = found["tokenizer"]["tokens"].values()
    assert all(one == {"source": known.instruct, "force": True} for one in entries)


def test_what_is_here_is_read_and_not_what_is_known() -> None:
    save("chat", template=TEMPLATE)
    asked = ("--method", "linear", *LLAMA, "--instruct", "chat")
    found = written(*asked, "--special-tokens", "instruct")
    assert set(found["tokenizer"]["tokens"]) == {"<|user|>", "<|end|>", "</s>"}


def test_a_cached_model_is_read(tmp_path: Path) -> None:
    folder = save("snapshot", template=TEMPLATE, eos=4)
    snapshots = tmp_path / "cache" / "models--meta-llama--Llama-3.1-8B-Instruct"
    (snapshots / "refs").mkdir(parents=True)
    (snapshots / "refs" / "main").write_text("abc")
    (snapshots / "snapshots").mkdir()
    folder.rename(snapshots / "snapshots" / "abc")
    found = written("--method", "linear", *LLAMA, "--special-tokens", "instruct")
    assert list(found["tokenizer"]["tokens"]) == ["<|user|>", "<|end|>"]


@pytest.mark.parametrize("method", sorted(CATALOGUE.methods))
def test_average_is_what_it_was(method: str) -> None:
    zones = ("--bottom", "4", "--top", "4") if method == "layer_swap" else ()
    asked = ("--method", method, *LLAMA, *zones)
    before = recipe(*asked).output
    assert recipe(*asked, "--special-tokens", "average").output == before
    assert "tokenizer_source: meta-llama/Llama-3.1-8B-Instruct" in before


def test_the_command_in_a_file_makes_the_file() -> None:
    asked = ("--method", "ties", "--fused", *LLAMA, "--special-tokens", "instruct")
    text = recipe(*asked).output
    (first, *_) = text.splitlines()
    assert "--special-tokens instruct" in first
    assert recipe(*first.removeprefix("# iberian recipe ").split()).output == text


def test_every_merge_of_the_tables(tmp_path: Path) -> None:
    asked = ("--all", "recipes", "--table", "8", "--special-tokens", "instruct")
    assert recipe(*asked).exit_code == 0
    paths = list(Path("recipes").rglob("*.yml"))
    assert len(paths) == 12
    assert all("force: true" in path.read_text("utf-8") for path in paths)
    asked = ("--all", "others", "--table", "8", "--special-tokens", "base")
    assert "nearswap merges no base model" in refused(*asked)
    assert not Path("others").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--special-tokens", "instrukt"),
            "Unknown choice of special tokens 'instrukt'. Did you mean instruct?",
        ),
        (("--special-tokens", "base"), "linear merges no base model"),
        (
            ("--special-tokens", "instruct", "--normalize", "false"),
            "multiplies every row by the sum of the weights, these too. Add --fused.",
        ),
        (
            ("--special-tokens", "instruct", "--instruct", "org/chat"),
            "needs the tokenizer of 'org/chat'.",
        ),
        (
            ("--special-tokens", "instruct", "--instruct", "./chat"),
            "Model './chat': there is no such folder;",
        ),
        (
            ("--special-tokens", "instruct", "--instruct", "bare"),
            "bare holds no tokenizer.json that would say which tokens 'bare' has.",
        ),
        (
            ("--special-tokens", "instruct", "--instruct", "plain"),
            "'plain' has no chat tokens:",
        ),
        (
            ("--special-tokens", "instruct", "--instruct", "broken"),
            "--special-tokens: Model 'broken': broken/tokenizer.json cannot be read:",
        ),
    ],
)
def test_refused(options: tuple[str, ...], message: str) -> None:
    save("base")
    save("plain", template="{{ text }}")
    (save("broken") / "tokenizer.json").write_text("{")
    (save("bare") / "tokenizer.json").unlink()
    asked = ("--method", "linear", *LLAMA, "--base", "base")
    assert message in refused(*asked, *options)


def test_a_weighed_sum_of_ours_leaves_the_rows_alone() -> None:
    asked = ("--method", "linear", "--fused", *LLAMA, "--normalize", "false")
    assert "tokens" in written(*asked, "--special-tokens", "instruct")["tokenizer"]


def test_a_base_that_has_no_such_token() -> None:
    save("base", added=("<|users|>",))
    save("chat", template=TEMPLATE)
    message = refused("--method", "ties", *OWN, "--special-tokens", "base")
    assert "'base' has no token '<|user|>'. Did you mean <|users|>" in message
    assert "Only the instructed model can give its row." in message
