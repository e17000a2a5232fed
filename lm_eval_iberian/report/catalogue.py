"""The paper's benchmarks and averages, as ``averages.toml`` lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.toml import read_toml


AVERAGES = Path(__file__).parent / "averages.toml"


@dataclass(frozen=True)
class Metric:
    """A metric of lm-eval's; ``scale`` brings it to per cent or points."""

    label: str
    scale: float
    least: float
    most: float = float("inf")
    lower_is_better: bool = False


@dataclass(frozen=True)
class Kind:
    """How benchmarks of a kind are run; the first metric is the one that counts.

    Args:
        metrics: Names of lm-eval's.
        shots: How many the paper gives.
        chat_template: Which results are taken where there are both.
        shots_fixed: Whether the task leaves no choice of shots.
        generates: Whether how answers are sampled matters.
        runs: Whether several results are runs to average.
    """

    metrics: tuple[str, ...]
    shots: int
    chat_template: bool
    shots_fixed: bool = False
    generates: bool = False
    runs: bool = False


@dataclass(frozen=True)
class Subset:
    """The items of a task whose document has ``value`` in ``field``."""

    tasks: tuple[str, ...]
    field: str
    value: str


@dataclass(frozen=True)
class Benchmark:
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

    def mini(self) -> Benchmark:
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


@dataclass(frozen=True)
class Block:
    """A table: each column the mean, by one metric, of some benchmarks."""

    title: str
    metric: str
    columns: Mapping[str, tuple[str, ...]]
    optional: bool = False


@dataclass(frozen=True)
class Catalogue:
    """All of it, checked: every name that is used is there."""

    metrics: Mapping[str, Metric]
    kinds: Mapping[str, Kind]
    benchmarks: Mapping[str, Benchmark]
    blocks: Mapping[str, Block]
    renamed: Mapping[str, str]
    told_apart_by: tuple[str, ...]

    def __post_init__(self) -> None:
        known = {task for b in self.benchmarks.values() for task in b.every_task()}
        count = sum(len(b.every_task()) for b in self.benchmarks.values())
        if len(known) != count:
            raise DataError("averages.toml: a task belongs to two benchmarks")
        for name, benchmark in self.benchmarks.items():
            if benchmark.kind not in self.kinds:
                raise DataError(f"averages.toml: {name} has no kind {benchmark.kind!r}")
        for kind in self.kinds.values():
            if not kind.metrics or set(kind.metrics) - set(self.metrics):
                raise DataError(f"averages.toml: metrics {kind.metrics} are not listed")
        for name, block in self.blocks.items():
            for benchmark_id in {i for ids in block.columns.values() for i in ids}:
                if benchmark_id not in self.benchmarks:
                    raise DataError(f"averages.toml: {name} has no {benchmark_id!r}")

    def kind_of(self, benchmark: Benchmark) -> Kind:
        """Return how a benchmark is run."""
        return self.kinds[benchmark.kind]

    def by_task(self) -> dict[str, Benchmark]:
        """Return the benchmark of each task name, of the mini sets' too."""
        every = (*self.benchmarks.values(), *self.minis().values())
        return {task: one for one in every for task in one.every_task()}

    def minis(self) -> dict[str, Benchmark]:
        """Return the mini set of each benchmark, by its own id; no average has them."""
        every = [one.mini() for one in self.benchmarks.values()]
        return {one.id: one for one in every}


@cache
def load_catalogue(path: Path = AVERAGES) -> Catalogue:
    """Return the catalogue in a file.

    Raises:
        DataError: The file is not TOML, or a name in it leads nowhere.
    """
    raw = read_toml(path)
    try:
        return Catalogue(
            metrics={name: Metric(**row) for name, row in raw["metric"].items()},
            kinds={name: _kind(row) for name, row in raw["kind"].items()},
            benchmarks={n: _benchmark(n, row) for n, row in raw["benchmark"].items()},
            blocks={n: _block(row, raw["block"]) for n, row in raw["block"].items()},
            renamed=raw["models"]["renamed"],
            told_apart_by=tuple(raw["models"]["told_apart_by"]),
        )
    except (KeyError, TypeError) as error:
        raise DataError(f"{path}: a key is missing or not known: {error}") from error


def _kind(row: dict[str, Any]) -> Kind:
    return Kind(**row | {"metrics": tuple(row["metrics"])})


def _benchmark(name: str, row: dict[str, Any]) -> Benchmark:
    subset = row.get("subset")
    return Benchmark(
        id=name,
        name=row["name"],
        lang=row["lang"],
        kind=row["kind"],
        tasks=tuple(row["tasks"]),
        items=row.get("items"),
        parts=row.get("parts", {}),
        part_tasks=tuple(row.get("part_tasks", ())),
        subset=Subset(**subset | {"tasks": tuple(subset["tasks"])}) if subset else None,
        one_task=row.get("one_task", False),
    )


def _block(row: dict[str, Any], blocks: dict[str, Any]) -> Block:
    """Return a block; with ``columns_of`` another one's columns, renamed."""
    columns = blocks[row["columns_of"]] if "columns_of" in row else row
    suffix = row.get("suffix", "")
    return Block(
        title=row["title"],
        metric=row["metric"],
        columns={f"{n}{suffix}": tuple(ids) for n, ids in columns["columns"].items()},
        optional=row.get("optional", False),
    )
