"""Imports, and how they are written: as isort orders them."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple


# of a line: ours, and that of both hosts
WIDTH: Final = 88
# the sections of a file's imports, in their order
FUTURE, STANDARD, THIRD_PARTY, OWN = range(4)
_NO_COMMENTS: Final[Mapping[str, str]] = MappingProxyType({})


class Import(NamedTuple):
    """What a local name stands for: a module, or something in one.

    Attributes:
        module: The module's full name.
        name: What is taken from it; empty for the module itself.
    """

    module: str
    name: str = ""

    def is_of(self, package: str) -> bool:
        """Tell whether it is of a package."""
        return self.module.partition(".")[0] == package


def import_lines(
    imports: Mapping[str, Import],
    own: str,
    width: int = WIDTH,
    comments: Mapping[str, str] = _NO_COMMENTS,
) -> list[str]:
    """Return the lines of imports, with a blank one between two sections.

    Args:
        imports: What each local name stands for.
        own: The package that the file is in.
        width: The longest that a line may be.
        comments: Local name to what stands behind its import.
    """
    sections: dict[int, dict[str, Import]] = defaultdict(dict)
    for local, found in imports.items():
        sections[section_of(found, own)][local] = found
    lines: list[str] = []
    for section in sorted(sections):
        lines += ["", *_section(sections[section], width, comments)]
    return lines[1:]


def section_of(found: Import, own: str) -> int:
    """Return the section that an import stands in.

    Args:
        found: What is imported.
        own: The package that the file is in.
    """
    if found.is_of(own):
        return OWN
    root = found.module.partition(".")[0]
    if root == "__future__":
        return FUTURE
    return STANDARD if root in sys.stdlib_module_names else THIRD_PARTY


def _section(
    imports: Mapping[str, Import], width: int, comments: Mapping[str, str]
) -> Iterator[str]:
    """Yield whole modules, then what is imported from some."""
    plain: list[str] = []
    named: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for local, (module, name) in imports.items():
        comment = comments.get(local, "")
        if name:
            shown = name if name == local else f"{name} as {local}"
            named[module].append((shown, comment))
        else:
            bound = (module, module.partition(".")[0])
            shown = module if local in bound else f"{module} as {local}"
            plain.append(f"import {shown}{comment}")
    yield from sorted(plain)
    for module in sorted(named):
        yield from _from(module, sorted(named[module], key=_by_kind), width)


def _from(module: str, named: Sequence[tuple[str, str]], width: int) -> Iterable[str]:
    comment = next((comment for _, comment in named if comment), "")
    line = f"from {module} import {', '.join(name for name, _ in named)}{comment}"
    if len(line) <= width:
        return [line]
    names = [f"    {name},{comment}" for name, _ in named]
    return [f"from {module} import (", *names, ")"]


def _by_kind(named: tuple[str, str]) -> tuple[int, str]:
    """Order constants before classes before all else."""
    name = named[0]
    if name.isupper() and len(name) > 1:
        return 0, name
    return (1, name) if name[0].isupper() else (2, name)
