from __future__ import annotations

import os
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from lm_eval_iberian.cli import main
from lm_eval_iberian.cli.recipe import command
from lm_eval_iberian.paper_recipes import (
    Request,
    load_catalogue,
    published,
    recipe_text,
    suggested,
)


ONE = ("--backbone", "qwen3-8b", "--method", "linear", "--lang", "eu")


def iberian(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["recipe", *arguments])


def plain(result: Result) -> str:
    return " ".join(result.output.split())


def test_every_parameter_has_an_option() -> None:
    options = {
        p.opts[0][2:] for p in command.params if (p.name or "").startswith("value_")
    }
    assert options == set(load_catalogue().parameters)


def test_a_recipe_is_printed_in_reading_order() -> None:
    result = iberian(*ONE)
    assert result.exit_code == 0
    keys = ["merge_method", "models", "dtype", "tokenizer_source"]
    assert list(yaml.safe_load(result.output)) == keys
    assert result.output.startswith("# iberian recipe --backbone qwen3-8b")


def test_a_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.yml"
    assert iberian(*ONE, "-o", str(path)).exit_code == 0
    first = path.read_bytes()
    assert iberian(*ONE, "-o", str(path)).exit_code == 0  # it says the same already
    refused = iberian(*ONE, "--weight", "0.5", "-o", str(path))
    assert refused.exit_code == 1
    assert "--force overwrites" in plain(refused)
    assert path.read_bytes() == first
    assert iberian(*ONE, "--weight", "0.5", "-o", str(path), "--force").exit_code == 0
    assert path.read_bytes() != first


def test_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # as /dev/stdout, which root could replace
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    assert iberian(*ONE, "-o", str(tmp_path / "pipe")).exit_code == 0
    assert os.read(reader, 10**6).decode() == iberian(*ONE).output
    assert (tmp_path / "pipe").is_fifo()
    os.close(reader)


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    result = iberian(*ONE, "-o", str(tmp_path / "no" / "a.yml"))
    assert result.exit_code == 1
    assert "No such file" in plain(result)


def test_all_is_what_is_shipped(root: Path, tmp_path: Path) -> None:
    assert iberian("--all", str(tmp_path)).exit_code == 0
    for merge in published(load_catalogue()):
        shipped = root / "data" / "recipes" / merge.path
        assert (tmp_path / merge.path).read_bytes() == shipped.read_bytes()


def test_all_writes_nothing_where_one_is_in_the_way(tmp_path: Path) -> None:
    other = tmp_path / "qwen3-8b" / "nearswap-eu.yml"
    other.parent.mkdir()
    other.write_text("mine")
    result = iberian("--all", str(tmp_path), "--table", "8")
    assert result.exit_code == 1
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [other]
    assert iberian("--all", str(tmp_path), "--table", "8", "--force").exit_code == 0
    assert other.read_text() != "mine"


def test_all_can_be_fused(tmp_path: Path) -> None:
    result = iberian("--all", str(tmp_path), "--table", "8", "--fused")
    assert result.output.startswith("12 recipes below")
    for path in tmp_path.rglob("*.yml"):
        assert yaml.safe_load(path.read_text())["merge_method"] == "fused_nearswap"


def test_what_is_suggested_is_written_as_it_is_shipped(
    root: Path, tmp_path: Path
) -> None:
    result = iberian("--all", str(tmp_path), "--suggested")
    merges = suggested(load_catalogue())
    assert result.output.startswith(f"{len(merges)} recipes below")
    for merge in merges:
        shipped = root / "data" / "recipes" / merge.path
        assert (tmp_path / merge.path).read_bytes() == shipped.read_bytes()


def test_what_there_is_is_listed() -> None:
    result = iberian("--list")
    assert result.exit_code == 0
    catalogue = load_catalogue()
    for name in (*catalogue.backbones, *catalogue.methods, "HiTZ/es_Qwen3-8B-Base"):
        assert name in result.output


def test_mergekit_is_asked_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("lm_eval_iberian.paper_recipes.check_text", asked.append)
    result = iberian(*ONE, "--check")
    assert [result.output] == asked


def test_a_name_cannot_leave_the_comment() -> None:
    name = "a\x1b[31m\nmerge_method: x"
    request = Request("qwen3-8b", "linear", ("eu",), instruct=name)
    text = recipe_text(request, load_catalogue())
    assert "\x1b" not in text
    comment, _, body = text.partition("\n\n")
    assert all(line.startswith("# ") for line in comment.splitlines())
    assert yaml.safe_load(body)["tokenizer_source"] == name


@pytest.mark.parametrize(
    ("arguments", "why", "code"),
    [
        (
            (),
            "give --backbone, --method and --lang; or --method, --base, --instruct and",
            2,
        ),
        (ONE[:4], "give --backbone", 2),
        (("--table", "3"), "--table says which merges --all DIR", 2),
        (("--suggested",), "--suggested says which merges --all DIR", 2),
        (("--all", "x", "--suggested", "--fused"), "are as they are", 2),
        (("--all", "x", "--suggested", "--table", "8"), "are as they are", 2),
        (("--all", "x", *ONE), "--all goes with --table", 2),
        (("--all", "x", "--weight", "1"), "--all goes with --table", 2),
        (("--all", "x", "--table", "4"), "Unknown table '4'", 1),
        ((*ONE, "--expert", "eu"), "takes LANG=ID", 2),
        ((*ONE, "--expert", "eu=a", "--expert", "eu=b"), "given twice", 2),
        (
            (*ONE, "--lang", "gal"),
            "Unknown language of qwen3-8b 'gal'. Did you mean",
            1,
        ),
        ((*ONE, "--density", "0.5"), "linear has no parameter density; these have:", 1),
        ((*ONE, "--weight", "x"), "weight must be a finite number", 1),
        ((*ONE, "--dtype", "float61"), "Did you mean float", 1),
    ],
)
def test_what_cannot_be_is_said(
    arguments: tuple[str, ...], why: str, code: int, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    result = iberian(*arguments)
    assert (result.exit_code, why in plain(result)) == (code, True), result.output
    assert not list(tmp_path.iterdir())


def test_the_command_is_listed() -> None:
    found = main.get_command(click.Context(main), "recipe")
    assert found is command
