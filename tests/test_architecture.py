"""Who may import whom; parsed, not run."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest


# package -> what it must never import, anywhere in a file
NEVER = {
    "lm_eval_iberian/languages": {"torch", "lm_eval", "mergekit", "mergekit_ext"},
    "lm_eval_iberian/ifeval": {"torch", "lm_eval", "mergekit", "mergekit_ext"},
    "lm_eval_iberian/corpus": {"torch", "lm_eval", "mergekit", "mergekit_ext"},
    "lm_eval_iberian/stats": {
        "torch",
        "lm_eval",
        "mergekit",
        "mergekit_ext",
        # scipy.stats takes a second to load; what is needed of it is in scipy.special
        "scipy.stats",
    },
    "lm_eval_iberian/tasks": {"torch", "lm_eval", "mergekit", "lm_eval_iberian.demo"},
    "mergekit_ext": {"lm_eval", "lm_eval_iberian"},
    "mergekit_ext/kernels": {"mergekit"},
    "mergekit_ext/methods": {"mergekit"},
}
# what may import a host at all
HOSTS = {
    "lm_eval": {
        "lm_eval_iberian/harness/attach.py",
        # a suite may be upstream's: only the harness knows its tasks and builds them
        "lm_eval_iberian/harness/building.py",
        "lm_eval_iberian/harness/shipped_task.py",
        # the one that runs it
        "lm_eval_iberian/harness/evaluation.py",
        # a model type of ours is a class of its
        "lm_eval_iberian/harness/merged_hf.py",
        "lm_eval_iberian/harness/merged_vllm.py",
    },
    "vllm": {"lm_eval_iberian/harness/vllm_engine.py"},
    "mergekit": {
        "mergekit_ext/register.py",
        "mergekit_ext/compat.py",
    },
}
# whose modules nothing else in either package is named after
OWN_NAMES = (
    "lm_eval_iberian/audit",
    "lm_eval_iberian/cards",
    "lm_eval_iberian/comparison",
    "lm_eval_iberian/export",
    "lm_eval_iberian/frontier",
    "lm_eval_iberian/page",
    "lm_eval_iberian/paper_recipes",
    "lm_eval_iberian/paper_tables",
    "lm_eval_iberian/pictures",
    "lm_eval_iberian/report",
    "lm_eval_iberian/search",
    "lm_eval_iberian/stats",
    "mergekit_ext/inputs",
    "mergekit_ext/kernels",
    "lm_eval_iberian/suites",
    "lm_eval_iberian/sweep",
    "mergekit_ext/methods",
    "mergekit_ext/outputs",
    "mergekit_ext/plans",
    "mergekit_ext/recipes",
    "mergekit_ext/source_code",
    "mergekit_ext/upstream",
)


def sources(root: Path, folder: str) -> list[Path]:
    return sorted((root / folder).rglob("*.py"))


@cache
def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def needed(path: Path, modules: set[str]) -> set[str]:
    """Return which of the modules a file imports when it is loaded."""
    names: set[str] = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            # `from package import module` needs the module, not what package exports
            names |= full if full <= modules else {node.module}
    return names & modules


def within(names: set[str], package: str) -> set[str]:
    return {n for n in names if n == package or n.startswith(f"{package}.")}


@pytest.mark.parametrize("folder", NEVER)
def test_nothing_imports_what_it_must_not(root: Path, folder: str) -> None:
    files = sources(root, folder)
    assert files
    for path in files:
        for package in NEVER[folder]:
            assert not within(imported(path), package), path


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_is_touched_in_few_files(root: Path, host: str) -> None:
    found = {
        str(path.relative_to(root))
        for folder in ("lm_eval_iberian", "mergekit_ext")
        for path in sources(root, folder)
        if within(imported(path), host)
    }
    assert found <= HOSTS[host]


def test_what_starts_with_the_interpreter_imports_the_standard_library(
    root: Path,
) -> None:
    for name in ("__init__", "_bootstrap"):
        path = root / "lm_eval_iberian" / f"{name}.py"
        roots = {found.split(".")[0] for found in imported(path)}
        assert roots <= set(sys.stdlib_module_names)


def test_modules_do_not_import_each_other_in_circles(root: Path) -> None:
    """Circles of imports that run when a module is loaded."""
    modules = {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(
            ".__init__"
        ): path
        for folder in ("lm_eval_iberian", "mergekit_ext")
        for path in sources(root, folder)
    }
    graph = {name: needed(path, set(modules)) for name, path in modules.items()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail[trail.index(name) :], name))
        if name not in done:
            for other in sorted(graph[name]):
                visit(other, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize(
    "words", ["import pickle", "trust_remote_code=True", "shell=True", "torch.load("]
)
def test_nothing_unsafe_is_written(root: Path, words: str) -> None:
    for folder in ("lm_eval_iberian", "mergekit_ext", "task_configs", "scripts"):
        for path in sources(root, folder):
            assert words not in path.read_text("utf-8"), path


def test_no_module_is_called_after_nothing(root: Path) -> None:
    for folder in ("lm_eval_iberian", "mergekit_ext"):
        names = {path.stem for path in sources(root, folder)}
        assert not names & {"utils", "common", "helpers", "misc"}


def test_no_two_folders_share_a_name(root: Path) -> None:
    folders = Counter(
        path.parent.name
        for package in ("lm_eval_iberian", "mergekit_ext")
        for path in sources(root, package)
        if path.name == "__init__.py"
    )
    assert [name for name, count in folders.items() if count > 1] == []


def test_no_two_modules_share_a_name(root: Path) -> None:
    own = [path for folder in OWN_NAMES for path in sources(root, folder)]
    assert {path.parent for path in own} >= {root / folder for folder in OWN_NAMES}
    names = Counter(
        path.stem if path.stem != "__init__" else path.parent.name
        for package in ("lm_eval_iberian", "mergekit_ext")
        for path in sources(root, package)
        # a command is named after its verb
        if path.parent.name != "cli"
    )
    for path in own:
        if path.stem != "__init__":
            assert names[path.stem] == 1, path


def test_no_two_classes_share_a_name(root: Path) -> None:
    places: dict[str, list[Path]] = {}
    for folder in (*OWN_NAMES, "lm_eval_iberian/demo", "lm_eval_iberian/tasks"):
        for path in sources(root, folder):
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef):
                    places.setdefault(node.name, []).append(path)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_dtypes_are_listed_once(root: Path) -> None:
    found = [
        str(path.relative_to(root))
        for package in ("lm_eval_iberian", "mergekit_ext")
        for path in sources(root, package)
        if '"float64"' in path.read_text("utf-8")
    ]
    assert found == ["mergekit_ext/dtypes.py"]


def drawn_arrows(root: Path) -> set[tuple[str, str]]:
    """Return the arrows of docs/architecture.md: who imports, and what."""
    text = (root / "docs" / "architecture.md").read_text("utf-8")
    return {
        (source, target.strip())
        for source, targets in re.findall(r"^  (\w+) --> (.+)$", text, re.M)
        for target in targets.split("&")
    }


# modules at the top of a package that are rooms of the picture; the rest is its ground
TOP_ROOMS = {
    "lm_eval_iberian": dict.fromkeys(["_bootstrap", "_hooks", "diagnosis"], "hooks"),
    "mergekit_ext": dict.fromkeys(
        [
            "attach",
            "checked_merge",
            "forced_rows",
            "merge_file",
            "merge_result",
            "moved_rows",
            "row_moves",
            "register",
        ],
        "merge",
    ),
}


def room_of(module: str, modules: dict[str, Path]) -> str | None:
    """Return the room of a module; None for one that every room may import."""
    package, _, rest = module.partition(".")
    first = rest.split(".")[0]
    if first and modules[f"{package}.{first}"].name == "__init__.py":
        return first
    return TOP_ROOMS[package].get(first)


def test_rooms_import_each_other_as_it_is_drawn(root: Path) -> None:
    """Every import between rooms is an arrow of the picture, and every arrow one."""
    modules = {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(
            ".__init__"
        ): path
        for package in TOP_ROOMS
        for path in sources(root, package)
    }
    found: dict[tuple[str | None, str], str] = {}
    for module, path in modules.items():
        for name in imported(path):
            target = name if name in modules else name.rpartition(".")[0]
            if target in modules and (other := room_of(target, modules)):
                found[room_of(module, modules), other] = f"{module} imports {target}"
    arrows = {pair: where for pair, where in found.items() if pair[0] != pair[1]}
    drawn = drawn_arrows(root)
    assert [where for pair, where in arrows.items() if pair not in drawn] == []
    assert sorted(drawn - set(arrows)) == []


def test_the_picture_has_no_circles(root: Path) -> None:
    """From no room arrows lead back to it."""
    rest = drawn_arrows(root)
    while rest:
        ends = {target for _, target in rest} - {source for source, _ in rest}
        assert ends, sorted(rest)
        rest = {arrow for arrow in rest if arrow[1] not in ends}


def test_the_files_that_the_walks_name_are_there(root: Path) -> None:
    """What docs/architecture.md calls a file is one."""
    text = (root / "docs" / "architecture.md").read_text("utf-8")
    names = set(re.findall(r"`(?:[\w/]+/)?(\w+\.(?:py|toml))`", text))
    folders = ("lm_eval_iberian", "mergekit_ext", "data", "scripts", "tests")
    there = {path.name for folder in folders for path in (root / folder).rglob("*.*")}
    assert names
    assert names <= there
