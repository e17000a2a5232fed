"""A benchmark as the report knows it: every name that its results go by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lm_eval_iberian.tasks.benchmark_tasks import (
    BenchmarkTask,
    built,
    fill,
    task_entries,
)


@dataclass(frozen=True)
class Subset:
    """The items of a task whose document has ``value`` in ``field``."""

    tasks: Sequence[str]
    field: str
    value: str


@dataclass(frozen=True)
class ReportedBenchmark:
    """A benchmark in a language, and every name its results go by.

    Args:
        id: Its name among all.
        name: Its name in its language.
        lang: A two-letter code, ``mt`` for translation.
        kind: A key of the catalogue's kinds.
        tasks: Task names, the paper's own first.
        items: How many items it has, where that is known.
        parts: Parts it is split into, each with its number of items.
        part_tasks: Patterns of task names, with ``{part}``.
        subset: Tasks that it is a part of.
        one_task: Whether its tasks are one, by several names: two results of them are
            two runs, not two settings.
        family: That of its dataset.
    """

    id: str
    name: str
    lang: str
    kind: str
    tasks: tuple[str, ...]
    items: int | None = None
    parts: Mapping[str, int] = field(default_factory=dict)
    part_tasks: tuple[str, ...] = ()
    subset: Subset | None = None
    one_task: bool = False
    family: str = ""

    def mini(self) -> ReportedBenchmark:
        """Return the small set of its own that stands in for it, where there is one."""
        return replace(
            self,
            id=f"{self.id}_mini",
            name=f"{self.name} mini",
            tasks=tuple(f"{task}_mini" for task in self.tasks),
            items=None,
            parts={},
            part_tasks=(),
            subset=None,
        )

    def tasks_of(self, part: str) -> tuple[str, ...]:
        """Return the names the results of a part go by."""
        return tuple(pattern.replace("{part}", part) for pattern in self.part_tasks)

    def every_task(self) -> tuple[str, ...]:
        """Return every task name any of its results goes by."""
        of_parts = [task for part in self.parts for task in self.tasks_of(part)]
        return (*self.tasks, *of_parts, *(self.subset.tasks if self.subset else ()))


def reported_benchmarks(path: Path | None = None) -> Iterator[ReportedBenchmark]:
    """Yield the benchmark that each task of ``data/BENCHMARKS.toml`` stands for.

    Args:
        path: Another catalogue than the shipped one.

    Raises:
        DataError: An entry lacks a key or has one too many.
        UnknownNameError: A text of it has a word that nobody says.
    """
    for entry in task_entries(path):
        yield from map(_reported, entry)


def _reported(task: BenchmarkTask) -> ReportedBenchmark:
    pattern, dataset = task.pattern, task.dataset
    words = task.words | {"name": task.name}
    bare = task.name.removeprefix("iberian_")
    own = (task.name,) if pattern.about else (task.name, f"iberian_{bare}")
    items = dataset.rows if pattern.items is None else pattern.items
    where = f"the subset of [[{dataset.family}.tasks]]"
    subset = pattern.subset and built(Subset, where, fill(pattern.subset, words))
    return ReportedBenchmark(
        id=fill(pattern.id, words) or bare,
        name=fill(pattern.title, words),
        lang="mt" if task.direction else dataset.lang,
        kind=pattern.kind,
        tasks=tuple(fill(pattern.results, words)) or own,
        items=items or None,
        parts=_parts(dataset.rows_of, dataset.lang) if pattern.parts else {},
        part_tasks=tuple(fill(pattern.parts, words)),
        subset=subset or None,
        family=dataset.family,
    )


def _parts(rows: Mapping[str, int], lang: str) -> dict[str, int]:
    """Return how many items each part has; its names say the language before it."""
    return {name.removeprefix(f"{lang}_"): count for name, count in rows.items()}
