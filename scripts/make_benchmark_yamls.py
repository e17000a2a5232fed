"""Write the task YAMLs of the benchmarks: ``make_benchmark_yamls.py [FOLDER]``.

Some hundred files that differ in a language or two, made of what
``data/BENCHMARKS.toml`` says; a test says when one is stale. What the tasks of a family
have in common stands in its template, which is written by hand.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import Template
from typing import Any, TypeVar

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.languages import load_profile
from lm_eval_iberian.tasks.benchmark_catalogue import Benchmark, benchmarks
from lm_eval_iberian.toml import read_toml


ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "data" / "BENCHMARKS.toml"
Config = dict[str, Any]
Words = dict[str, str]
Languages = Mapping[str, Words]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Group:
    """A group of tasks; its means are plain ones over them."""

    name: str
    about: str
    means: Sequence[str] = ()

    def over(self, members: Sequence[Any]) -> Config:
        """Return the group with its members."""
        metrics = [
            {"metric": metric, "aggregation": "mean", "weight_by_size": False}
            for metric in self.means
        ]
        config: Config = {"group": self.name, "task": members}
        if metrics:
            config["aggregate_metric_list"] = metrics
        return config | {"metadata": metadata(self.about)}


@dataclass(frozen=True, kw_only=True)
class Suite(Group):
    """A group of several families, or one for each language: one of ``[[suites]]``."""

    tasks: Sequence[str] | Mapping[str, Sequence[str]]
    shots: int | None = None
    twins: bool = False

    def groups(self, twins: Sequence[str], languages: Languages) -> Iterator[Config]:
        """Yield its groups; ``twins`` are all there are."""
        each = self.tasks if isinstance(self.tasks, Mapping) else {"": self.tasks}
        for lang, listed in each.items():
            words = of_language(lang, languages) if lang else {}
            members: list[Any] = [*(twins if self.twins else ()), *listed]
            if self.shots is not None:
                members = [{"task": m, "num_fewshot": self.shots} for m in members]
            name, about = fill(self.name, words), fill(self.about, words)
            yield Group(name=name, about=about, means=self.means).over(members)


@dataclass(frozen=True, kw_only=True)
class Pattern:
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

    def task_and_twin(self, dataset: Benchmark, words: Words) -> Iterator[Config]:
        """Yield a task, where it is ours, and its twin on shipped data."""
        include, name = fill(self.template, words), fill(self.name, words)
        asked = {"dataset": dataset.family, "lang": dataset.lang}
        if self.about:
            yield {
                "include": include,
                "task": name,
                **fill(self.config, words),
                "dataset_kwargs": {**asked, "which": "hub"},
                "metadata": metadata(fill(self.about, words), self.version),
            }
            include = f"{name}.yaml"
        yield {
            "include": include,
            "task": twin(name),
            "dataset_kwargs": {**asked, "which": "mini"},
            "metadata": metadata(fill(self.mini, words), self.version),
            **fill(self.mini_config, words),
        }


def yamls(catalogue: Path = CATALOGUE) -> dict[str, str]:
    """Return what every generated file holds, by its place in ``task_configs``.

    Raises:
        DataError: An entry of the catalogue lacks a key or has one too many, or a $
            stands before no word.
        UnknownNameError: A text of it has a word that nobody says.
    """
    said, datasets = read_toml(catalogue), benchmarks(catalogue)
    made: list[tuple[str, Config]] = []
    for family in dict.fromkeys(dataset.family for dataset in datasets):
        own = [dataset for dataset in datasets if dataset.family == family]
        for entry in said[family].get("tasks", ()):
            made += ((family, c) for c in of_family(entry, own, said["languages"]))
    twins = [c["task"] for _, c in made if "group" not in c and is_twin(c)]
    for entry in said["suites"]:
        suite = built(Suite, "one of [[suites]]", entry)
        made += (("suites", c) for c in suite.groups(twins, said["languages"]))
    return {f"{at}/{c.get('group', c['task'])}.yaml": text(c) for at, c in made}


def of_family(
    entry: Config, datasets: Sequence[Benchmark], languages: Languages
) -> Iterator[Config]:
    """Yield the tasks of one entry, their twins and the groups of both."""
    where = f"[[{datasets[0].family}.tasks]]"
    common = {key: value for key, value in entry.items() if key not in languages}
    found: list[Config] = []
    for dataset in datasets:
        own = common | entry.get(dataset.lang, {})
        pattern = built(Pattern, f"one of {where}", own)
        for direction in pattern.directions:
            words = words_of(dataset, direction, languages) | pattern.words
            found += pattern.task_and_twin(dataset, words)
    yield from found
    if "group" in entry:
        group = built(Group, f"the group of {where}", entry["group"])
        ours = [config["task"] for config in found if not is_twin(config)]
        if ours:
            yield group.over(ours)
        small = replace(group, name=twin(group.name), about=f"{group.about}, shipped")
        yield small.over([config["task"] for config in found if is_twin(config)])


def built(kind: type[T], where: str, entry: Config) -> T:
    """Return what a table of the catalogue says."""
    try:
        return kind(**entry)
    except TypeError as error:
        raise DataError(
            f"data/BENCHMARKS.toml, {where} lacks a key or has one too many: {error}"
        ) from error


def words_of(dataset: Benchmark, direction: str, languages: Languages) -> Words:
    """Return what the texts of an entry may say of a dataset."""
    words = {key: getattr(dataset, key) for key in ("family", "task", "test")}
    words["fewshot"] = dataset.fewshot
    words |= {f"column{i}": name for i, name in enumerate(dataset.columns, 1)}
    if not direction:
        return words | of_language(dataset.lang, languages)
    for side, lang in zip(("source", "target"), direction.split("-"), strict=True):
        if lang not in dataset.languages:
            known = dataset.languages
            raise UnknownNameError(f"language of {dataset.family}", lang, known)
        words |= {side: lang, f"{side}_code": dataset.languages[lang]}
        words[f"{side}_language"] = load_profile(lang).name
    return words


def of_language(lang: str, languages: Languages) -> Words:
    """Return a language's code, its name and its words."""
    if lang not in languages:
        raise UnknownNameError("language of data/BENCHMARKS.toml", lang, languages)
    return {"lang": lang, "language": load_profile(lang).name, **languages[lang]}


