"""The families that can be taken over, as ``families.toml`` describes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.toml import read_toml


@dataclass(frozen=True, kw_only=True)
class TaskFamily:
    """A family of tasks as a folder of lm-eval's own; see ``families.toml``.

    Attributes:
        name: What the user calls it: its folder in ``task_configs/``.
    """

    name: str
    folder: str
    version: float
    title: str
    paper: str
    abstract: str
    homepage: str
    languages: str
    row: str
    text: str
    new: str
    reference: str
    checked: bool
    variant: str
    setup: str
    template: str = ""
    code: str = ""
    flat: Sequence[str] = ()
    packs: Sequence[str] = ()
    extra: Sequence[str] = ()
    rows: str = ""
    keeps: Sequence[str] = ()
    standard: Mapping[str, str] = field(default_factory=dict)
    cited: Sequence[str] = ()
    tasks: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, Any] = field(default_factory=dict)


def family_names() -> tuple[str, ...]:
    """Return the names of the families, in their order."""
    return tuple(name for name in _said() if name != "nothing")


def task_family(name: str) -> TaskFamily:
    """Return a family by its name.

    Raises:
        UnknownNameError: There is no such family.
        DataError: Upstream has all of it.
    """
    known = family_names()
    if name in known:
        return TaskFamily(name=name, **_said()[name])
    if name in (there := _said()["nothing"]):
        raise DataError(
            f"lm-eval has all of {name!r} already ({there[name]}); there is nothing to"
            f" export. Families with something new: {', '.join(known)}"
        )
    raise UnknownNameError("family", name, known)


@cache
def _said() -> dict[str, Any]:
    return read_toml(Path(__file__).with_name("families.toml"))
