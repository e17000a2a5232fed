"""What of our code a task needs: found by reading, from the functions that it names.

What is not reached is left out: a module, a definition, a method.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from lm_eval_iberian.errors import DataError
from mergekit_ext.source_code.import_lines import Import
from mergekit_ext.source_code.source_module import SourceModule, Statement
from mergekit_ext.source_code.used_names import RUN


OURS: Final = "lm_eval_iberian"


@dataclass(eq=False)
class NeededModule:
    """What is needed of a module.

    Attributes:
        source: The module.
        statements: Its statements that are needed, methods of its classes among them.
        names: The names from outside of these, and how each is used.
    """

    source: SourceModule
    statements: set[Statement] = field(default_factory=set)
    names: dict[str, int] = field(default_factory=dict)

    def resources(self) -> Iterator[Path]:
        """Yield the files and folders that lie beside it and are read by their name."""
        for statement in self.statements:
            for node in ast.walk(statement.node):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr == "with_name"
                    and isinstance(node.args[0], ast.Constant)
                ):
                    yield self.source.path.with_name(str(node.args[0].value))


class NeededCode:
    """The modules of ours that some functions need.

    Args:
        module: The full name of the module that has the functions.
        names: Their names.

    Raises:
        DataError: There is no such function, or something is not to be found out by
            reading.
    """

    def __init__(self, module: str, names: Iterable[str]) -> None:
        self.modules: dict[str, NeededModule] = {}
        self._attributes: set[str] = set()
        self._bare: set[str] = set()
        self._seen: set[tuple[str, str]] = set()
        self._waiting: list[tuple[str, str]] = [(module, name) for name in names]
        while self._waiting or self._by_attribute():
            if self._waiting:
                self._take(*self._waiting.pop())

    def resolve(self, found: Import) -> Import:
        """Return where something of ours is defined, however often it is handed on."""
        if not found.is_of(OURS):
            return found
        if found.name and _is_module(f"{found.module}.{found.name}"):
            return Import(f"{found.module}.{found.name}")
        if not found.name:
            return found
        source = _source(found.module)
        if not _defining(source, found.name) and found.name in source.imports:
            return self.resolve(source.imports[found.name])
        return found

    def _module(self, name: str) -> NeededModule:
        if name not in self.modules:
            self.modules[name] = NeededModule(_source(name))
        return self.modules[name]

    def _take(self, module: str, name: str) -> None:
        if (module, name) in self._seen:
            return
        self._seen.add((module, name))
        needed = self._module(module)
        defining = _defining(needed.source, name)
        if not defining:
            raise DataError(f"{module} defines no {name!r}")
        for statement in defining:
            self._take_statement(needed, statement)

    def _take_statement(self, needed: NeededModule, statement: Statement) -> None:
        if statement in needed.statements:
            return
        needed.statements.add(statement)
        self._attributes |= statement.attributes
        for name, kind in statement.uses.items():
            needed.names[name] = min(kind, needed.names.get(name, kind))
            if _defining(needed.source, name):
                self._waiting.append((needed.source.name, name))
            elif name in needed.source.imports:
                self._follow(self.resolve(needed.source.imports[name]), kind)

    def _follow(self, found: Import, kind: int) -> None:
        if not found.is_of(OURS):
            return
        if found.name:
            self._waiting.append((found.module, found.name))
        elif kind == RUN:
            self._bare.add(found.module)

    def _by_attribute(self) -> bool:
        """Take what some code asks for by a dot; tell whether there was any more.

        Of classes the methods, of modules that are handed about what they define.
        """
        found = [
            (needed, member)
            for needed in self.modules.values()
            for statement in needed.statements
            for member in statement.members
            if member.names & self._attributes and member not in needed.statements
        ]
        for needed, member in found:
            self._take_statement(needed, member)
        wanted = [
            (name, one)
            for name in self._bare
            for statement in _source(name).statements
            for one in statement.names & self._attributes
            if (name, one) not in self._seen
        ]
        self._waiting += wanted
        return bool(found or wanted)


@cache
def _source(name: str) -> SourceModule:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise DataError(f"{name} is no module of {OURS}")
    source = SourceModule(Path(spec.origin), name)
    for function, found in source.hidden_imports():
        if found.is_of(OURS):
            raise DataError(
                f"{source.path}: {function} imports something of ours inside of it;"
                " what is exported must import at the top of its module"
            )
    return source


def _defining(source: SourceModule, name: str) -> list[Statement]:
    return [one for one in source.statements if name in one.names]


def _is_module(name: str) -> bool:
    parent, _, _ = name.rpartition(".")
    spec = find_spec(parent)
    if spec is None or not spec.submodule_search_locations:
        return False
    return name.startswith(f"{OURS}.") and find_spec(name) is not None
