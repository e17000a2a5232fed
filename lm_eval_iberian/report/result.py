"""What a model scored on a task, once, and the settings it was had under."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from lm_eval_iberian.report.exchange_reading import EXCHANGE
from lm_eval_iberian.report.measure import Measure, filters_of
from lm_eval_iberian.report.report_catalogue import Kind
from lm_eval_iberian.report.results_file import (
    ResultsFile,
    read_records,
    samples_beside,
)
from lm_eval_iberian.terminal import shown


_TITLES = {
    "task": "task",
    "version": "task version",
    "shots": "shots",
    "chat_template": "chat template",
    "multiturn": "few-shot as turns",
    "system": "system instruction",
    "limit": "limit",
    "generation": "generation",
    "items": "items",
    "prompts": "prompts",
}


@dataclass(frozen=True)
class Setting:
    """The settings of a result; two that are equal are the same experiment.

    Args:
        task: The task's name.
        version: Its version.
        shots: How many examples were given.
        chat_template: What tells a chat template, ``None`` without one.
        multiturn: Whether the examples were turns of a chat.
        system: What tells a system instruction.
        limit: ``10 of 900``, where not every item was scored.
        generation: How answers were sampled, without the seed.
        items: How many items the task has, where that is said.
        prompts: What tells its prompts, where that matters and is said.
    """

    task: str
    version: str | None = None
    shots: int | None = None
    chat_template: str | None = None
    multiturn: bool = False
    system: str | None = None
    limit: str | None = None
    generation: str | None = None
    items: int | None = None
    prompts: str | None = None

    def differences(self, other: Setting) -> str:
        """Return in words that can be shown what differs: ``shots 5, not 0``."""
        found = []
        for name in (one.name for one in fields(self)):
            mine, theirs = getattr(self, name), getattr(other, name)
            if name == "prompts" and None in (mine, theirs):
                continue  # not said is not another
            if mine != theirs:
                found.append(f"{_TITLES[name]} {said(mine)}, not {said(theirs)}")
        return shown("; ".join(found))

    def told(self) -> dict[str, str]:
        """Return every setting that was said, in words, by its title."""
        found = {name: getattr(self, name) for name in _TITLES}
        unsaid = ("version", "shots", "items", "prompts")
        return {
            _TITLES[name]: said(value)
            for name, value in found.items()
            if not (value is None and name in unsaid)
        }


@dataclass(frozen=True)
class Result:
    """What a model scored on a task, once.

    Args:
        model: The model's name.
        setting: Task and settings.
        measures: Values by metric.
        n: How many items were scored, ``None`` where unsaid.
        file: The path of the results file.
        when: When it was made, in seconds.
        run: What tells this run from others; copies share it.
        sha: The commit of the model's weights, where it is said.
        from_samples: Whether it was counted from samples.
        path: Where the results file is: ``file`` is what can be shown of it.
        filters: By which of lm-eval's filters each metric was had.
    """

    model: str
    setting: Setting
    measures: Mapping[str, Measure]
    n: int | None
    file: str
    when: float
    run: str
    sha: str | None = None
    from_samples: bool = False
    path: Path | None = None
    filters: Mapping[str, str] = field(default_factory=dict)

    def samples_path(self) -> Path | None:
        """Return where its samples lie, ``None`` where they do not."""
        if self.path is None:
            return None
        return samples_beside(self.path, self.setting.task)

    def source(self) -> ResultsFile:
        """Return the file that it is from, of JSON Lines the line that has it.

        Raises:
            DataError: It cannot be read again.
        """
        files = list(read_records(self.path or Path(self.file)))
        found = [one for one in files if self.setting.task in one.results] or files
        same = [one for one in found if one.when() == self.when] or found
        return same[0]


def as_result(
    file: ResultsFile,
    model: str,
    task: str,
    kind: Kind,
    measures: Mapping[str, Measure],
    n: int | None,
    from_samples: bool = False,
) -> Result:
    """Return measures with the settings they were had under."""
    sha = file.section("config").get("model_sha")
    dated = {name: file.content.get(name) for name in ("date", "start_time")}
    told = file.section(EXCHANGE).get("run")
    return Result(
        model=model,
        setting=setting_of(file, task, kind),
        measures=measures,
        n=n,
        file=file.name,
        when=file.when(),
        run=told or (str(dated) if all(dated.values()) else file.sha),
        sha=sha if isinstance(sha, str) and sha else None,
        from_samples=from_samples,
        path=file.path,
        filters=filters_of(file, task, measures),
    )


def setting_of(file: ResultsFile, task: str, kind: Kind) -> Setting:
    """Return the settings of a task in a file.

    Args:
        file: The results file.
        task: A task in it.
        kind: How it is run: sampling matters where the model writes, and which prompts
            there were where results may be runs.
    """
    template = _told(file.content, "chat_template")
    return Setting(
        task=task,
        version=_version(file, task),
        shots=file.shots(task),
        chat_template=template,
        multiturn=bool(file.content.get("fewshot_as_multiturn")) and bool(template),
        system=_told(file.content, "system_instruction"),
        limit=_limit(file, task),
        generation=_generation(file, task) if kind.generates else None,
        items=file.samples(task)[0],
        prompts=_prompts(file, task) if kind.runs else None,
    )


def _told(content: Mapping[str, Any], name: str) -> str | None:
    """Return what tells a long text from others: the hash that lm-eval wrote."""
    found = content.get(f"{name}_sha") or content.get(name)
    return str(found)[:12] if found else None


def _version(file: ResultsFile, task: str) -> str | None:
    metadata = file.config_of(task).get("metadata")
    fallback = metadata.get("version") if isinstance(metadata, Mapping) else None
    found = file.section("versions").get(task, fallback)
    if isinstance(found, int | float):
        return str(float(found))
    return None if found is None else str(found)


def _limit(file: ResultsFile, task: str) -> str | None:
    """Return how many of how many items were scored, if not all."""
    total, scored = file.samples(task)
    if total is not None and scored is not None:
        return f"{scored} of {total}" if scored < total else None
    config = file.section("config")
    asked = config.get("limit") or config.get("samples")
    return f"--limit {asked}" if asked else None


def _generation(file: ResultsFile, task: str) -> str | None:
    """Return the sampling arguments in one spelling; runs differ in seeds."""
    given = as_arguments(file.section("config").get("gen_kwargs"))
    found = as_arguments(file.config_of(task).get("generation_kwargs")) | given
    kept = {key: _number(value) for key, value in found.items() if key != "seed"}
    return json.dumps(kept, sort_keys=True) if kept else None


def _prompts(file: ResultsFile, task: str) -> str | None:
    """Return lm-eval's hash of a task's prompts; without examples, runs share it."""
    found = file.section("task_hashes").get(task)
    return found[:12] if isinstance(found, str) and found else None


def as_arguments(given: Any) -> dict[str, Any]:
    """Return ``a=1,b=2`` as an object, and an object as it is."""
    if isinstance(given, Mapping):
        return dict(given)
    if not isinstance(given, str):
        return {}
    pairs = (pair.partition("=") for pair in given.split(","))
    return {key.strip(): value.strip() for key, sign, value in pairs if sign}


def _number(value: Any) -> Any:
    """Return a number that was written as a text as a number."""
    if not isinstance(value, str):
        return value
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    try:
        return float(value)
    except ValueError:
        return value


def said(value: object) -> str:
    """Return a setting's value in words."""
    if value is None or value is False:
        return "none"
    return "yes" if value is True else str(value)
