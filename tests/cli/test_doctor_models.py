"""``iberian doctor MODEL…``: what a folder's answers will end on, and its rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import save_file

from lm_eval_iberian.cli import main


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def save(name: str, *ends: int, template: str = "", weak: float = 1.0) -> None:
    """Write a model that ends on tokens, whose row of the last is weak."""
    folder = Path(name)
    folder.mkdir()
    vocabulary = {f"w{at}": at for at in range(6)} | {"</s>": 6}
    tokenizer = {
        "model": {"vocab": vocabulary},
        "added_tokens": [{"content": "<|end|>", "id": 7}],
    }
    files = {
        "config": {"eos_token_id": list(ends), "vocab_size": 8},
        "tokenizer": tokenizer,
        "tokenizer_config": {"chat_template": template} if template else {},
    }
    for file, content in files.items():
        (folder / f"{file}.json").write_text(json.dumps(content), "utf-8")
    rows = torch.randn(8, 16, generator=torch.Generator().manual_seed(0))
    rows /= rows.norm(dim=1, keepdim=True)
    rows[7] *= weak
    save_file({"model.embed_tokens.weight": rows}, folder / "model.safetensors")


def doctor(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["doctor", *arguments])


def test_a_model_that_stops() -> None:
    save("chat", 6, 7, template="{{ text }}<|end|>")
    result = doctor("chat")
    assert result.exit_code == 0, result.output
    first, _, *lines = result.output.splitlines()
    assert first == "chat"
    assert "".join(line[0] for line in lines) == "✓✓··✓✓✓", result.output
    assert "</s> (6), <|end|> (7)" in lines[0]
    assert "iberian mend" not in result.output


def test_a_merge_that_does_not_stop() -> None:
    save("chat", 6, 7, template="{{ text }}<|end|>")
    save("a merge", 6, weak=0.25)
    result = doctor("a merge", "--like", "chat")
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    text = " ".join(result.output.split())
    assert "✗ ends on </s> (6). generate does not end on <|end|>" in text
    assert "✗ chat template none, and 'chat' has one" in text
    assert "✗ embedding rows by a factor of more than 2 unlike 'chat': <|end|>" in text
    assert "`iberian mend 'a merge' --like chat`" in text
    assert "merge again; `iberian recipe … --special-tokens instruct`" in text


def test_without_another_the_advice_stays_one() -> None:
    save("merge", 6, template="{{ text }}<|end|>")
    result = doctor("merge")
    assert result.exit_code == 1
    assert "`iberian mend merge --like INSTRUCT`" in result.output


def test_the_factor() -> None:
    save("chat", 6, 7)
    save("merge", 6, 7, weak=0.25)
    assert doctor("merge", "--like", "chat").exit_code == 1
    assert doctor("merge", "--like", "chat", "--factor", "5").exit_code == 0
    assert doctor("merge", "--factor", "1").exit_code == 2


def test_a_broken_folder_takes_no_other_along() -> None:
    save("broken", 6)
    Path("broken/config.json").write_text("{")
    save("chat", 6, 7)
    result = doctor("broken", "org/model", "./nowhere", "chat")
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    lines = [line for line in result.output.splitlines() if line]
    assert lines[0].startswith("✗ Model 'broken': broken/config.json cannot be read:")
    assert lines[1].startswith("✗ 'org/model' is no folder here; a model on the hub is")
    assert lines[2].startswith("✗ './nowhere' is no folder here, and local folders")
    assert lines[3] == "chat"


def test_what_is_shown_is_not_obeyed() -> None:
    save("chat", 6, 7, template="{{ text }}<|end|>")
    content = Path("chat/tokenizer.json").read_text("utf-8")
    Path("chat/tokenizer.json").write_text(content.replace("<|end|>", "\\u001b[2J"))
    result = doctor("chat")
    assert "\x1b" not in result.output
    assert "\\x1b[2J (7)" in result.output


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("chat", "--like", "nothing"), 1, "--like: 'nothing' is no folder here, and"),
        (("chat", "--like", "a/b"), 1, "--like: 'a/b' is no folder here; a model on"),
        (("nothing", "--like", "chat"), 1, "✗ 'nothing' is no folder here, and"),
        (("chat/config.json",), 1, "is a file; give the folder that it is in: chat"),
        (("--like", "chat"), 2, "--like and --factor are for a MODEL, a local folder"),
        (("--factor", "3"), 2, "--like and --factor are for a MODEL, a local folder"),
        (
            ("iberian_mini", "chat"),
            2,
            "give suites or models: 'chat' is a folder, and 'iberian_mini' is none",
        ),
    ],
)
def test_refused(arguments: tuple[str, ...], code: int, message: str) -> None:
    save("chat", 6, 7)
    result = doctor(*arguments)
    assert message in result.output
    assert result.exit_code == code
    assert isinstance(result.exception, SystemExit)


def test_a_folder_of_results_that_is_called_as_a_suite_is_none() -> None:
    Path("iberian_ifeval_mini_").mkdir()
    result = doctor("iberian_ifeval_mini_")
    assert "Unknown" in result.output
    assert "no folder" not in result.output
