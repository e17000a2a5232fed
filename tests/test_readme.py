"""What the README tells a user to type exists, and what it links to is there."""

from __future__ import annotations

import re
import subprocess
import sys
from fnmatch import fnmatch
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import click
import pytest
from readme_commands import pages

from lm_eval_iberian.cli import main
from lm_eval_iberian.tasks.catalogue import read_config, shipped, task_names


ROOT = Path(__file__).resolve().parent.parent
PAGES = pages()
REPOSITORY = (
    r"https://(?:github|raw\.githubusercontent)\.com/lm-eval-iberian/lm-eval-iberian/"
    r"(?:(?:blob|tree)/)?main/"
)
TEXT = (ROOT / "README.md").read_text("utf-8")


def commands(program: str, text: str = TEXT) -> list[str]:
    """Every use of a program, in indented lines, in fences and in backquotes."""
    lines = re.findall(r"^(?:    )?(?:\$ )?([a-z].+)$", text, re.MULTILINE)
    lines = [line for line in lines if line.startswith(f"{program} ")]
    lines += re.findall(r"`([^`\n]+)`", text)
    return [
        found for line in lines for found in re.findall(rf"{program} [^|$)#]+", line)
    ]


def typed(program: str) -> list[Any]:
    """Every use on any page; the changelog tells of what is gone, too."""
    return [
        pytest.param(found, id=f"{page.relative_to(ROOT)}: {found}")
        for page in PAGES
        if page.name != "CHANGELOG.md"
        for found in sorted(set(commands(program, page.read_text("utf-8"))))
    ]


@pytest.mark.parametrize("command", typed("iberian"))
def test_every_verb_and_option_exists(command: str) -> None:
    _, verb, *rest = re.sub(r'".*?"|[",]', "", command).split()
    context = click.Context(main)
    found = main.get_command(context, verb)
    assert found is not None, command
    if isinstance(found, click.Group):
        found = found.get_command(context, rest[0])
        assert found is not None, command
    known = {option for p in found.params for option in p.opts}
    assert {word for word in rest if word.startswith("--")} <= known


def test_every_make_target_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE))
    used = {found.values[0].split()[1] for found in typed("make")}
    assert {"demo", "fast"} <= used <= targets


def test_every_task_it_names_exists() -> None:
    names = set(re.findall(r"\b(ifeval_eu\w*|iberian_\w+_mini)\b", TEXT))
    assert names
    assert names <= set(task_names())


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (page.parent / target).exists(), target
    for target in re.findall(rf"{REPOSITORY}([^)#]+)", text):
        assert (ROOT / target).exists(), target


def test_the_links_of_the_readme_work_where_its_folder_is_not() -> None:
    """It is the project's page on package indexes too."""
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert links
    assert [link for link in links if not link.startswith("https://")] == []


def test_what_it_says_runs_on_chat_endpoints_is_what_generates() -> None:
    """A chat endpoint returns texts and no log-likelihoods."""
    part = TEXT.partition("**Chat endpoints.**")[2].partition("\n## ")[0]
    assert '`pip install "lm-eval[api]"`' in part
    assert "api" in metadata("lm_eval").get_all("Provides-Extra", [])
    assert "--apply_chat_template" in part
    listed = part.partition("freely:")[2].partition("Multiple choice")[0]
    patterns = re.findall(r"`(\w+\*?)`", listed)
    types = {
        entry.name: read_config(entry.path)["output_type"]
        for entry in shipped()
        if entry.kind == "task" and "demo" not in entry.name
    }
    said = {n for n in types for pattern in patterns if fnmatch(n, f"{pattern}*")}
    assert said == {n for n, kind in types.items() if kind == "generate_until"}


@pytest.mark.slow
def test_the_grep_of_the_readme_finds_the_task(tmp_path: Path) -> None:
    assert "lm_eval ls tasks | grep iberian_" in TEXT
    done = subprocess.run(
        [sys.executable, "-m", "lm_eval", "ls", "tasks"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
    )
    assert re.search(r"\biberian_ifeval_eu\b", done.stdout)
