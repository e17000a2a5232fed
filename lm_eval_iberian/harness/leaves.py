"""From the name of a suite to the configs of its tasks; nothing is loaded."""

from __future__ import annotations

import difflib
import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lm_eval_iberian.errors import DataError, IberianError
from lm_eval_iberian.paths import task_configs
from lm_eval_iberian.terminal import one_line


# what lm-eval keeps to the group itself; all else goes to its members
_OF_THE_GROUP = {"group", "group_alias", "task", "aggregate_metric_list", "metadata"}
_DEEPEST = 32


class UnknownSuiteError(IberianError, KeyError):
    """No task, group or tag has this name; the text has the nearest ones."""

    def __init__(self, name: str, known: Iterable[str], why: str = "") -> None:
        super().__init__(unknown_task("suite", name, known, why))

    def __str__(self) -> str:  # KeyError would print the repr
        return str(self.args[0])


def unknown_task(kind: str, name: str, known: Iterable[str], why: str = "") -> str:
    """Word that there is no such task: the three nearest, and how to list all."""
    # upstream has 14,000 names: only the nearest are worth printing
    near = difflib.get_close_matches(name, _likely(name, known), n=3, cutoff=0.6)
    hint = f" Did you mean {', '.join(near)}?" if near else ""
    return (
        f"Unknown {kind} {one_line(name, 100)!r}{why}.{hint} `iberian tasks` lists"
        " the tasks, groups and tags of this project, `lm_eval ls tasks` all others"
    )


def _likely(name: str, known: Iterable[str]) -> list[str]:
    """Return the names with the most pairs of letters in common: difflib is slow."""
    pairs = _pairs(name)
    return heapq.nlargest(200, sorted(known), lambda one: len(pairs & _pairs(one)))


def _pairs(name: str) -> set[str]:
    return {name[i : i + 2] for i in range(len(name) - 1)}


@dataclass(frozen=True)
class Leaf:
    """One task of a suite.

    Attributes:
        name: As the harness calls it.
        config: Its YAML; functions are texts ``/folder/module.function``.
        item: What a group would list to get it, for building it alone.
    """

    name: str
    config: Mapping[str, Any]
    item: str | Mapping[str, Any] = field(compare=False)


def resolve(index: Mapping[str, Any], names: Iterable[str]) -> list[Leaf]:
    """Return the tasks of the suites, each once, in their order.

    Args:
        index: ``TaskManager.task_index``: a name -> its kind, config and tags.
        names: Tasks, groups or tags.

    Raises:
        UnknownSuiteError: No such name, or a group lists one that does not exist.
        DataError: A group contains itself.
    """
    found: dict[str, Leaf] = {}
    for name in names:
        if name not in index:
            raise UnknownSuiteError(name, index)
        for leaf in _leaves(index, name, {}, 0):
            found.setdefault(leaf.name, leaf)
    return list(found.values())


def leaves_of_ours(index: Mapping[str, Any], names: Iterable[str]) -> list[Leaf]:
    """Return the tasks of this project among those that the names stand for.

    Names of other projects, unknown ones too, are passed over.
    """
    ours = [name for name in names if name in index and _has_ours(index, index[name])]
    return [leaf for leaf in resolve(index, ours) if _is_ours(index.get(leaf.name))]


def _has_ours(index: Mapping[str, Any], entry: Any) -> bool:
    if entry.kind.name == "TAG":
        return any(_is_ours(index.get(member)) for member in entry.tags)
    return _is_ours(entry)


def _is_ours(entry: Any) -> bool:
    path = getattr(entry, "yaml_path", None)
    return path is not None and task_configs() in path.parents


def _leaves(
    index: Mapping[str, Any], name: str, overrides: Mapping[str, Any], depth: int
) -> Iterator[Leaf]:
    if depth > _DEEPEST:
        raise DataError(f"The group {name!r} contains itself")
    entry = index[name]
    if entry.kind.name == "GROUP":
        yield from _members(index, name, entry.cfg, overrides, depth + 1)
    elif entry.kind.name == "TAG":
        for member in sorted(entry.tags):
            yield from _leaves(index, member, overrides, depth + 1)
    else:
        own = {key: value for key, value in overrides.items() if key != "group"}
        item = {**own, "task": name} if own else name
        yield Leaf(name, {**(entry.cfg or {}), **own}, item)


def _members(
    index: Mapping[str, Any],
    group: str,
    config: Mapping[str, Any],
    overrides: Mapping[str, Any],
    depth: int,
) -> Iterator[Leaf]:
    """Follow the rules of the harness: the nearer to the task, the weaker."""
    passed = {k: v for k, v in config.items() if k not in _OF_THE_GROUP}
    passed.update(overrides)
    listed = config.get("task") or []
    for item in listed if isinstance(listed, list) else [listed]:
        if isinstance(item, Mapping) and "group" in item:
            name = str(item["group"])
            if name in index:
                own = {k: v for k, v in item.items() if k != "group"}
                yield from _leaves(index, name, {**passed, **own}, depth)
            else:
                yield from _members(index, name, item, passed, depth)
            continue
        own = dict(item) if isinstance(item, Mapping) else {"task": item}
        name = str(own.pop("task", ""))
        merged = {**passed, **own}
        if name in index:
            yield from _leaves(index, name, merged, depth)
        elif merged.keys() & {"dataset_path", "custom_dataset", "class"}:
            yield Leaf(name, merged, {**merged, "task": name})
        else:
            raise UnknownSuiteError(name, index, f", which the group {group!r} lists")
