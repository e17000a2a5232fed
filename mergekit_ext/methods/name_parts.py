"""Parts of tensor names: ``layers.3`` is one of ``model.layers.3.mlp.up_proj.weight``.

A part is one or more consecutive components between the dots. A component may hold the
wildcards of ``fnmatch``, or be a range of numbers such as ``28-31``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from mergekit_ext.errors import RecipeError


def has_part(name: str, part: str) -> bool:
    """Whether a part is one of a tensor's name."""
    wanted = part.split(".")
    return any(
        all(_fits(*pair) for pair in zip(run, wanted, strict=True))
        for run in _runs(name, len(wanted))
    )


def check_part(part: str, names: Iterable[str], where: str) -> None:
    """Check that some tensor has a part.

    Args:
        part: The part.
        names: The names of all tensors.
        where: Where it was found, for the error.

    Raises:
        RecipeError: If none has; it names parts that are near.
    """
    known = list(names)
    if any(has_part(name, part) for name in known):
        return
    size = part.count(".") + 1
    parts = sorted({".".join(run) for name in known for run in _runs(name, size)})
    near = difflib.get_close_matches(part, parts, n=3, cutoff=0.5)
    hint = f" Did you mean {', '.join(near)}?" if near else ""
    raise RecipeError(
        f"{where}: no tensor of the models has {part!r} in its name, between dots."
        f"{hint} A name is, for example, {known[0] if known else 'none'}."
    )


def _runs(name: str, size: int) -> Iterator[list[str]]:
    components = name.split(".")
    for start in range(len(components) - size + 1):
        yield components[start : start + size]


def _fits(component: str, pattern: str) -> bool:
    first, dash, last = pattern.partition("-")
    if dash and all(_is_number(one) for one in (component, first, last)):
        return int(first) <= int(component) <= int(last)
    return fnmatchcase(component, pattern)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10
