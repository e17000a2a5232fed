"""The text of a module of ours in another tree: what is needed of it, word for word.

Imports are written anew; of the rest lines are left out, and none is changed but for
comments to a linter.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from lm_eval_iberian.export.needed_code import NeededCode, NeededModule
from lm_eval_iberian.export.source_module import (
    FIELD,
    RUN,
    TYPED,
    Import,
    Statement,
)


_WIDTH: Final = 88
# of rules that upstream has not
_NOQA: Final = re.compile(r"  # noqa: .*")
_FUTURE: Final = "from __future__ import annotations"
# how upstream's rules call an import that only types need, by where it is from
_TYPED_RULES: Final = {"standard": "TC003", "third": "TC002", "own": "TC001"}
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
        inner = _import_lines(typed, {}, renamed, width=_WIDTH - 4)
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
    run: Mapping[str, Import],
    fields: Mapping[str, Import],
    renamed: Renamed,
    width: int = _WIDTH,
) -> list[str]:
    """Write imports as upstream's rules sort them."""
    groups: dict[str, list[tuple[str, Import, bool]]] = defaultdict(list)
    for typed, names in ((False, run), (True, fields)):
        for local, found in names.items():
            origin = _origin(found)
            module = renamed(found.module) if found.is_ours else found.module
            groups[origin].append((local, Import(module, found.name), typed))
    lines: list[str] = []
    for origin in ("standard", "third", "own"):
        if origin in groups:
            lines += ["", *_group(groups[origin], _TYPED_RULES[origin], width)]
    return lines[1:]


def _origin(found: Import) -> str:
    if found.is_ours:
        return "own"
    is_standard = found.module.split(".")[0] in sys.stdlib_module_names
    return "standard" if is_standard else "third"


def _group(
    found: Iterable[tuple[str, Import, bool]], rule: str, width: int
) -> list[str]:
    plain: list[str] = []
    named: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    for local, one, typed in found:
        module, name = one
        if not name and "." in module and one.module.startswith("lm_eval."):
            module, _, name = module.rpartition(".")
        if name:
            shown = name if name == local else f"{name} as {local}"
            named[module].append((shown, typed))
        else:
            plain.append(
                f"import {module}" + ("" if module == local else f" as {local}")
            )
    lines = sorted(plain)
    for module in sorted(named):
        lines += _from(module, sorted(named[module], key=_order), rule, width)
    return lines


def _from(
    module: str, names: list[tuple[str, bool]], rule: str, width: int
) -> list[str]:
    line = f"from {module} import {', '.join(name for name, _ in names)}"
    noqa = f"  # noqa: {rule}" if any(typed for _, typed in names) else ""
    if len(line + noqa) <= width:
        return [line + noqa]
    return [
        f"from {module} import (",
        *(f"    {name},{noqa}" for name, _ in names),
        ")",
    ]


def _order(named: tuple[str, bool]) -> tuple[int, str]:
    """Sort constants before classes before all else, as isort does."""
    name = named[0]
    if name.isupper() and len(name) > 1:
        return 0, name
    return (1, name) if name[:1].isupper() else (2, name)
