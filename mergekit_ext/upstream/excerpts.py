"""Definitions of this package as text that stands by itself in another's tree.

Nothing is rewritten but our exceptions, which become the built-in ones that they are.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mergekit_ext.errors import MergeError


_PACKAGE = Path(__file__).parent.parent
# mergekit's, and ours
WIDTH = 88
# what is ours -> what it is elsewhere
_EXCEPTIONS = {"RecipeError": "ValueError"}


class Imported(NamedTuple):
    """A name that is imported: ``from module import name``, or the module itself."""

    module: str
    name: str = ""

    @property
    def bound(self) -> str:
        """What the code calls it."""
        return self.name or self.module.partition(".")[0]


@dataclass(frozen=True)
class Excerpt:
    """Code, and what it imports.

    Args:
        code: Without imports.
        imports: What must be imported for it.
    """

    code: str
    imports: frozenset[Imported]


def excerpt(wanted: Mapping[str, Sequence[str]]) -> Excerpt:
    """Return definitions of this package with all that they use of their own files.

    Args:
        wanted: File, from the package on, to the names that are wanted of it.

    Raises:
        MergeError: One is not defined there, two are called the same, or one uses
            something of another file that is not among the wanted.
    """
    parts = [_Module(file).excerpt(names) for file, names in wanted.items()]
    defined = [name for part in parts for name in _defined(ast.parse(part.code))]
    if twice := [name for name, count in Counter(defined).items() if count > 1]:
        raise MergeError(f"{' and '.join(wanted)} define {', '.join(twice)} twice.")
    imports = {one for part in parts for one in part.imports}
    ours = {one for one in imports if one.module.startswith(_PACKAGE.name)}
    if lacking := sorted(one.bound for one in ours if one.bound not in defined):
        raise MergeError(
            f"What is wanted of {', '.join(wanted)} uses {', '.join(lacking)} of other"
            " files; name those too."
        )
    return Excerpt("\n\n".join(p.code for p in parts), frozenset(imports - ours))


def split_imports(text: str) -> Excerpt:
    """Return a file's text with its imports, which stand at its top, apart."""
    body = ast.parse(text).body
    top = [node for node in body if isinstance(node, (ast.Import, ast.ImportFrom))]
    last = max((node.end_lineno or 0 for node in top), default=0)
    code = "\n".join(text.splitlines()[last:]).strip("\n") + "\n"
    return Excerpt(code, frozenset(_imports(top)))


def import_lines(imports: Iterable[Imported], own: str) -> str:
    """Return imports as isort orders them, the package's own last.

    Args:
        imports: What is imported.
        own: The package that the file is in.
    """
    sections: dict[int, set[Imported]] = {}
    for one in imports:
        sections.setdefault(_section(one.module.partition(".")[0], own), set()).add(one)
    return "\n\n".join("\n".join(_lines(sections[key])) for key in sorted(sections))


class _Module:
    """A file of this package, by its definitions."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._text = (_PACKAGE / file).read_text("utf-8")
        tree = ast.parse(self._text)
        self._nodes = {name: node for node in tree.body for name in _names(node)}
        self._imports = {one.bound: one for one in _imports(tree.body)}

    def excerpt(self, names: Sequence[str]) -> Excerpt:
        if unknown := [name for name in names if name not in self._nodes]:
            raise MergeError(f"{self._file} does not define {', '.join(unknown)}.")
        needed, used, left = set[str](), set[str](), list(names)
        while left:
            name = left.pop()
            if name not in needed:
                needed.add(name)
                found = _used(self._nodes[name])
                used |= found
                left += found & self._nodes.keys()
        nodes = {id(n): n for name, n in self._nodes.items() if name in needed}
        imports = {self._imports[name] for name in used & self._imports.keys()}
        imports = {one for one in imports if one.name not in _EXCEPTIONS}
        return Excerpt(self._joined(nodes.values()), frozenset(imports))

    def _joined(self, nodes: Iterable[ast.stmt]) -> str:
        """Return the source of definitions in the order of the file."""
        text, last_is_block = "", True
        for node in sorted(nodes, key=lambda node: node.lineno):
            is_block = isinstance(node, (ast.FunctionDef, ast.ClassDef))
            gap = "\n\n" if text and (is_block or last_is_block) else ""
            text += f"{gap}{self._source(node)}\n"
            last_is_block = is_block
        for ours, theirs in _EXCEPTIONS.items():
            text = re.sub(rf"\b{ours}\b", theirs, text)
        return text

    def _source(self, node: ast.stmt) -> str:
        """Return a definition with its decorators and the comment above it."""
        lines = self._text.splitlines()
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(one.lineno for one in decorators)]) - 1
        while first and lines[first - 1].startswith("#"):
            first -= 1
        return "\n".join(lines[first : node.end_lineno])


def _names(node: ast.stmt) -> Iterator[str]:
    """Yield what a statement of a module defines."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        yield node.name
    targets = node.targets if isinstance(node, ast.Assign) else []
    if isinstance(node, ast.AnnAssign):
        targets = [node.target]
    yield from (target.id for target in targets if isinstance(target, ast.Name))


def _defined(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        yield from _names(node)


def _used(node: ast.stmt) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def _imports(nodes: Iterable[ast.stmt]) -> Iterator[Imported]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (Imported(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (Imported(node.module, alias.name) for alias in node.names)


def _section(root: str, own: str) -> int:
    if root == "__future__":
        return 0
    return 1 if root in sys.stdlib_module_names else 3 if root == own else 2


def _lines(imports: Iterable[Imported]) -> Iterator[str]:
    names: dict[str, list[str]] = {}
    for module, name in sorted(imports):
        names.setdefault(module, []).extend([name] if name else [])
    # whole modules go before what is imported from some
    for module in sorted(names, key=lambda module: (bool(names[module]), module)):
        listed = sorted(names[module], key=_by_kind)
        if not listed:
            yield f"import {module}"
            continue
        line = f"from {module} import {', '.join(listed)}"
        if len(line) > WIDTH:
            line = f"from {module} import (\n    " + ",\n    ".join(listed) + ",\n)"
        yield line


def _by_kind(name: str) -> tuple[bool, bool, str]:
    """Order constants before classes before functions."""
    return not name.isupper(), name[0].islower(), name
