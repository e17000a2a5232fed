"""What an exported family is made of, as somebody who reviews it would look at it."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from typing import Any

import pytest
import yaml
from datasets import Dataset
from packaging.requirements import Requirement

from lm_eval_iberian.cli.whole_folder import MANIFEST
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.export import family_names, upstream_ifeval
from lm_eval_iberian.export.task_family import TaskFamily, task_family
from lm_eval_iberian.export.upstream_yaml import descriptions, upstream_yamls
from lm_eval_iberian.tasks.benchmark_catalogue import benchmark
from lm_eval_iberian.toml import read_toml


FAMILIES = [task_family(name) for name in family_names()]
FAMILY = pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
# the rules of lm-eval's pyproject.toml at 4e7e0d47
SELECT = "B,C419,D,E,F,FURB,I,TC,RUF034,S,SIM,UP,W605"
IGNORE = (
    "D10,D200,D202,D205,D212,D415,D417,E11,E402,E501,E701,E731,E741,SIM108,SIM105,"
    "SIM401,SIM118,S311,S701,S101"
)
ISORT = {
    "combine-as-imports": "true",
    "known-first-party": '["lm_eval"]',
    "lines-after-imports": "2",
}


def code_of(folder: Path) -> dict[Path, ast.Module]:
    paths = sorted(folder.rglob("*.py"))
    return {path: ast.parse(path.read_text("utf-8")) for path in paths}


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield str(node.module)


def keys(text: str) -> dict[str, Any]:
    loader = type("Loader", (yaml.SafeLoader,), {})
    loader.add_constructor("!function", lambda _, node: node.value)  # type: ignore[attr-defined]
    found: dict[str, Any] = yaml.load(text, loader)  # noqa: S506 (is safe)
    return found


def test_each_family_has_what_upstream_asks_for(exported: Path) -> None:
    folders = {family.folder for family in FAMILIES}
    assert {path.name for path in exported.iterdir()} == {
        *folders,
        "ROWS.md",
        "extras.toml",
    }
    rows = (exported / "ROWS.md").read_text("utf-8").splitlines()
    assert len(rows) == len(folders) + 2
    for folder in folders:
        assert sum(f"[{folder}]({folder}/README.md)" in row for row in rows) == 1
        assert (exported / folder / "README.md").is_file()


@FAMILY
def test_nothing_of_this_project_is_named(family: TaskFamily, exported: Path) -> None:
    for path in (exported / family.folder).rglob("*.*"):
        text = path.read_text("utf-8")
        assert "lm_eval_iberian" not in text, path
        assert "lm-eval-iberian" not in text, path
        assert "`iberian " not in text, path
        assert "task_configs" not in text, path


@FAMILY
def test_yamls_have_upstream_s_keys_and_new_names(
    family: TaskFamily, exported: Path
) -> None:
    groups, tasks = descriptions(family)
    folder = exported / family.folder
    assert {p.stem for p in folder.glob("*.yaml")} == {*groups, *tasks}
    for name in tasks:
        config = keys((folder / f"{name}.yaml").read_text("utf-8"))
        template = keys((folder / config["include"]).read_text("utf-8"))
        assert config["task"] == name
        assert config["dataset_path"]
        assert config["metadata"] == {"version": family.version}
        assert not {"class", "custom_dataset"} & {*config, *template}
        assert "which" not in config.get("dataset_kwargs", {})
    for name in groups:
        config = keys((folder / f"{name}.yaml").read_text("utf-8"))
        assert config["group"] == name
        assert len(config["task"]) > 1


def test_datasets_are_those_of_the_catalogue() -> None:
    belebele = upstream_yamls(task_family("belebele"))
    basque = keys(belebele["belebele_eus_Latn_native.yaml"])
    wanted = benchmark("belebele", "eu")
    assert basque["dataset_path"] == wanted.path
    assert basque["dataset_name"] == "eus_Latn"
    assert basque["dataset_kwargs"] == {"revision": wanted.revision}
    galician = keys(belebele["belebele_glg_Latn_native.yaml"])
    assert galician["dataset_path"] == "proxectonos/belebele_gl"
    assert "dataset_name" not in galician
    assert "dataset_kwargs" not in galician  # no revision is known
    ifeval = upstream_yamls(task_family("ifeval"))
    for name in task_family("ifeval").tasks:
        config, lang = keys(ifeval[f"{name}.yaml"]), name[-2:]
        (url,) = config["dataset_kwargs"]["data_files"].values()
        assert re.search(rf"/[0-9a-f]{{40}}/data/input_data\.{lang}\.jsonl$", url)
        assert config["process_docs"] == f"utils.process_docs_{lang}"


def test_ifeval_has_upstream_s_metrics_and_the_paper_s() -> None:
    made = upstream_yamls(task_family("ifeval"))
    template = keys(made["_iber_ifeval_template_yaml"])
    metrics = {one["metric"]: one["aggregation"] for one in template["metric_list"]}
    both = [f"{level}_level_{kind}_acc" for kind in ("strict", "loose")
            for level in ("prompt", "inst")]  # fmt: skip
    assert [*metrics] == [*both, *(f"{name}_original" for name in both)]
    # with lm-eval's own mean there is a standard error
    assert metrics["prompt_level_strict_acc"] == "mean"
    assert metrics["inst_level_strict_acc"] == "utils.inst_level_acc"
    group = keys(made["iber_ifeval.yaml"])
    assert {one["metric"] for one in group["aggregate_metric_list"]} == set(metrics)


@FAMILY
def test_the_readme_follows_upstream_s_template(
    family: TaskFamily, exported: Path
) -> None:
    text = (exported / family.folder / "README.md").read_text("utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    wanted = [
        "Paper", "Citation", "Groups, Tags, and Tasks", "Groups", "Tags", "Tasks",
        "What is new", "Checklist", "Changelog",
    ]  # fmt: skip
    assert [heading for heading in headings if heading in wanted] == wanted
    assert re.search(r"```bibtex\n@", text)
    assert text.count("* [") == 6
    for named in descriptions(family):
        for name in named:
            assert f"* `{name}`: " in text
    assert "\n\n\n" not in text


@FAMILY
def test_what_is_cited_is_spoken_of(family: TaskFamily, exported: Path) -> None:
    text = (exported / family.folder / "README.md").read_text("utf-8")
    block = re.search(r"```bibtex\n.*?\n```", text, re.DOTALL)
    assert block
    entries = re.split(r"^@", block[0], flags=re.MULTILINE)[1:]
    rest = text.replace(block[0], "")
    for entry in entries:
        title = re.search(r"title\s*=\s*\{(.*?)\},\n", entry, re.DOTALL)
        author = re.search(r"author\s*=\s*\{(.*?)(?: and|\})", entry)
        assert title
        assert author
        words = re.sub(r"[{}]", "", title[1]).split()
        named = " ".join(words), author[1].split()[-1].rstrip(",")
        assert any(one in rest for one in named), entry


@FAMILY
def test_all_that_is_imported_is_there_or_declared(
    family: TaskFamily, exported: Path
) -> None:
    folder = exported / family.folder
    host = [Requirement(one) for one in requires("lm_eval") or ()]
    declared = {one.name.lower() for one in host if one.marker is None}
    declared |= {Requirement(one).name.lower() for one in family.extra}
    distributions = packages_distributions()
    used = set()
    for path, tree in code_of(folder).items():
        for name in imports(tree):
            first, *rest = name.split(".")
            if first == "lm_eval":
                assert rest[:2] == ["tasks", family.folder], (path, name)
                place = folder.joinpath(*rest[2:])
                assert place.with_suffix(".py").is_file() or place.is_dir(), name
            elif first not in sys.stdlib_module_names | {"tomllib"}:
                names = {one.lower() for one in distributions.get(first, [first])}
                assert names & declared, (path, name)
                used |= names
    extra = {Requirement(one).name.lower() for one in family.extra}
    assert extra <= used  # nor is anything installed that nobody imports


def test_extras_are_pinned_as_this_project_pins_them(
    root: Path, exported: Path
) -> None:
    ours = read_toml(root / "pyproject.toml")["project"]["dependencies"]
    extras = read_toml(exported / "extras.toml")
    assert [*extras] == [family.folder for family in FAMILIES if family.extra]
    for listed in extras.values():
        assert set(listed) <= set(ours)


def test_a_task_asks_for_its_packages_by_the_name_of_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    family = task_family("ifeval")
    named = {Requirement(one) for one in family.extra}
    asked = {name.replace("_", "-") for name in upstream_ifeval._PACKAGES}
    assert asked == {one.name for one in named if one.marker is None}
    monkeypatch.setattr(upstream_ifeval, "_PACKAGES", ("nltk", "not_there"))
    with pytest.raises(ImportError, match=rf"lm_eval\[{family.folder}\]: no not_there"):
        upstream_ifeval.process_docs_eu(Dataset.from_list([{"text": "{}"}]))


def test_a_prompt_that_cannot_be_scored_is_refused_when_a_task_is_loaded() -> None:
    row = {
        "key": 7,
        "prompt": "Kaixo.",
        "instruction_id_list": ["punctuation:no_comma"],
    }
    fine, wrong = row | {"kwargs": [{}]}, row | {"kwargs": [{"num_words": 3}]}
    nothing = fine | {"key": 8, "prompt": None}
    lines = [{"text": json.dumps(one)} for one in (fine, nothing)]
    docs = upstream_ifeval.process_docs_eu(Dataset.from_list([*lines, {"text": ""}]))
    assert [doc["key"] for doc in docs] == [7]
    assert docs[0]["lang"] == "eu"
    with pytest.raises(DataError, match=r"prompt 7: .*num_words"):
        upstream_ifeval.process_docs_gl(
            Dataset.from_list([{"text": json.dumps(wrong)}])
        )


@pytest.mark.parametrize("lang", task_family("ifeval").packs)
def test_the_published_prompts_can_be_scored(lang: str, reference: Path) -> None:
    lines = (reference / "iber_ifeval" / f"{lang}.jsonl").read_text("utf-8").split("\n")
    rows = [json.loads(line) for line in lines if line]
    process = getattr(upstream_ifeval, f"process_docs_{lang}")
    docs = process(Dataset.from_list([{"text": line} for line in lines]))
    assert [doc["key"] for doc in docs] == [row["key"] for row in rows if row["prompt"]]
    for row, doc in zip((row for row in rows if row["prompt"]), docs, strict=True):
        assert json.loads(doc["kwargs"]) == row["kwargs"]
        assert doc["prompt"] == row["prompt"]


@pytest.mark.slow
def test_it_is_the_same_whatever_the_order_of_sets(
    exported: Path, tmp_path: Path
) -> None:
    subprocess.run(
        [sys.executable, "-m", "lm_eval_iberian.cli", "export", "lm-eval", "again"],
        cwd=tmp_path, env=os.environ | {"PYTHONHASHSEED": "7"}, check=True,
    )  # fmt: skip
    again = tmp_path / "again"
    (again / MANIFEST).unlink()
    assert contents(again) == contents(exported)


def contents(folder: Path) -> dict[str, bytes]:
    files = filter(Path.is_file, folder.rglob("*"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@FAMILY
def test_every_definition_is_used(family: TaskFamily, exported: Path) -> None:
    """Nothing is exported that no YAML and no other code asks for."""
    trees = code_of(exported / family.folder)
    asked = set(re.findall(r"utils\.(\w+)", "".join(upstream_yamls(family).values())))
    used = {n.id for t in trees.values() for n in ast.walk(t) if _is_read(n)}
    used |= {n.attr for t in trees.values() for n in ast.walk(t)
             if isinstance(n, ast.Attribute)}  # fmt: skip
    unused = [
        f"{path.stem}.{name}"
        for path, tree in trees.items()
        for name in definitions(tree)
        if name not in used | asked and not name.startswith("__")
    ]
    assert unused == []


def _is_read(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)


def definitions(tree: ast.Module) -> Iterator[str]:
    """Yield the names of a module's functions, classes, methods and constants."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        if isinstance(node, ast.ClassDef):
            methods = [one for one in node.body if isinstance(one, ast.FunctionDef)]
            yield from (one.name for one in methods)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


