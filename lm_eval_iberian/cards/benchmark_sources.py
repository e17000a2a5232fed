"""Where the dataset of a benchmark is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from lm_eval_iberian.report.reported_benchmark import ReportedBenchmark
from lm_eval_iberian.report.results_file import ResultsFile
from lm_eval_iberian.tasks.benchmark_catalogue import Benchmark, benchmarks


_HUB_ID = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}", re.ASCII)


@dataclass(frozen=True)
class BenchmarkSource:
    """A dataset on the hub, or one that is not there.

    Args:
        name: What it is called.
        repo: Its id on the hub, empty where it is not there.
        config: The name of its configuration.
        split: The split that is scored.
        revision: The commit, where one is pinned.
    """

    name: str
    repo: str = ""
    config: str = ""
    split: str = ""
    revision: str = ""


def source_of(
    benchmark: ReportedBenchmark, file: ResultsFile | None = None, task: str = ""
) -> BenchmarkSource:
    """Return where a benchmark's dataset is.

    Args:
        benchmark: Which one.
        file: Results of it; what they say that they were had on comes first.
        task: The task in that file.
    """
    known = _catalogue().get((benchmark.family, benchmark.lang))
    if benchmark.id.endswith("_mini"):
        return BenchmarkSource(benchmark.id)
    config: Mapping[str, object] = file.config_of(task) if file else {}
    said = str(config.get("dataset_path") or "")
    if known is not None and (not _HUB_ID.fullmatch(said) or said == known.path):
        name = known.names[0] if len(known.names) == 1 else None
        revision = "" if known.revision == "main" else known.revision
        return BenchmarkSource(
            benchmark.id, known.path, name or "", known.test, revision
        )
    if _HUB_ID.fullmatch(said):
        named, split = config.get("dataset_name"), config.get("test_split")
        return BenchmarkSource(benchmark.id, said, _text(named), _text(split))
    return BenchmarkSource(benchmark.id)


@cache
def _catalogue() -> dict[tuple[str, str], Benchmark]:
    found = {(one.family, one.lang): one for one in benchmarks()}
    # a parallel dataset is one for all its directions
    parallel = {(one.family, "mt"): one for one in found.values() if one.languages}
    return found | parallel


def _text(value: object) -> str:
    return value if isinstance(value, str) and _HUB_ID.sub("", value) == value else ""
