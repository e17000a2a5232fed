"""What the tests of the benchmarks share: a hub that holds the rows of the cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lm_eval_iberian.jsonl import read_jsonl
from lm_eval_iberian.tasks import benchmarks, flores_archive
from lm_eval_iberian.tasks.benchmark_catalogue import Benchmark, benchmark


CASES = Path(__file__).parents[1] / "cases" / "benchmarks"


@pytest.fixture(scope="session")
def hub_rows() -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Rows in the schema of each real dataset; the texts are this project's own."""
    cases = [row for _, row in read_jsonl(CASES / "rows.jsonl")]
    return {(case["dataset"], case["lang"]): case["rows"] for case in cases}


@pytest.fixture
def fake_hub(
    hub_rows: dict[tuple[str, str], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    own_cache: Path,
) -> Iterator[list[tuple[str, str | None, str]]]:
    """Let ``load_dataset`` answer from the cases; the list says what was asked."""
    import datasets

    wanted = [benchmark(family, lang) for family, lang in hub_rows]
    asked: list[tuple[str, str | None, str]] = []

    def load(path: str, name: str | None = None, revision: str = "main") -> Any:
        asked.append((path, name, revision))
        (found,) = [b for b in wanted if b.path == path and name in b.names]
        rows = hub_rows[found.family, found.lang]
        return datasets.DatasetDict(
            {split: datasets.Dataset.from_list(rows) for split in found.splits}
        )

    monkeypatch.setattr(datasets, "load_dataset", load)
    benchmarks._load.cache_clear()
    yield asked
    benchmarks._load.cache_clear()


@pytest.fixture
def refusing_hub(monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> Iterator[Any]:
    """Let ``load_dataset`` raise what the test gives; nothing is in the cache."""
    import datasets

    def refuse(error: BaseException) -> None:
        def load(*args: object, **kwargs: object) -> None:
            raise error

        monkeypatch.setattr(datasets, "load_dataset", load)

    benchmarks._load.cache_clear()
    yield refuse
    benchmarks._load.cache_clear()


@pytest.fixture
def small_flores(
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[Benchmark, Callable[..., Any]]:
    """Flores with two sentences a split; what writes an archive's good members."""
    wanted = benchmark("flores", "all")
    monkeypatch.setattr(flores_archive, "SENTENCES", {"dev": 2, "devtest": 2})

    def members() -> dict[str, bytes]:
        folder = "./flores200_dataset"
        return {
            f"{folder}/{split}/{code}.{split}": f"{code} one\n two \n".encode()
            for code in (*wanted.languages.values(), "fra_Latn")
            for split in wanted.splits
        }

    return wanted, members
