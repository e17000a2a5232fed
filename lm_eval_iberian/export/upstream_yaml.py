"""The YAMLs of a family as lm-eval's own: made of ours, with upstream's names.

What only this project has in them goes: the class, the loader, descriptions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from lm_eval_iberian.download import source
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.export.task_family import TaskFamily
from lm_eval_iberian.paths import task_configs
from lm_eval_iberian.tasks.benchmark_catalogue import benchmark
from lm_eval_iberian.tasks.task_yaml import yaml_text


Config = dict[str, Any]
# keys of ours that mean nothing without this project
_OURS = ("class", "custom_dataset", "dataset_kwargs", "include", "metadata", "task")


class _TaggedLoader(yaml.SafeLoader):
    """Keeps ``!function`` as text."""


_TaggedLoader.add_constructor("!function", lambda _, node: f"!function {node.value}")


def upstream_yamls(family: TaskFamily) -> dict[str, str]:
    """Return what each YAML of a family holds, by the name of its file."""
    made: dict[str, str] = {}
    if family.template:
        template = _template(family)
        made[_template_name(family)] = yaml_text(template)
    for name, ours in family.tasks.items():
        made[f"{name}.yaml"] = yaml_text(_task(family, name, ours))
    for name, config in _groups(family):
        made[f"{name}.yaml"] = yaml_text(config)
    return made


def descriptions(family: TaskFamily) -> tuple[dict[str, str], dict[str, str]]:
    """Return what the groups and what the tasks are, by upstream's names."""
    groups = {name: _about(family, name, ours) for name, ours in family.groups.items()}
    if family.parts:
        groups[family.parts["name"]] = family.parts["about"]
    tasks = {name: _about(family, name, ours) for name, ours in family.tasks.items()}
    return groups, tasks


def function_names(family: TaskFamily) -> tuple[str, ...]:
    """Return the functions of ``utils.py`` that the YAMLs name.

    Raises:
        DataError: They name one of another module.
    """
    found: dict[str, None] = {}
    for text in upstream_yamls(family).values():
        for line in text.split("\n"):
            _, tag, name = line.partition("!function ")
            if tag and not name.startswith("utils."):
                raise DataError(f"{family.folder}: {name} is not in utils.py")
            if tag:
                found[name.removeprefix("utils.")] = None
    return tuple(found)


def _template_name(family: TaskFamily) -> str:
    return f"_{family.folder}_template_yaml"


def _template(family: TaskFamily) -> Config:
    given = _read(task_configs() / family.template)
    config = {key: value for key, value in given.items() if key not in _OURS}
    config["metric_list"] = [
        _metric(family, metric)
        for metric in config["metric_list"]
        if not family.keeps or metric["metric"] in family.keeps
    ]
    return config


def _metric(family: TaskFamily, metric: Config) -> Config:
    standard = family.standard.get(metric["metric"], metric["aggregation"])
    return metric | {"aggregation": standard}


def _task(family: TaskFamily, name: str, ours: str) -> Config:
    given = _read(task_configs() / family.name / f"{ours}.yaml")
    own = {key: value for key, value in given.items() if key not in _OURS}
    asked = given["dataset_kwargs"]
    rows = _lines(family, asked["lang"]) if family.rows else _hub(asked)
    return {
        "include": _template_name(family),
        "task": name,
        **rows,
        **own,
        "metadata": {"version": family.version},
    }


def _hub(asked: Mapping[str, str]) -> Config:
    """Return where a dataset is on the hub."""
    wanted = benchmark(asked["dataset"], asked["lang"])
    config: Config = {"dataset_path": wanted.path}
    if wanted.names != (None,):
        (config["dataset_name"],) = wanted.names
    if wanted.revision != "main":
        config["dataset_kwargs"] = {"revision": wanted.revision}
    return config


def _lines(family: TaskFamily, lang: str) -> Config:
    """Return where a file is whose rows the builder of ``datasets`` cannot read."""
    url = source(family.rows).locate(lang)
    return {
        "dataset_path": "text",
        "dataset_kwargs": {"data_files": {"test": url}},
        "process_docs": f"!function utils.process_docs_{lang}",
    }


def _groups(family: TaskFamily) -> Iterator[tuple[str, Config]]:
    theirs = {ours: name for name, ours in family.tasks.items()}
    for name, ours in family.groups.items():
        given = _read(task_configs() / family.name / f"{ours}.yaml")
        members = [theirs[task] for task in given["task"] if task in theirs]
        means = [
            metric
            for metric in given.get("aggregate_metric_list", ())
            if not family.keeps or metric["metric"] in family.keeps
        ]
        yield name, _group(family, name, members, means)
    if family.parts:
        said = family.parts
        names = benchmark(family.name, said["dataset"]).names
        members = [said["task"].format(part=part) for part in names]
        means = [
            {"metric": metric, "aggregation": "mean", "weight_by_size": True}
            for metric in said["means"]
        ]
        yield said["name"], _group(family, said["name"], members, means)


def _group(
    family: TaskFamily, name: str, members: list[str], means: list[Config]
) -> Config:
    config: Config = {"group": name, "task": members}
    if means:
        config["aggregate_metric_list"] = means
    return config | {"metadata": {"version": family.version}}


def _about(family: TaskFamily, name: str, ours: str) -> str:
    given = _read(task_configs() / family.name / f"{ours}.yaml")
    return family.about.get(name) or str(given["metadata"]["description"])


def _read(path: Path) -> Config:
    config: Config = yaml.load(path.read_text("utf-8"), _TaggedLoader)  # noqa: S506 (is safe)
    return config