@FAMILY
def test_every_file_is_read_by_something(family: TaskFamily, exported: Path) -> None:
    folder = exported / family.folder
    trees = code_of(folder)
    names = {name for tree in trees.values() for name in imports(tree)}
    reads = {
        f"{name}.{alias.name}"
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for name in [node.module]
        for alias in node.names
    }
    for path in trees:
        dotted = ".".join(path.relative_to(folder).with_suffix("").parts)
        module = f"lm_eval.tasks.{family.folder}.{dotted}"
        assert dotted == "utils" or module in names | reads, path
    text = "".join(path.read_text("utf-8") for path in trees)
    for path in folder.rglob("*.toml"):
        where = path.parent.name if path.parent.name == "packs" else path.name
        assert f'with_name("{where}")' in text, path


def test_only_the_packs_of_the_tasks_go_with_them(exported: Path) -> None:
    packs = exported / "iber_ifeval" / "languages" / "packs"
    found = sorted(path.stem for path in packs.iterdir())
    assert found == sorted(task_family("ifeval").packs)


@FAMILY
def test_upstream_s_linter_is_content(family: TaskFamily, exported: Path) -> None:
    folder = exported / family.folder
    if not code_of(folder):
        return
    options = [f"--config=lint.isort.{key}={value}" for key, value in ISORT.items()]
    options += ["--config=lint.pydocstyle.convention='google'", "--preview"]
    options += ["--config=lint.explicit-preview-rules=true"]
    check = ["check", f"--select={SELECT}", f"--ignore={IGNORE}", *options]
    for command in (check, ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "--no-cache",
             "--target-version=py310", "--config=src=['..']", str(folder)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr


def test_files_are_as_upstream_s_checks_want_them(exported: Path) -> None:
    for path in exported.rglob("*"):
        if path.is_file():
            text = path.read_bytes()
            assert text.endswith(b"\n"), path
            assert not text.endswith(b"\n\n"), path
            assert b"\r" not in text, path
            lines = text.split(b"\n")
            assert not any(line != line.rstrip() for line in lines), path
            assert len(text) < 500_000, path  # check-added-large-files
            assert "-" not in path.stem or path.suffix != ".py", path
