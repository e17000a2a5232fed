"""The paper's benchmarks and averages.

``data/BENCHMARKS.toml`` says which benchmarks there are and what the suites hold, and
``averages.toml`` which suites are averaged, and how benchmarks of a kind are run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.reported_benchmark import (
    ReportedBenchmark,
    reported_benchmarks,
)
from lm_eval_iberian.tasks.benchmark_tasks import fill, suites
from lm_eval_iberian.toml import read_toml


AVERAGES = Path(__file__).parent / "averages.toml"


@dataclass(frozen=True)
class Metric:
    """A metric of lm-eval's; ``scale`` brings it to per cent or points.

    ``short`` is what it is called behind its benchmark's name, if not ``label``.
    ``form`` says what a sample holds of it: ``right``, ``verdicts``, ``labels``,
    ``texts`` or ``losses``; empty where that is not known.
    """

    label: str
    scale: float
    least: float
    most: float = float("inf")
    lower_is_better: bool = False
    form: str = ""
    short: str = ""

    @property
    def brief(self) -> str:
        """What it is called behind its benchmark's name."""
        return self.short or self.label


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
class Block:
    """A table: each column the mean, by one metric, of some benchmarks."""

    title: str
    metric: str
    columns: Mapping[str, tuple[str, ...]]
    optional: bool = False


@dataclass(frozen=True)
class Catalogue:
    """All of it, checked: every name that is used is there.

    ``clusters`` has the columns that tell, by family, which items belong together.
    """

    metrics: Mapping[str, Metric]
    kinds: Mapping[str, Kind]
    benchmarks: Mapping[str, ReportedBenchmark]
    blocks: Mapping[str, Block]
    renamed: Mapping[str, str]
    told_apart_by: tuple[str, ...]
    clusters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = {task for b in self.benchmarks.values() for task in b.every_task()}
        count = sum(len(b.every_task()) for b in self.benchmarks.values())
        if len(known) != count:
            raise DataError("data/BENCHMARKS.toml: a task belongs to two benchmarks")
        for name, benchmark in self.benchmarks.items():
            if benchmark.kind not in self.kinds:
                raise DataError(f"averages.toml: {name} has no kind {benchmark.kind!r}")
        for kind in self.kinds.values():
            if not kind.metrics or set(kind.metrics) - set(self.metrics):
                raise DataError(f"averages.toml: metrics {kind.metrics} are not listed")

    def kind_of(self, benchmark: ReportedBenchmark) -> Kind:
        """Return how a benchmark is run."""
        return self.kinds[benchmark.kind]

    def by_task(self) -> dict[str, ReportedBenchmark]:
        """Return the benchmark of each task name, of the mini sets' too."""
        every = self.every().values()
        return {task: one for one in every for task in one.every_task()}

    def every(self) -> dict[str, ReportedBenchmark]:
        """Return the benchmarks, then their mini sets, by their ids."""
        return {**self.benchmarks, **self.minis()}

    def columns(self) -> dict[str, Block]:
        """Return the block that each average's column is in."""
        return {name: block for block in self.blocks.values() for name in block.columns}

    def minis(self) -> dict[str, ReportedBenchmark]:
        """Return the mini set of each benchmark, by its own id; no average has them."""
        every = [one.mini() for one in self.benchmarks.values()]
        return {one.id: one for one in every}


@cache
def load_catalogue(
    averages: Path = AVERAGES, benchmarks: Path | None = None
) -> Catalogue:
    """Return the catalogue that two files make.

    Args:
        averages: What is averaged, and how it is run; left out, the paper's.
        benchmarks: The benchmarks and suites; left out, those of ``data/``.

    Raises:
        DataError: A file is not TOML, or a name in it leads nowhere.
    """
    raw = read_toml(averages)
    listed = list(reported_benchmarks(benchmarks))
    tasks_of = {
        fill(suite.name, {"lang": lang}): tasks
        for suite in suites(benchmarks)
        for lang, tasks in suite.by_language().items()
    }
    try:
        listed += (_benchmark(key, row) for key, row in raw["benchmark"].items())
        for one, count in Counter(one.id for one in listed).items():
            if count > 1:
                raise DataError(f"data/BENCHMARKS.toml: two benchmarks are {one}")
        ids = {task: one.id for one in listed for task in one.every_task()}
        blocks = {
            name: _block(name, row, raw["block"], tasks_of, ids)
            for name, row in raw["block"].items()
        }
        return Catalogue(
            metrics={name: Metric(**row) for name, row in raw["metric"].items()},
            kinds={name: _kind(row) for name, row in raw["kind"].items()},
            benchmarks={one.id: one for one in _sorted(listed, blocks, raw["order"])},
            blocks=blocks,
            renamed=raw["models"]["renamed"],
            told_apart_by=tuple(raw["models"]["told_apart_by"]),
            clusters={k: tuple(v) for k, v in raw.get("clusters", {}).items()},
        )
    except (KeyError, TypeError) as error:
        text = f"{averages}: a key is missing or not known: {error}"
        raise DataError(text) from error


def _kind(row: dict[str, Any]) -> Kind:
    return Kind(**row | {"metrics": tuple(row["metrics"])})


def _benchmark(key: str, row: dict[str, Any]) -> ReportedBenchmark:
    return ReportedBenchmark(**row | {"id": key, "tasks": tuple(row["tasks"])})


def _block(
    name: str,
    row: dict[str, Any],
    blocks: dict[str, Any],
    tasks_of: Mapping[str, Sequence[str]],
    ids: Mapping[str, str],
) -> Block:
    """Return a block; with ``columns_of`` another one's columns, renamed."""
    said = blocks[row["columns_of"]] if "columns_of" in row else row
    columns = {}
    for column, suite in said["columns"].items():
        tasks = tasks_of.get(suite, (suite,))
        for task in tasks:
            if task not in ids:
                raise DataError(f"averages.toml: {name} has no {task!r}")
        columns[f"{column}{row.get('suffix', '')}"] = tuple(ids[t] for t in tasks)
    return Block(row["title"], row["metric"], columns, row.get("optional", False))


def _sorted(
    benchmarks: Iterable[ReportedBenchmark],
    blocks: Mapping[str, Block],
    families: Sequence[str],
) -> list[ReportedBenchmark]:
    """Return the benchmarks by family, of each family first what is averaged."""
    columns = [ids for block in blocks.values() for ids in block.columns.values()]
    averaged = {one for ids in columns for one in ids}
    place = {family: at for at, family in enumerate(families)}
    return sorted(
        benchmarks,
        key=lambda one: (place.get(one.family, len(place)), one.id not in averaged),
    )
