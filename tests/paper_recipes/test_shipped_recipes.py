"""The recipes that are shipped are those that the catalogue makes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from mergekit.config import MergeConfiguration

from lm_eval_iberian.cli import main
from lm_eval_iberian.errors import UnknownNameError
from lm_eval_iberian.paper_recipes import (
    load_catalogue,
    published,
    recipe_text,
    suggested,
)
from mergekit_ext.merge_file import validate_recipe


CATALOGUE = load_catalogue()
MERGES = published(CATALOGUE)
SUGGESTED = suggested(CATALOGUE)
EVERY = [*MERGES, *SUGGESTED]


@pytest.fixture(scope="session")
def shipped(root: Path) -> Path:
    return root / "data" / "recipes"


def test_there_is_one_file_for_every_merge_and_no_other(shipped: Path) -> None:
    expected = {str(merge.path) for merge in EVERY}
    assert len(MERGES) == 102
    assert len(expected) == len(EVERY)
    found = {str(path.relative_to(shipped)) for path in shipped.rglob("*.yml")}
    assert found == expected


def test_every_file_is_what_the_catalogue_makes(shipped: Path) -> None:
    for merge in EVERY:
        text = recipe_text(merge.request, CATALOGUE, merge.tables, merge.suggested)
        assert (shipped / merge.path).read_bytes() == text.encode(), merge.path


def test_the_command_in_a_file_makes_the_file(shipped: Path) -> None:
    for merge in EVERY:
        text = (shipped / merge.path).read_text("utf-8")
        command = shlex.split(text.splitlines()[0].removeprefix("# "))
        result = CliRunner().invoke(main, command[1:])
        assert result.output == text


def test_mergekit_takes_every_file(shipped: Path) -> None:
    for merge in MERGES:
        raw = yaml.safe_load((shipped / merge.path).read_text("utf-8"))
        config = MergeConfiguration.model_validate(raw)
        # a key that mergekit does not know would be ignored in silence
        assert set(raw) <= set(MergeConfiguration.model_fields)
        assert config.merge_method == merge.request.method


def test_what_is_suggested_holds_and_says_that_it_is_untested(shipped: Path) -> None:
    assert {merge.path.parts[0] for merge in SUGGESTED} == {"untested"}
    for merge in SUGGESTED:
        text = (shipped / merge.path).read_text("utf-8")
        validate_recipe(text)
        assert text.splitlines()[1].startswith("# UNTESTED with these models: ")
        assert "Merge and Conquer" not in text
        assert "force: true" in text


def test_a_name_that_stands_for_one_is_explained(shipped: Path) -> None:
    for merge in EVERY:
        text = (shipped / merge.path).read_text("utf-8")
        for name in re.findall(r"model: (EXPERT_\w+)", text):
            assert re.search(rf"^# {name} stands for", text, re.MULTILINE)


def test_a_comment_names_the_tables(shipped: Path) -> None:
    for merge in MERGES:
        text = (shipped / merge.path).read_text("utf-8")
        named = "table 8" if merge.tables == (8,) else "tables 3, 5, 6 and 7"
        assert f"the set for {named}\n" in text


@pytest.mark.parametrize(
    ("number", "count"), [(3, 90), (5, 90), (6, 90), (7, 90), (8, 12)]
)
def test_a_table_has_its_merges(number: int, count: int) -> None:
    assert len(published(CATALOGUE, [number])) == count


def test_a_table_without_merges_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="Unknown table '4'"):
        published(CATALOGUE, [4])


def test_the_commands_of_the_readme_run(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = (shipped / "README.md").read_text("utf-8")
    commands = re.findall(r"^iberian recipe .*", text, re.MULTILINE)
    assert len(commands) > 8
    for command in commands:
        arguments = [*shlex.split(command)[1:]]
        extra = ["--force"] if "--fused" in command and "--all" in command else []
        result = CliRunner().invoke(main, [*arguments, *extra])
        assert result.exit_code == 0, (command, result.output)
