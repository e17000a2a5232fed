"""One of our modules as it is written: its statements, and which names each one uses.

It is parsed, not run. Of a name it is told whether the code needs it, or only what is
said about types does.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple, TypeGuard

from lm_eval_iberian.errors import DataError


OURS: Final = "lm_eval_iberian"
# how a name is used, the strongest first: a class may be asked for the types of its
# fields when it is read from a file, a function is never asked for those of its values
RUN, FIELD, TYPED = range(3)
Uses = dict[str, int]
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Import(NamedTuple):
    """What a local name stands for: a module, or something in one.

    Attributes:
        module: The module's full name.
        name: What is taken from it; empty for the module itself.
    """

    module: str
    name: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether it is of this project."""
        return self.module.split(".")[0] == OURS


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


@dataclass(eq=False)
class SourceModule:
    """A module of ours.

    Args:
        name: Its full name.

    Raises:
        DataError: It imports something of ours inside of a function.
    """

    name: str
    path: Path = field(init=False)
    text: str = field(init=False)
    tree: ast.Module = field(init=False)

    def __post_init__(self) -> None:
        spec = find_spec(self.name)
        if spec is None or spec.origin is None:
            raise DataError(f"{self.name} is no module of {OURS}")
        self.path = Path(spec.origin)
        self.text = self.path.read_text("utf-8")
        self.tree = ast.parse(self.text)
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef):
                self._check_function(node)

    def _check_function(self, function: ast.FunctionDef) -> None:
        for node in ast.walk(function):
            if any(found.is_ours for found in _imported(node).values()):
                raise DataError(
                    f"{self.path}: {function.name} imports something of ours inside of"
                    " it; what is exported must import at the top of its module"
                )

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
                found |= _imported(one)
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
        if isinstance(node, Definition) and node.decorator_list:
            line = node.decorator_list[0].lineno
        while line > 1 and self.lines[line - 2].lstrip().startswith("#"):
            line -= 1
        return line


def uses_of(node: ast.AST) -> Uses:
    """Return the names from outside that some code needs, and how."""
    found = _Uses()
    found.visit(node)
    return found.uses


class _Uses(ast.NodeVisitor):
    """Follows scopes: what a function binds is its own."""

    def __init__(self) -> None:
        self.uses: Uses = {}
        self._scopes: list[set[str]] = []
        self._kind = RUN

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load) and not any(
            node.id in scope for scope in self._scopes
        ):
            self.uses[node.id] = min(self._kind, self.uses.get(node.id, TYPED))

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for one in (*node.decorator_list, *_defaults(node.args)):
            self.visit(one)
        every = _arguments(node.args)
        for typed in (*(one.annotation for one in every), node.returns):
            self._typed(typed, TYPED)
        self._inside({one.arg for one in every} | _all_bound(node.body), node.body)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 (ast's name)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for one in _defaults(node.args):
            self.visit(one)
        self._inside({one.arg for one in _arguments(node.args)}, [node.body])

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for one in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(one)
        for statement in node.body:
            if isinstance(statement, ast.AnnAssign):
                self._typed(statement.annotation, FIELD)
                if statement.value is not None:
                    self.visit(statement.value)
            else:
                self.visit(statement)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._typed(node.annotation, TYPED)
        self.visit(node.target)
        if node.value is not None:
            self.visit(node.value)

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
    ) -> None:
        self.visit(node.generators[0].iter)
        parts: list[ast.AST] = [*node.generators[0].ifs]
        for one in node.generators[1:]:
            parts += [one.iter, *one.ifs]
        elements = [node.key, node.value] if isinstance(node, ast.DictComp) else []
        elements += [] if isinstance(node, ast.DictComp) else [node.elt]
        bound = {name for one in node.generators for name in _stored(one.target)}
        self._inside(bound, [*parts, *elements])

    visit_ListComp = visit_SetComp = _comprehension  # noqa: N815
    visit_GeneratorExp = visit_DictComp = _comprehension  # noqa: N815

    def _typed(self, node: ast.expr | None, kind: int) -> None:
        if node is not None:
            outer, self._kind = self._kind, kind
            self.visit(node)
            self._kind = outer

    def _inside(self, bound: set[str], nodes: Iterable[ast.AST]) -> None:
        self._scopes.append(bound)
        for node in nodes:
            self.visit(node)
        self._scopes.pop()


def _arguments(given: ast.arguments) -> list[ast.arg]:
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    return every + [one for one in (given.vararg, given.kwarg) if one is not None]


def _defaults(given: ast.arguments) -> list[ast.expr]:
    every = (*given.defaults, *given.kw_defaults)
    return [one for one in every if one is not None]


def _all_bound(body: Iterable[ast.AST]) -> set[str]:
    """Return the names that a function's own code binds."""
    found: set[str] = set()
    for node in body:
        if isinstance(node, Definition):
            found.add(node.name)
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        if not isinstance(
            node, ast.Lambda | ast.ListComp | ast.SetComp | ast.GeneratorExp
        ) and not isinstance(node, ast.DictComp):
            found |= _all_bound(ast.iter_child_nodes(node))
    return found


def _stored(node: ast.AST) -> set[str]:
    names = (one for one in ast.walk(node) if isinstance(one, ast.Name))
    return {one.id for one in names if isinstance(one.ctx, ast.Store)}


def _bound(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement of a module gives a value."""
    if isinstance(node, Definition):
        yield node.name
    elif isinstance(node, ast.If):
        for inner in (*node.body, *node.orelse):
            yield from _bound(inner)
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from _imported(node)
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        yield from _stored(node)


def _imported(node: ast.AST) -> dict[str, Import]:
    if isinstance(node, ast.Import):
        return {
            alias.asname or alias.name: Import(alias.name)
            for alias in node.names
            if alias.asname or "." not in alias.name
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
    return isinstance(node, ast.Assign) and _stored(node) == {"__all__"}


def _is_docstring(node: ast.stmt) -> bool:
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _is_method(node: ast.stmt) -> bool:
    """Tell whether it is a method of a class that Python itself never calls."""
    return isinstance(node, ast.FunctionDef) and not node.name.startswith("__")
