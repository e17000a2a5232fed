"""The tasks and suites that ``data/BENCHMARKS.toml`` makes of its datasets.

``scripts/make_benchmark_yamls.py`` writes their YAMLs; the report reads which results
belong to which benchmark, and which tasks an average is of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any, TypeVar

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.paths import data
from lm_eval_iberian.tasks.benchmark_catalogue import Benchmark, benchmarks
from lm_eval_iberian.toml import read_toml


Config = dict[str, Any]
Words = dict[str, str]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class TaskPattern:
    """What the tasks of a family are made of: one of ``[[family.tasks]]``."""

    mini: str
    about: str = ""
    name: str = "$task"
    template: str = "_${family}_template_yaml"
    version: float = 1.0
    directions: Sequence[str] = ("",)
    words: Words = field(default_factory=dict)
    config: Config = field(default_factory=dict)
    mini_config: Config = field(default_factory=dict)
    group: Config | None = None
    # what the report reads
    title: str = "$family"
    id: str = ""
    kind: str = "choice"
    results: Sequence[str] = ()
    items: int | None = None
    parts: Sequence[str] = ()
    subset: Config | None = None


@dataclass(frozen=True)
class BenchmarkTask:
    """One task of a dataset.

    Attributes:
        name: The name lm-eval knows it by, ours or upstream's.
        dataset: What it reads.
        pattern: What it is made of.
        words: What its texts may say, but for the words of its language.
        direction: Of a parallel dataset: ``source-target``.
    """

    name: str
    dataset: Benchmark
    pattern: TaskPattern
    words: Words
    direction: str = ""


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A group of tasks of several families, or one for each language."""

    name: str
    about: str
    tasks: Sequence[str] | Mapping[str, Sequence[str]]
    means: Sequence[str] = ()
    shots: int | None = None
    twins: bool = False

    def by_language(self) -> Mapping[str, Sequence[str]]:
        """Return the tasks of each language; of a suite of all, those of ``""``."""
        return self.tasks if isinstance(self.tasks, Mapping) else {"": self.tasks}


def task_entries(path: Path | None = None) -> Iterator[list[BenchmarkTask]]:
    """Yield the tasks of each ``[[family.tasks]]``, family by family.

    Args:
        path: Another catalogue than the shipped one.

    Raises:
        DataError: An entry lacks a key or has one too many.
        UnknownNameError: A direction is of a language the dataset has not.
    """
    said, datasets = _said(path), benchmarks(path)
    for family in dict.fromkeys(dataset.family for dataset in datasets):
        own = [dataset for dataset in datasets if dataset.family == family]
        for entry in said[family].get("tasks", ()):
            yield list(_tasks(entry, own, said["languages"]))


def _tasks(
    entry: Config, datasets: Sequence[Benchmark], languages: Mapping[str, Words]
) -> Iterator[BenchmarkTask]:
    common = {key: value for key, value in entry.items() if key not in languages}
    for dataset in datasets:
        own = common | entry.get(dataset.lang, {})
        pattern = built(TaskPattern, f"one of [[{dataset.family}.tasks]]", own)
        for direction in pattern.directions:
            words = _words(dataset, direction) | pattern.words
            name = fill(pattern.name, words)
            yield BenchmarkTask(name, dataset, pattern, words, direction)


def language_order(path: Path | None = None) -> tuple[str, ...]:
    """Return the catalogue's languages, in the order of every group."""
    return tuple(_said(path)["languages"])


def suites(path: Path | None = None) -> list[Suite]:
    """Return every one of ``[[suites]]``.

    Raises:
        DataError: One lacks a key or has one too many.
    """
    return [built(Suite, "one of [[suites]]", entry) for entry in _said(path)["suites"]]


def built(kind: type[T], where: str, entry: Config) -> T:
    """Return what a table of the catalogue says.

    Raises:
        DataError: It lacks a key or has one too many.
    """
    try:
        return kind(**entry)
    except TypeError as error:
        raise DataError(
            f"data/BENCHMARKS.toml, {where} lacks a key or has one too many: {error}"
        ) from error


def fill(value: Any, words: Words) -> Any:
    """Return a text of the catalogue, or what holds some, with its words.

    Raises:
        UnknownNameError: It has a word that nobody says.
        DataError: A $ stands before no word.
    """
    if isinstance(value, dict):
        return {key: fill(item, words) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [fill(item, words) for item in value]
    try:
        return Template(value).substitute(words) if isinstance(value, str) else value
    except KeyError as error:
        kind = "word of data/BENCHMARKS.toml"
        raise UnknownNameError(kind, error.args[0], words) from error
    except ValueError as error:
        raise DataError(f"data/BENCHMARKS.toml, {value!r}: {error}") from error


def _words(dataset: Benchmark, direction: str) -> Words:
    words = {key: getattr(dataset, key) for key in ("family", "task", "test")}
    words["fewshot"] = dataset.fewshot
    words |= {f"column{i}": name for i, name in enumerate(dataset.columns, 1)}
    if not direction:
        return words | {"lang": dataset.lang}
    words["direction"] = direction
    for side, lang in zip(("source", "target"), direction.split("-"), strict=True):
        if lang not in dataset.languages:
            known = dataset.languages
            raise UnknownNameError(f"language of {dataset.family}", lang, known)
        words |= {side: lang, f"{side}_code": dataset.languages[lang]}
    return words


def _said(path: Path | None) -> dict[str, Any]:
    return read_toml(path or data() / "BENCHMARKS.toml")
