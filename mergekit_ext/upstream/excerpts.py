"""Definitions of this package as text that stands by itself in another's tree.

Nothing is rewritten but our exceptions, which become the built-in ones that they are.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mergekit_ext.errors import MergeError
from mergekit_ext.source_code.import_lines import Import
from mergekit_ext.source_code.source_module import (
    SourceModule,
    Statement,
    imported_names,
)


_PACKAGE: Final = Path(__file__).parent.parent
# what is ours -> what it is elsewhere
_EXCEPTIONS: Final = {"RecipeError": "ValueError"}


@dataclass(frozen=True)
class Excerpt:
    """Code, and what it imports.

    Args:
        code: Without imports.
        imports: What must be imported for it, by the name that it has there.
    """

    code: str
    imports: Mapping[str, Import]


def excerpt(wanted: Mapping[str, Sequence[str]]) -> Excerpt:
    """Return definitions of this package with all that they use of their own files.

    Args:
        wanted: File, from the package on, to the names that are wanted of it.

    Raises:
        MergeError: One is not defined there, two are called the same, or one uses
            something of another file that is not among the wanted.
    """
    code: list[str] = []
    imports: dict[str, Import] = {}
    defined: Counter[str] = Counter()
    for file, names in wanted.items():
        source = SourceModule(_PACKAGE / file, file)
        needed = _needed_statements(source, names)
        code.append(_joined(source, needed))
        defined.update(name for one in needed for name in one.names)
        used = {name for one in needed for name in one.all_uses()}
        imports |= {name: source.imports[name] for name in used & source.imports.keys()}
    if twice := [name for name, count in defined.items() if count > 1]:
        raise MergeError(f"{' and '.join(wanted)} define {', '.join(twice)} twice.")
    ours = {name for name, one in imports.items() if one.is_of(_PACKAGE.name)}
    if lacking := sorted(ours - defined.keys() - _EXCEPTIONS.keys()):
        raise MergeError(
            f"What is wanted of {', '.join(wanted)} uses {', '.join(lacking)} of other"
            " files; name those too."
        )
    rest = {name: one for name, one in imports.items() if name not in ours}
    return Excerpt("\n\n".join(code), rest)


def split_imports(text: str) -> Excerpt:
    """Return a file's text with its imports, which stand at its top, apart."""
    body = ast.parse(text).body
    top = [node for node in body if isinstance(node, (ast.Import, ast.ImportFrom))]
    last = max((node.end_lineno or 0 for node in top), default=0)
    code = "\n".join(text.splitlines()[last:]).strip("\n") + "\n"
    imports: dict[str, Import] = {}
    for node in top:
        imports |= imported_names(node)
    return Excerpt(code, imports)


def _needed_statements(source: SourceModule, names: Sequence[str]) -> list[Statement]:
    """Return definitions and all that they use of their file, in its order."""
    defining = {name: one for one in source.statements for name in one.names}
    if unknown := [name for name in names if name not in defining]:
        raise MergeError(f"{source.name} does not define {', '.join(unknown)}.")
    found, left = set[Statement](), [defining[name] for name in names]
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += (defining[name] for name in one.all_uses() & defining.keys())
    return [one for one in source.statements if one in found]


def _joined(source: SourceModule, statements: Iterable[Statement]) -> str:
    text, last_is_block = "", True
    for one in statements:
        is_block = isinstance(one.node, (ast.FunctionDef, ast.ClassDef))
        gap = "\n\n" if text and (is_block or last_is_block) else ""
        lines = "\n".join(source.lines[one.first - 1 : one.last])
        text += f"{gap}{lines}\n"
        last_is_block = is_block
    for ours, theirs in _EXCEPTIONS.items():
        text = re.sub(rf"\b{ours}\b", theirs, text)
    return text
