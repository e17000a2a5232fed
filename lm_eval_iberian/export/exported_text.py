"""The text of a module of ours in another tree: what is needed of it, word for word.

Imports are written anew; of the rest lines are left out, and none is changed but for
comments to a linter.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from typing import Final

from lm_eval_iberian.export.needed_code import OURS, NeededCode, NeededModule
from mergekit_ext.source_code.import_lines import (
    OWN,
    STANDARD,
    THIRD_PARTY,
    WIDTH,
    Import,
    import_lines,
    section_of,
)
from mergekit_ext.source_code.source_module import Statement
from mergekit_ext.source_code.used_names import FIELD, RUN, TYPED


# of rules that upstream has not
_NOQA: Final = re.compile(r"  # noqa: .*")
_FUTURE: Final = "from __future__ import annotations"
# how upstream's rules call an import that only types need, by where it is from
_TYPED_RULES: Final = {STANDARD: "TC003", THIRD_PARTY: "TC002", OWN: "TC001"}
_HOST: Final = "lm_eval"
Renamed = Callable[[str], str]
Wanted = dict[str, Import]


def exported_text(code: NeededCode, module: NeededModule, renamed: Renamed) -> str:
    """Return a module as another tree has it.

    Args:
        code: All that is needed.
        module: What is needed of this one.
        renamed: What a module of ours is called there.
    """
    parts = [module.source.docstring, "", _FUTURE, ""]
    run, fields, typed = _wanted(code, module)
    parts += _import_lines(run, fields, renamed)
    if typed:
        inner = _import_lines(typed, {}, renamed, width=WIDTH - 4)
        parts += ["", "", "if TYPE_CHECKING:"]
        parts += [f"    {line}" if line else "" for line in inner]
    kept = [one for one in module.source.statements if one in module.statements]
    body = _body(module, kept)
    while body and not body[0]:
        del body[0]
    return "\n".join([*_without_gaps([*parts, "", "", *body]), ""])


def _wanted(code: NeededCode, module: NeededModule) -> tuple[Wanted, Wanted, Wanted]:
    """Return the imports that running needs, that fields need, and all others.

    What is from ``typing``, or beside something that running needs, is among the first.
    """
    found: tuple[Wanted, Wanted, Wanted] = ({}, {}, {})
    for name, kind in module.names.items():
        if name in module.source.imports:
            found[kind][name] = code.resolve(module.source.imports[name])
    there = {one.module for one in found[RUN].values()} | {"typing"}
    for names in found[FIELD:]:
        for name in [name for name, one in names.items() if one.module in there]:
            found[RUN][name] = names.pop(name)
    if found[TYPED]:
        found[RUN]["TYPE_CHECKING"] = Import("typing", "TYPE_CHECKING")
    return found


def _body(module: NeededModule, kept: Iterable[Statement]) -> list[str]:
    """Return the lines of statements, each with the blank lines before it."""
    found: list[str] = []
    lines = module.source.lines
    for statement in kept:
        dropped: set[int] = set()
        for member in statement.members:
            if member not in module.statements:
                dropped |= set(range(_blank_before(lines, member), member.last + 1))
        start = _blank_before(lines, statement)
        if isinstance(statement.node, ast.FunctionDef | ast.ClassDef):
            found += ["", ""]
        found += [
            _NOQA.sub("", lines[number - 1])
            for number in range(start, statement.last + 1)
            if number not in dropped
        ]
        if isinstance(statement.node, ast.FunctionDef | ast.ClassDef):
            found += ["", ""]
    return found


def _blank_before(lines: list[str], statement: Statement) -> int:
    """Return where the blank lines before a statement begin."""
    first = statement.first
    while first > 1 and not lines[first - 2].strip():
        first -= 1
    return first


def _without_gaps(lines: list[str]) -> list[str]:
    """Return lines without more than two blank ones in a row, and none at the end."""
    found: list[str] = []
    for line in lines:
        if line.strip() or found[-2:] != ["", ""]:
            found.append(line.rstrip())
    while found and not found[-1]:
        found.pop()
    return found


def _import_lines(
    run: Wanted,
    fields: Wanted,
    renamed: Renamed,
    width: int = WIDTH,
) -> list[str]:
    """Write imports as upstream's rules want them."""
    moved = {local: _moved(found, renamed) for local, found in (run | fields).items()}
    rules = {local: _TYPED_RULES[section_of(moved[local], _HOST)] for local in fields}
    comments = {local: f"  # noqa: {rule}" for local, rule in rules.items()}
    return import_lines(moved, _HOST, width, comments)


def _moved(found: Import, renamed: Renamed) -> Import:
    """Return what an import is in the other tree."""
    if not found.is_of(OURS):
        return found
    module = renamed(found.module)
    if found.name:
        return Import(module, found.name)
    parent, _, name = module.rpartition(".")
    return Import(parent, name)
