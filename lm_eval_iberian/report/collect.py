"""Gather the results of every model from results files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.find import find
from lm_eval_iberian.report.issue import Issue, OnBad
from lm_eval_iberian.report.model_name import model_name, plain
from lm_eval_iberian.report.report_catalogue import Catalogue
from lm_eval_iberian.report.reported_benchmark import ReportedBenchmark
from lm_eval_iberian.report.result import Result, as_result, result_of
from lm_eval_iberian.report.results_file import ResultsFile, read_results
from lm_eval_iberian.report.subset import samples_path, score_subset
from lm_eval_iberian.terminal import shown


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

    seen: dict[str, Path] = {}
    gathered.inputs = find(paths, on_bad)
    for path in gathered.inputs:
        try:
            file = read_results(path)
        except DataError as error:
            on_bad(error)
            continue
        name = model_name(file.content, path, catalogue, renamed)
        if file.sha in seen:
            text = f"{path} is a copy of {seen[file.sha]}, and counts once"
            files = (shown(str(seen[file.sha])), file.name)
            gathered.note(name, Issue("duplicate", shown(text), None, files))
            continue
        seen[file.sha] = path
        _folder(file, name, catalogue, gathered)
        _gather(file, name, catalogue, gathered, on_bad)
    return gathered


def _folder(
    file: ResultsFile, model: str, catalogue: Catalogue, gathered: Gathered
) -> None:
    """Note a folder, named as lm-eval names them, of another model."""
    folder = file.path.resolve().parent.name
    name = plain(folder)
    name = catalogue.renamed.get(name, name)
    bare = model.partition(" (")[0]
    if "__" in folder and not folder.startswith("__") and name != bare:
        text = (
            f"the folder {folder} holds results of {bare}; its files say so, and count"
        )
        files = (file.name,)
        gathered.note(model, Issue("model", shown(text), None, files))


def _gather(
    file: ResultsFile,
    model: str,
    catalogue: Catalogue,
    gathered: Gathered,
    on_bad: OnBad,
) -> None:
    known = catalogue.by_task()
    gathered.others.setdefault(model, set())
    for task in file.results:
        if not file.is_task(task):
            continue
        if task not in known:
            gathered.others[model].add(shown(task))
            continue
        try:
            gathered.results += _results(
                file, model, task, known[task], catalogue, gathered
            )
        except DataError as error:
            on_bad(error)


def _results(
    file: ResultsFile,
    model: str,
    task: str,
    benchmark: ReportedBenchmark,
    catalogue: Catalogue,
    gathered: Gathered,
) -> Iterator[Result]:
    """Yield a task's result; of a subset from the samples, where they are."""
    kind = catalogue.kind_of(benchmark)
    if benchmark.subset is None or task not in benchmark.subset.tasks:
        found = result_of(file, model, task, kind, catalogue.metrics)
        if kind.metrics[0] in found.measures:
            yield found
        else:
            has = ", ".join(k for k in file.results[task] if "," in k) or "none"
            text = f"{task} has no {kind.metrics[0]}; its metrics: {shown(has)}"
            note = Issue("metric", text, benchmark.id, (file.name,))
            gathered.note(model, note)
        return
    path = samples_path(file, task)
    if path is None:
        text = (
            f"{task} mixes {benchmark.name} with other items and its samples are not "
            f"beside it: evaluate with --log_samples, or {benchmark.tasks[-1]}"
        )
        gathered.note(model, Issue("subset", text, benchmark.id, (file.name,)))
        return
    measure, n = score_subset(path, benchmark.subset, file.samples(task)[1])
    measures = {kind.metrics[0]: measure}
    yield as_result(file, model, task, kind, measures, n, from_samples=True)
