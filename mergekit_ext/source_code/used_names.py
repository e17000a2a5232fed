"""The names from outside that some code uses, and whether it needs them to run."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Final


# how a name is used, the strongest first: a class may be asked for the types of its
# fields when it is read from a file, a function is never asked for those of its values
RUN, FIELD, TYPED = range(3)
Uses = dict[str, int]
DEFINITIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


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
        bound = {name for one in node.generators for name in stored_names(one.target)}
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
        if isinstance(node, DEFINITIONS):
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


def stored_names(node: ast.AST) -> set[str]:
    """Return the names that some code gives a value, in whatever scope."""
    names = (one for one in ast.walk(node) if isinstance(one, ast.Name))
    return {one.id for one in names if isinstance(one.ctx, ast.Store)}
