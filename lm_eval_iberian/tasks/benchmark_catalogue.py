"""What ``data/BENCHMARKS.toml`` says of a benchmark's dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.paths import data
from lm_eval_iberian.toml import read_toml


# what benchmark_tasks.py and scripts/make_benchmark_yamls.py read
_NO_FAMILIES = ("languages", "suites")
_TASKS = "tasks"


@dataclass(frozen=True)
class Benchmark:
    """One dataset in one language; ``names`` are the configurations it is made of.

    Attributes:
        task: The task that needs it, ours or upstream's.
        test: The split that is scored.
        fewshot: The split that examples are taken from.
        columns: What every row must have.
        only: Nothing but these columns is kept.
        rows: How many are scored, where that is known.
        rows_of: How many rows each of several configurations has.
        mini: The folder in ``data/`` of the shipped twin, and how its rows are read.
        languages: Of a parallel dataset: a language's code -> the dataset's code.
    """

    family: str
    lang: str
    task: str
    what: str
    path: str
    names: tuple[str | None, ...]
    revision: str
    test: str
    fewshot: str
    columns: tuple[str, ...]
    licence: str
    mini: tuple[str, str]
    only: bool = False
    rows: int | None = None
    rows_of: Mapping[str, int] = field(default_factory=dict)
    languages: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.names or not self.columns:
            raise DataError(
                f"data/BENCHMARKS.toml, [{self.family}.{self.lang}]: a dataset needs a"
                " configuration and columns"
            )

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that are needed, each once."""
        return tuple(dict.fromkeys((self.test, self.fewshot)))

    def mini_file(self, lang: str | None = None) -> Path:
        """Return the shipped twin's file in this language or in another."""
        return data() / self.mini[0] / "mini" / f"{lang or self.lang}.jsonl"


def benchmarks(path: Path | None = None) -> list[Benchmark]:
    """Return every dataset of the catalogue, in its order.

    Args:
        path: Another catalogue than the shipped one.
    """
    return [
        _benchmark(family, lang, entry)
        for family, languages in _families(path).items()
        for lang, entry in languages.items()
    ]


def benchmark(family: str, lang: str) -> Benchmark:
    """Return the dataset of a family in a language.

    Raises:
        UnknownNameError: The catalogue has no such family, or not in this language.
    """
    families = _families()
    if family not in families:
        raise UnknownNameError("benchmark", family, families)
    if lang not in families[family]:
        raise UnknownNameError(f"language of {family}", lang, families[family])
    return _benchmark(family, lang, families[family][lang])


def _families(path: Path | None = None) -> dict[str, dict[str, dict[str, Any]]]:
    """Return family -> language -> its entry, with what the family has in common."""
    return {
        family: _languages(table)
        for family, table in read_toml(path or data() / "BENCHMARKS.toml").items()
        if family not in _NO_FAMILIES
    }


def _languages(table: dict[str, Any]) -> dict[str, dict[str, Any]]:
    entries = {key: own for key, own in table.items() if isinstance(own, dict)}
    known = {*entries, _TASKS}
    shared = {key: own for key, own in table.items() if key not in known}
    return {lang: shared | entry for lang, entry in entries.items()}


def _benchmark(family: str, lang: str, entry: dict[str, Any]) -> Benchmark:
    left = dict(entry)
    rows_of = left.pop("names", {})
    names = tuple(rows_of) or (left.pop("name", None),)
    try:
        folder, _, kind = left.pop("mini").partition("/")
        left["columns"] = tuple(left["columns"])
        return Benchmark(
            family, lang, names=names, rows_of=rows_of, mini=(folder, kind), **left
        )
    except (KeyError, TypeError) as error:
        raise DataError(
            f"data/BENCHMARKS.toml, [{family}.{lang}] lacks a key or has one too many:"
            f" {error}"
        ) from error
