"""What a contributor is given: how to cite, what an issue asks for, one page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from lm_eval_iberian.toml import read_toml


ROOT = Path(__file__).resolve().parent.parent
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
FORMS = [path for path in FORMS if path.name != "config.yml"]
PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
KINDS = {"markdown", "input", "textarea", "dropdown", "checkboxes"}


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def asked(path: Path) -> dict[str, dict[str, Any]]:
    body = read(path)["body"]
    return {one["id"]: one for one in body if one["type"] != "markdown"}


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_is_one_that_github_shows(path: Path) -> None:
    form = read(path)
    assert set(form) <= {"name", "description", "title", "labels", "body"}
    for name in ("name", "description"):
        assert form[name].strip()
    assert {one["type"] for one in form["body"]} <= KINDS
    fields = asked(path)
    assert len(fields) == sum(one["type"] != "markdown" for one in form["body"])
    labels = [one["attributes"]["label"] for one in fields.values()]
    assert len(set(labels)) == len(labels)
    assert all(re.fullmatch(r"[\w-]+", name) for name in fields)
    for one in fields.values():
        options = one["attributes"].get("options")
        assert (options is not None) is (one["type"] == "dropdown")


def test_a_wrong_verdict_comes_with_what_makes_a_case() -> None:
    fields = asked(ROOT / ".github/ISSUE_TEMPLATE/wrong_verdict.yml")
    for name in ("key", "language", "answer", "given", "expected", "doctor"):
        assert fields[name]["validations"]["required"] is True, name
    assert fields["answer"]["type"] == "textarea"


def test_a_failed_merge_comes_with_its_recipe_and_the_installation() -> None:
    fields = asked(ROOT / ".github/ISSUE_TEMPLATE/failed_merge.yml")
    for name in ("recipe", "command", "output", "doctor"):
        assert fields[name]["validations"]["required"] is True, name


def test_the_citation_agrees_with_the_project() -> None:
    found = read(ROOT / "CITATION.cff")
    project = read_toml(ROOT / "pyproject.toml")["project"]
    assert found["cff-version"] == "1.2.0"
    assert found["title"] == project["name"]
    assert found["license"] == project["license"]
    assert found["keywords"] == project["keywords"]
    names = [{"name": one["name"]} for one in project["authors"]]
    assert found["authors"] == names
    address = found["repository-code"]
    assert project["urls"]["Changelog"].startswith(f"{address}/")
    [paper] = found["references"]
    known = " ".join((ROOT / "data/recipes/README.md").read_text("utf-8").split())
    assert f"*{paper['title']}* (Valero et al., {paper['year']}," in known
    assert paper["url"] in known
    assert paper["identifiers"][0]["value"] in known


def test_the_page_is_one_page_and_says_the_five_things() -> None:
    assert len(PAGE.splitlines()) <= 90
    heads = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    wanted = ["Set up", "Where things are", "A failing case", "A language", "A task"]
    assert [one for one in [*wanted, "A merge method"] if one not in heads] == []


def test_places_that_it_names_are_there() -> None:
    for name in re.findall(r"`([\w/.]+(?:/|\.\w+))`", PAGE):
        roots = (ROOT, ROOT / "lm_eval_iberian", ROOT / "tests/cases")
        roots += (ROOT / "mergekit_ext", ROOT / "mergekit_ext/methods")
        assert name == "utils.py" or any((one / name).exists() for one in roots), name


def test_a_source_distribution_has_them() -> None:
    table = read_toml(ROOT / "pyproject.toml")["tool"]["hatch"]["build"]["targets"]
    assert {"CONTRIBUTING.md", "CITATION.cff", ".github"} <= {
        *table["sdist"]["include"]
    }
