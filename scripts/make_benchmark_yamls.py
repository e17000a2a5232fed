"""Write the task YAMLs of the benchmarks: ``make_benchmark_yamls.py [FOLDER]``.

Some hundred files that differ in a language or two, made of what
``data/BENCHMARKS.toml`` says, and of IFEval ``data/SOURCES.toml`` and the mini sets
that are there; a test says when one is stale. What the tasks of a family have in common
stands in its template, which is written by hand.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import UnknownNameError
from lm_eval_iberian.ifeval.data import languages as ifeval_languages
from lm_eval_iberian.ifeval.data import paper_source
from lm_eval_iberian.languages import load_profile
from lm_eval_iberian.tasks.benchmark_tasks import (
    BenchmarkTask,
    Config,
    Suite,
    Words,
    built,
    fill,
    language_order,
    suites,
    task_entries,
)
from lm_eval_iberian.tasks.task_yaml import yaml_text
from lm_eval_iberian.toml import read_toml


ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "data" / "BENCHMARKS.toml"
IFEVAL_TEMPLATE = ROOT / "task_configs" / "ifeval" / "_ifeval_template_yaml"
IFEVAL_VERSION = 2.2
# tasks of upstream's names, beside its own ifeval_es and ifeval_ca
AS_UPSTREAM = ("eu", "gl")
Languages = Mapping[str, Words]


@dataclass(frozen=True, kw_only=True)
class Group:
    """A group of tasks; its means are plain ones over them."""

    name: str
    about: str
    means: Sequence[str] = ()
    version: float = 1.0

    def over(self, members: Sequence[Any]) -> Config:
        """Return the group with its members."""
        metrics = [
            {"metric": metric, "aggregation": "mean", "weight_by_size": False}
            for metric in self.means
        ]
        config: Config = {"group": self.name, "task": members}
        if metrics:
            config["aggregate_metric_list"] = metrics
        return config | {"metadata": metadata(self.about, self.version)}


def yamls(catalogue: Path = CATALOGUE) -> dict[str, str]:
    """Return what every generated file holds, by its place in ``task_configs``.

    Raises:
        DataError: An entry of the catalogue lacks a key or has one too many, or a $
            stands before no word.
        UnknownNameError: A text of it has a word that nobody says.
    """
    languages: Languages = read_toml(catalogue)["languages"]
    made: list[tuple[str, Config]] = []
    for entry in task_entries(catalogue):
        made += ((entry[0].dataset.family, c) for c in of_entry(entry, languages))
    instructed = list(of_ifeval())
    made += (("ifeval", config) for config in instructed)
    aliases = {f"ifeval_{lang}_mini" for lang in AS_UPSTREAM}
    every = [c for _, c in made if "group" not in c and is_twin(c)]
    twins = [c["task"] for c in every if c["task"] not in aliases]
    for suite in suites(catalogue):
        made += (("suites", c) for c in of_suite(suite, twins, languages))
    return {f"{at}/{c.get('group', c['task'])}.yaml": yaml_text(c) for at, c in made}


def of_entry(tasks: Sequence[BenchmarkTask], languages: Languages) -> Iterator[Config]:
    """Yield the tasks of one entry, their twins and the groups of both."""
    found = [config for task in tasks for config in task_and_twin(task, languages)]
    yield from found
    if tasks[0].pattern.group is not None:
        where = f"the group of [[{tasks[0].dataset.family}.tasks]]"
        group = built(Group, where, tasks[0].pattern.group)
        ours = [config["task"] for config in found if not is_twin(config)]
        if ours:
            yield group.over(ours)
        small = replace(group, name=twin(group.name), about=f"{group.about}, shipped")
        yield small.over([config["task"] for config in found if is_twin(config)])


def task_and_twin(task: BenchmarkTask, languages: Languages) -> Iterator[Config]:
    """Yield a task, where it is ours, and its twin on shipped data."""
    pattern, dataset = task.pattern, task.dataset
    words = of_languages(task, languages) | task.words
    include = fill(pattern.template, words)
    asked = {"dataset": dataset.family, "lang": dataset.lang}
    if pattern.about:
        yield {
            "include": include,
            "task": task.name,
            **fill(pattern.config, words),
            "dataset_kwargs": {**asked, "which": "hub"},
            "metadata": metadata(fill(pattern.about, words), pattern.version),
        }
        include = f"{task.name}.yaml"
    yield {
        "include": include,
        "task": twin(task.name),
        "dataset_kwargs": {**asked, "which": "mini"},
        "metadata": metadata(fill(pattern.mini, words), pattern.version),
        **fill(pattern.mini_config, words),
    }


def of_ifeval() -> Iterator[Config]:
    """Yield the tasks of IFEval, of published prompts and of mini sets, and groups.

    The groups are of the benchmarks' languages: a mean over more would be no mean that
    anybody has published.
    """
    for lang in ifeval_languages("paper"):
        about = f"IFEval, the prompts of {paper_source(lang).prompts_of}, repaired"
        yield from of_ifeval_language(lang, "paper", about)
    for lang in in_order(ifeval_languages("mini")):
        yield from of_ifeval_language(
            lang, "mini", "prompts with all 25 IFEval instruction types, shipped"
        )
    order = language_order()
    *first, last = (load_profile(lang).name for lang in order)
    about = f"IFEval in {', '.join(first)} and {last}"
    metrics = re.findall(r"^  - metric: (\w+)$", IFEVAL_TEMPLATE.read_text(), re.M)
    for end, more in (("", ""), ("_mini", ", 50 prompts each, shipped")):
        yield Group(
            name=f"iberian_ifeval{end}",
            about=f"{about}{more}",
            means=metrics,
            version=IFEVAL_VERSION,
        ).over([f"iberian_ifeval_{lang}{end}" for lang in order])


def of_ifeval_language(lang: str, which: str, about: str) -> Iterator[Config]:
    """Yield the task of a language's prompts, and the same by upstream's name."""
    name, small = load_profile(lang).name, which == "mini"
    prefixes = (
        ("iberian_ifeval", "ifeval") if lang in AS_UPSTREAM else ("iberian_ifeval",)
    )
    for prefix in prefixes:
        config: Config = {
            "include": IFEVAL_TEMPLATE.name,
            "task": f"{prefix}_{lang}{'_mini' if small else ''}",
            "dataset_kwargs": {"lang": lang, "which": which},
        }
        if small:
            config["generation_kwargs"] = {
                "until": [],
                "do_sample": False,
                "temperature": 0.0,
                "max_gen_toks": 640,
            }
        text = f"50 {name} {about}" if small else f"{name} {about}"
        yield config | {"metadata": metadata(text, IFEVAL_VERSION)}


def in_order(languages: Sequence[str]) -> list[str]:
    """Return languages in the order of every group, others behind."""
    order = language_order()
    return sorted(languages, key=lambda lang: (*order, lang).index(lang))


def of_suite(
    suite: Suite, twins: Sequence[str], languages: Languages
) -> Iterator[Config]:
    """Yield the groups of a suite; ``twins`` are all there are."""
    for lang, listed in suite.by_language().items():
        words = of_language(lang, languages) if lang else {}
        members: list[Any] = [*(twins if suite.twins else ()), *listed]
        if suite.shots is not None:
            members = [{"task": m, "num_fewshot": suite.shots} for m in members]
        name, about = fill(suite.name, words), fill(suite.about, words)
        yield Group(name=name, about=about, means=suite.means).over(members)


def of_languages(task: BenchmarkTask, languages: Languages) -> Words:
    """Return the words of a task's language, of two the names."""
    if not task.direction:
        return of_language(task.dataset.lang, languages)
    sides = ("source", "target")
    return {f"{s}_language": load_profile(task.words[s]).name for s in sides}


def of_language(lang: str, languages: Languages) -> Words:
    """Return a language's code, its name and its words."""
    if lang not in languages:
        raise UnknownNameError("language of data/BENCHMARKS.toml", lang, languages)
    return {"lang": lang, "language": load_profile(lang).name, **languages[lang]}


def metadata(about: str, version: float = 1.0) -> Config:
    """Return what lm-eval shows of a task or a group."""
    return {"version": version, "description": about}


def twin(name: str) -> str:
    """Return what the twin of a task is called: ours, also where the task is not."""
    return f"iberian_{name.removeprefix('iberian_')}_mini"


def is_twin(config: Config) -> bool:
    """Whether a task reads shipped data."""
    return bool(config["dataset_kwargs"]["which"] == "mini")


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
