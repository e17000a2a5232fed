"""The suites of a specification: tasks by language, and how they are evaluated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lm_eval_iberian.errors import unknown_name
from lm_eval_iberian.sweep.placed_yaml import Placed


# tasks of a suite that every model is evaluated on, whatever its languages
EVERY = "all"

_SUITE = {
    "tasks", "num_fewshot", "limit", "gen_kwargs", "apply_chat_template",
    "system_instruction", "batch_size", "runs",
}  # fmt: skip
# of a file, on any system
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.]{0,40}")


@dataclass(frozen=True)
class SweepSuite:
    """Tasks that are evaluated under the same settings.

    Attributes:
        name: What results call it.
        tasks: Language, or ``EVERY``, to names of tasks.
        template_for: Whose prompts get a chat template: ``none``, ``all``, or ``chat``,
            those of merges and of the instructed model: no other was taught one.
        options: lm-eval's options.
        runs: How often it is run, each time with other seeds for sampling.
        place: Where it stands.
    """

    name: str
    tasks: Mapping[str, tuple[str, ...]]
    template_for: str
    options: Mapping[str, Any]
    runs: int
    place: Placed = field(compare=False, repr=False)


def read_suites(
    placed: Placed, known: tuple[str, ...], used: Mapping[str, str]
) -> tuple[SweepSuite, ...]:
    """Return the suites.

    Args:
        placed: What the specification has of them.
        known: The languages that have an expert.
        used: Those that the sweep has; tasks of others are left out.

    Raises:
        SweepSpecError: Something in one does not exist or cannot be.
    """
    found = [
        _suite(name, one, known, used)
        for name, one in placed.mapping("suite", ()).items()
    ]
    if not any(suite.tasks for suite in found):
        raise placed.fault("suites: there is no task")
    return tuple(found)


def _suite(
    name: str, placed: Placed, known: tuple[str, ...], used: Mapping[str, str]
) -> SweepSuite:
    keys = placed.mapping("key of a suite", _SUITE, ("tasks",))
    tasks: dict[str, tuple[str, ...]] = {}
    listed = keys["tasks"].mapping("language of tasks", (*known, EVERY))
    for lang, one in listed.items():
        names = read_names(one, "task", None)
        if lang in used or lang == EVERY:
            tasks[lang] = names
    whose = _template_for(keys.get("apply_chat_template"))
    runs = keys["runs"].number("runs", 1) if "runs" in keys else 1
    options = read_options(
        keys, ("num_fewshot", "limit", "gen_kwargs", "system_instruction", "batch_size")
    )
    return SweepSuite(file_part(placed, name), tasks, whose, options, runs, placed)


def _template_for(placed: Placed | None) -> str:
    if placed is None or placed.value is False:
        return "none"
    if placed.value is True:
        return "chat"
    if placed.value != "all":
        raise placed.fault(
            f"apply_chat_template must be true (for merges and the instructed model),"
            f" all or false, found {placed.plain()!r}"
        )
    return "all"


def read_options(keys: Mapping[str, Placed], names: tuple[str, ...]) -> dict[str, Any]:
    """Return those of lm-eval's options that are there.

    Raises:
        SweepSpecError: One is not what it must be.
    """
    found: dict[str, Any] = {}
    for name in names:
        if (placed := keys.get(name)) is not None:
            found[name] = _option(name, placed)
    return found


def _option(name: str, placed: Placed) -> Any:
    if name == "num_fewshot":
        return placed.number(name, 0)
    if name == "limit":
        return placed.number(name, 1)
    if name == "gen_kwargs":
        placed.mapping("key of gen_kwargs", ())
        return placed.plain()
    if name == "batch_size" and type(placed.value) is int:
        return placed.number(name, 1)
    return placed.text(name)


def read_names(
    placed: Placed, what: str, known: Mapping[str, str] | None
) -> tuple[str, ...]:
    """Return a list of names, each there once.

    Args:
        placed: The list.
        what: What one is called.
        known: The names there are; ``None`` for any.

    Raises:
        SweepSpecError: One is unknown, or there twice.
    """
    found: list[str] = []
    for one in placed.entries(f"{what}s"):
        name = one.text(f"a {what}")
        if known is not None and name not in known:
            raise one.fault(unknown_name(what, name, known))
        if name in found:
            raise one.fault(f"the {what} {name!r} is there twice")
        found.append(name)
    return tuple(found)


def file_part(placed: Placed, name: str) -> str:
    """Return a name that can be a part of a file's.

    Raises:
        SweepSpecError: It cannot.
    """
    if not _NAME.fullmatch(name) or "__" in name:
        raise placed.fault(
            f"{name!r} is to be part of a file's name: up to 41 letters, digits, dots"
            " and single underscores"
        )
    return name
