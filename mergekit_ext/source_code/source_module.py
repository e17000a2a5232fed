"""A module as it is written: its statements, and which names each one uses."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeGuard

from mergekit_ext.source_code.import_lines import Import
from mergekit_ext.source_code.used_names import (
    DEFINITIONS,
    Uses,
    stored_names,
    uses_of,
)


@dataclass(frozen=True, eq=False)
class Statement:
    """A statement, of a module or of a class.

    Attributes:
        node: It, parsed.
        first: The line it begins in, with the comment above it.
        last: The line it ends in.
        names: The names that it gives a value.
        uses: The names that it needs, and how.
        attributes: The names after a dot in it.
        members: Of a class, the methods that it can be without; what these use is not
            among its own.
    """

    node: ast.stmt
    first: int
    last: int
    names: frozenset[str]
    uses: Uses
    attributes: frozenset[str]
    members: tuple[Statement, ...] = ()

    def all_uses(self) -> set[str]:
        """Return the names that it needs with all its members."""
        return set(self.uses).union(*(one.uses for one in self.members))


@dataclass(eq=False)
class SourceModule:
    """A module, parsed and not run.

    Args:
        path: Its file.
        name: Its full name.
    """

    path: Path
    name: str
    text: str = field(init=False)
    tree: ast.Module = field(init=False)

    def __post_init__(self) -> None:
        self.text = self.path.read_text("utf-8")
        self.tree = ast.parse(self.text)

    def hidden_imports(self) -> Iterator[tuple[str, Import]]:
        """Yield what functions import inside of them, each with the function's name."""
        for function in ast.walk(self.tree):
            if isinstance(function, ast.FunctionDef):
                for node in ast.walk(function):
                    for found in imported_names(node).values():
                        yield function.name, found

    @cached_property
    def lines(self) -> list[str]:
        """Its lines."""
        return self.text.splitlines()

    @cached_property
    def imports(self) -> Mapping[str, Import]:
        """What its imports call something, types alone included."""
        found: dict[str, Import] = {}
        for node in self.tree.body:
            inner = node.body if _is_type_checking(node) else [node]
            for one in inner:
                found |= imported_names(one)
        return found

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """All its statements but imports, its docstring and ``__all__``."""
        return tuple(
            self._statement(node)
            for node in self.tree.body
            if not _is_preamble(node) and not _is_docstring(node)
        )

    @cached_property
    def docstring(self) -> str:
        """Its docstring as it is written."""
        first = self.tree.body[0]
        end = first.end_lineno or 0
        return "\n".join(self.lines[:end]) if _is_docstring(first) else ""

    def _statement(self, node: ast.stmt) -> Statement:
        members: tuple[Statement, ...] = ()
        rest = copy(node)
        if isinstance(rest, ast.ClassDef):
            methods = [one for one in rest.body if _is_method(one)]
            members = tuple(map(self._statement, methods))
            rest.body = [one for one in rest.body if one not in methods]
        return Statement(
            node,
            self._first_line(node),
            node.end_lineno or node.lineno,
            frozenset(_bound(node)),
            uses_of(rest),
            frozenset(n.attr for n in ast.walk(rest) if isinstance(n, ast.Attribute)),
            members,
        )

    def _first_line(self, node: ast.stmt) -> int:
        """Return where a statement begins, decorators and comment included."""
        line = node.lineno
        if isinstance(node, DEFINITIONS) and node.decorator_list:
            line = node.decorator_list[0].lineno
        while line > 1 and self.lines[line - 2].lstrip().startswith("#"):
            line -= 1
        return line


def _bound(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement of a module gives a value."""
    if isinstance(node, DEFINITIONS):
        yield node.name
    elif isinstance(node, ast.If):
        for inner in (*node.body, *node.orelse):
            yield from _bound(inner)
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from imported_names(node)
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        yield from stored_names(node)


def imported_names(node: ast.AST) -> dict[str, Import]:
    """Return what an import calls something; nothing of any other code."""
    if isinstance(node, ast.Import):
        return {
            alias.asname or alias.name.partition(".")[0]: Import(alias.name)
            for alias in node.names
        }
    if not isinstance(node, ast.ImportFrom) or node.module == "__future__":
        return {}
    module = node.module or ""
    return {a.asname or a.name: Import(module, a.name) for a in node.names}


def _is_type_checking(node: ast.stmt) -> TypeGuard[ast.If]:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _is_preamble(node: ast.stmt) -> bool:
    """Tell whether a statement is an import, or the list of what may be imported."""
    if isinstance(node, ast.Import | ast.ImportFrom) or _is_type_checking(node):
        return True
    return isinstance(node, ast.Assign) and stored_names(node) == {"__all__"}


def _is_docstring(node: ast.stmt) -> bool:
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _is_method(node: ast.stmt) -> bool:
    """Tell whether it is a method of a class that Python itself never calls."""
    return isinstance(node, ast.FunctionDef) and not node.name.startswith("__")
