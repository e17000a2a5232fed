"""Gather the results of every model from results files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.issue import Issue, OnBad
from lm_eval_iberian.report.measure import filters_of, measures_of, score_subset
from lm_eval_iberian.report.report_catalogue import Catalogue
from lm_eval_iberian.report.reported_benchmark import ReportedBenchmark
from lm_eval_iberian.report.result import Result, as_arguments, as_result
from lm_eval_iberian.report.results_file import ResultsFile, find_results, read_records
from lm_eval_iberian.terminal import shown


_WEIGHTS = ("peft", "delta", "pretrained", "model", "path", "engine")
_UNSET = ("", "none", "main", "false")


@dataclass
class Gathered:
    """What the files hold.

    Args:
        results: Every result of a benchmark of the catalogue.
        others: For each model the tasks that are in no benchmark.
        issues: What was noticed on the way, by model; of none: ``""``.
        inputs: Every results file, the unusable ones too.
    """

    results: list[Result] = field(default_factory=list)
    others: dict[str, set[str]] = field(default_factory=dict)
    issues: dict[str, list[Issue]] = field(default_factory=dict)
    inputs: list[Path] = field(default_factory=list)

    def note(self, model: str, issue: Issue) -> None:
        """Note an issue once."""
        issues = self.issues.setdefault(model, [])
        if issue not in issues:
            issues.append(issue)


def collect(
    paths: Iterable[Path],
    catalogue: Catalogue,
    renamed: Mapping[str, str],
    keep_going: bool = False,
) -> Gathered:
    """Read every results file under the paths.

    Args:
        paths: Folders and files.
        catalogue: Which tasks matter.
        renamed: Models' names to use in the place of others.
        keep_going: Note a file or value that cannot be used, and go on without it.

    Raises:
        DataError: A file or a value cannot be used.
    """
    gathered = Gathered()

    def on_bad(error: DataError) -> None:
        if not keep_going:
            raise error
        gathered.note("", Issue("bad file", shown(str(error))))

    known = catalogue.by_task()
    gathered.inputs = find_results(paths, on_bad)
    for model, file in _files(gathered, catalogue, renamed, on_bad):
        others = gathered.others.setdefault(model, set())
        for task in filter(file.is_task, file.results):
            if task not in known:
                others.add(shown(task))
                continue
            try:
                found = _result(file, model, task, known[task], catalogue)
            except DataError as error:
                on_bad(error)
                continue
            if isinstance(found, Issue):
                gathered.note(model, found)
            else:
                gathered.results.append(found)
    return gathered


def _files(
    gathered: Gathered,
    catalogue: Catalogue,
    renamed: Mapping[str, str],
    on_bad: OnBad,
) -> Iterator[tuple[str, ResultsFile]]:
    """Yield the name of its model and every file that can be used, of copies one."""
    seen: dict[str, Path] = {}
    for path in gathered.inputs:
        for file in read_records(path, on_bad):
            name = model_name(file.content, path, catalogue, renamed)
            if file.sha in seen:
                text = f"{path} is a copy of {seen[file.sha]}, and counts once"
                files = (shown(str(seen[file.sha])), file.name)
                gathered.note(name, Issue("duplicate", shown(text), None, files))
                continue
            seen[file.sha] = path
            folder = path.resolve().parent.name
            bare = name.partition(" (")[0]
            if _names_another(folder, bare, catalogue):
                text = (
                    f"the folder {folder} holds results of {bare}; its files say so,"
                    " and count"
                )
                gathered.note(name, Issue("model", shown(text), None, (file.name,)))
            yield name, file


def _names_another(folder: str, model: str, catalogue: Catalogue) -> bool:
    """Return whether a folder is named, as lm-eval names them, after another model."""
    name = plain(folder)
    named = "__" in folder and not folder.startswith("__")
    return named and catalogue.renamed.get(name, name) != model


def _result(
    file: ResultsFile,
    model: str,
    task: str,
    benchmark: ReportedBenchmark,
    catalogue: Catalogue,
) -> Result | Issue:
    """Return a task's result, of a subset from the samples, or why there is none."""
    kind = catalogue.kind_of(benchmark)
    items = file.samples(task)[1]
    if benchmark.subset is None or task not in benchmark.subset.tasks:
        measures = measures_of(file, task, kind.metrics, catalogue.metrics)
        if kind.metrics[0] in measures:
            return as_result(file, model, task, kind, measures, items)
        has = ", ".join(k for k in file.results[task] if "," in k) or "none"
        text = f"{task} has no {kind.metrics[0]}; its metrics: {shown(has)}"
        return Issue("metric", text, benchmark.id, (file.name,))
    path = file.samples_path(task)
    if path is None:
        text = (
            f"{task} mixes {benchmark.name} with other items and its samples are not "
            f"beside it: evaluate with --log_samples, or {benchmark.tasks[-1]}"
        )
        return Issue("subset", text, benchmark.id, (file.name,))
    by = filters_of(file, task, kind.metrics[:1]).get(kind.metrics[0], "none")
    measure, n = score_subset(path, benchmark.subset, items, by)
    measures = {kind.metrics[0]: measure}
    return as_result(file, model, task, kind, measures, n, from_samples=True)


def model_name(
    content: Mapping[str, Any],
    path: Path,
    catalogue: Catalogue,
    renamed: Mapping[str, str],
) -> str:
    """Return the name of the model, the same one however the file spells it.

    It is the file's ``model_name``, else what its ``model_args`` load, else the folder.
    Arguments that make it another model, a revision, eight bits, follow in brackets.

    Args:
        content: What the file holds.
        path: Where it is.
        catalogue: It has the models the hub renamed, and the arguments that matter.
        renamed: Names to use in the place of others; they come first.
    """
    config = content.get("config")
    given_args = config.get("model_args") if isinstance(config, Mapping) else None
    arguments = as_arguments(given_args)
    given = [content.get("model_name"), *(arguments.get(key) for key in _WEIGHTS)]
    names = [name for name in given if isinstance(name, str) and name.strip()]
    name = plain(names[0] if names else path.resolve().parent.name)
    name = renamed.get(name, catalogue.renamed.get(name, name))
    apart = [
        f"{key}={arguments[key]}"
        for key in catalogue.told_apart_by
        if str(arguments.get(key, "")).lower() not in _UNSET
    ]
    full = f"{name} ({', '.join(apart)})" if apart else name
    return shown(renamed.get(full, full))


def plain(name: str) -> str:
    """Return a name with the slash that lm-eval wrote as ``__``, without the last one.

    >>> plain("HiTZ__Latxa-Llama-3.1-8B")
    'HiTZ/Latxa-Llama-3.1-8B'
    """
    name = name.strip()
    name = name.rstrip("/").removeprefix("./") or name
    return name if "/" in name else name.replace("__", "/", 1)