def fill(value: Any, words: Words) -> Any:
    """Return a text of the catalogue, or what holds some, with its words."""
    if isinstance(value, dict):
        return {key: fill(item, words) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, words) for item in value]
    try:
        return Template(value).substitute(words) if isinstance(value, str) else value
    except KeyError as error:
        kind = "word of data/BENCHMARKS.toml"
        raise UnknownNameError(kind, error.args[0], words) from error
    except ValueError as error:
        raise DataError(f"data/BENCHMARKS.toml, {value!r}: {error}") from error


def metadata(about: str, version: float = 1.0) -> Config:
    """Return what lm-eval shows of a task or a group."""
    return {"version": version, "description": about}


def twin(name: str) -> str:
    """Return what the twin of a task is called: ours, also where the task is not."""
    return f"iberian_{name.removeprefix('iberian_')}_mini"


def is_twin(config: Config) -> bool:
    """Whether a task reads shipped data."""
    return bool(config["dataset_kwargs"]["which"] == "mini")


def text(config: Config) -> str:
    """Return a configuration as YAML, its keys in their order."""
    return "\n".join(_lines(config, 0)) + "\n"


def _lines(config: Config, depth: int) -> Iterator[str]:
    pad = "  " * depth
    for key, value in config.items():
        if isinstance(value, dict):
            yield f"{pad}{key}:"
            yield from _lines(value, depth + 1)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield f"{pad}{key}:"
            for item in value:
                first, *rest = _lines(item, depth + 2)
                yield f"{pad}  - {first.strip()}"
                yield from rest
        elif isinstance(value, list) and key == "task":
            yield f"{pad}{key}:"
            yield from (f"{pad}  - {item}" for item in value)
        else:
            yield f"{pad}{key}: {_scalar(key, value)}"


def _scalar(key: str, value: Any) -> str:
    if isinstance(value, str):
        bare = key in ("task", "group", "include", "metric", "description")
        plain = value.replace("_", "").isalnum() or value.startswith("!function ")
        if (bare or plain) and ": " not in value:
            return value
    return json.dumps(value, ensure_ascii=False)


def main(arguments: Sequence[str]) -> None:
    """Write the files."""
    folder = Path(arguments[0]) if arguments else ROOT / "task_configs"
    made = yamls()
    for place, content in made.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    print(f"{len(made)} files in {folder}")


if __name__ == "__main__":
    main(sys.argv[1:])
