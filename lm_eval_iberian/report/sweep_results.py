"""A sweep's folder as its files are: what was planned, and what has a result."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.collect import model_name
from lm_eval_iberian.report.issue import OnBad, raise_it
from lm_eval_iberian.report.report_catalogue import Catalogue
from lm_eval_iberian.report.results_file import PATTERN, ResultsFile, read_results
from lm_eval_iberian.terminal import shown


SWEEP_FILE = "sweep.json"
_FORMAT = 1


@dataclass(frozen=True)
class PlannedCell:
    """A cell of a sweep.

    Args:
        id: Its name.
        suite: The suite, and ``group`` the language of its tasks, or ``all``.
        group: See there.
        run: Which of several runs.
        tasks: What it evaluates.
        file: Its results, ``None`` as long as it has none.
    """

    id: str
    suite: str
    group: str
    run: int
    tasks: tuple[str, ...]
    file: ResultsFile | None


@dataclass(frozen=True)
class SweptModel:
    """A merge or a baseline of a sweep, with all its cells.

    Args:
        name: What the sweep calls it.
        role: ``merge``, ``base``, ``instruct`` or ``expert``.
        languages: Those of its experts.
        method: The merge method; empty for a baseline.
        values: What the specification sets for the merge, as texts.
        subject: What tells it from others; the same model in two sweeps shares it.
        cells: Its cells.
        called: What its results call it; empty as long as there are none.
    """

    name: str
    role: str
    languages: tuple[str, ...]
    method: str
    values: Mapping[str, str]
    subject: str
    cells: tuple[PlannedCell, ...]
    called: str = ""

    def lacking(self, lang: str) -> list[str]:
        """Return the cells without a result that are of a language, or of all."""
        return [c.id for c in self.cells if c.file is None and c.group in (lang, "all")]


@dataclass(frozen=True)
class SweepResults:
    """A sweep: its folder, and its models in the order of its plan."""

    path: Path
    models: tuple[SweptModel, ...]

    @property
    def cells(self) -> list[PlannedCell]:
        """Every cell."""
        return [cell for model in self.models for cell in model.cells]

    @property
    def missing(self) -> list[str]:
        """The cells without a result."""
        return [cell.id for cell in self.cells if cell.file is None]

    @property
    def languages(self) -> list[str]:
        """The languages of its merges, in the order of the plan."""
        every = [lang for model in self.models for lang in model.languages]
        merged = {lang for merge in self.merges for lang in merge.languages}
        return [lang for lang in dict.fromkeys(every) if lang in merged]

    @property
    def merges(self) -> list[SweptModel]:
        """The models that are merges."""
        return [model for model in self.models if model.role == "merge"]

    @property
    def baselines(self) -> list[SweptModel]:
        """The models that are not."""
        return [model for model in self.models if model.role != "merge"]


def find_sweeps(
    paths: Iterable[Path],
    catalogue: Catalogue,
    renamed: Mapping[str, str],
    keep_going: bool = False,
) -> list[SweepResults]:
    """Return the sweeps under some paths, each once.

    Args:
        paths: Folders, searched to any depth, and files, in which there is none.
        catalogue: For the names of models.
        renamed: Models' names to use in the place of others.
        keep_going: Take a cell whose results cannot be used for one that has none.

    Raises:
        DataError: A sweep cannot be read, or two of its models have one name.
    """

    def on_bad(error: DataError) -> None:
        if not keep_going:
            raise_it(error)

    found: dict[Path, SweepResults] = {}
    for path in paths:
        for file in sorted(path.rglob(SWEEP_FILE)) if path.is_dir() else ():
            content = _plan(file)
            if content is not None and file.resolve() not in found:
                sweep = _sweep(file.parent, content, catalogue, renamed, on_bad)
                found[file.resolve()] = sweep
    sweeps = list(found.values())
    _check_names(sweeps)
    return sweeps


def _plan(file: Path) -> Mapping[str, Any] | None:
    """Return what a plan wrote, ``None`` of a file that is none."""
    try:
        content = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise DataError(f"{file} is not JSON: {error}") from error
    if not isinstance(content, dict) or "cells" not in content:
        return None
    if content.get("format") != _FORMAT:
        raise DataError(
            f"{file} has the format {content.get('format')!r}, and this version reads"
            f" {_FORMAT}: report it with lm-eval-iberian"
            f" {content.get('lm_eval_iberian')}"
        )
    return content


def _sweep(
    folder: Path,
    content: Mapping[str, Any],
    catalogue: Catalogue,
    renamed: Mapping[str, str],
    on_bad: OnBad,
) -> SweepResults:
    grouped: dict[str, list[Mapping[str, Any]]] = {}
    try:
        for cell in content["cells"]:
            told = [cell["recipe"], cell["pretrained"], cell["merge_seed"]]
            grouped.setdefault(json.dumps(told, sort_keys=True), []).append(cell)
        models = [
            _model(folder, subject, cells, catalogue, renamed, on_bad)
            for subject, cells in grouped.items()
        ]
    except (KeyError, TypeError) as error:
        text = f"{folder / SWEEP_FILE} is not what a plan writes: {error}"
        raise DataError(text) from error
    return SweepResults(folder, tuple(models))


def _model(
    folder: Path,
    subject: str,
    cells: list[Mapping[str, Any]],
    catalogue: Catalogue,
    renamed: Mapping[str, str],
    on_bad: OnBad,
) -> SweptModel:
    planned, called = [], ""
    for cell in cells:
        file = _results(folder / "cells" / cell["id"], on_bad)
        if file is not None:
            name = model_name(file.content, file.path, catalogue, renamed)
            if called and name != called:
                raise DataError(
                    f"{file.path} is of {name}, and other cells of {cell['model']} are"
                    f" of {called}; run the sweep again in a new folder"
                )
            called = name
        planned.append(
            PlannedCell(
                cell["id"], cell["suite"], cell["group"], cell["run"],
                tuple(cell["tasks"]), file,
            )
        )  # fmt: skip
    first = cells[0]
    return SweptModel(
        first["model"], first["role"], tuple(first["languages"]), first["method"],
        dict(first["values"]), subject, tuple(planned), called,
    )  # fmt: skip


def _results(place: Path, on_bad: OnBad) -> ResultsFile | None:
    """Return the results of a cell; it has them when it has its record."""
    if not (place / "record.json").is_file():
        return None
    files = sorted(place.glob(PATTERN))
    if len(files) != 1:
        on_bad(DataError(f"{place} has {len(files)} {PATTERN}, not one"))
        return None
    try:
        return read_results(files[0])
    except DataError as error:
        on_bad(error)
        return None


def _check_names(sweeps: Iterable[SweepResults]) -> None:
    """Refuse two models of one name: their results would be taken for one model's."""
    seen: dict[str, tuple[SweptModel, Path]] = {}
    for sweep, model in _with_results(sweeps):
        other, path = seen.setdefault(model.called, (model, sweep.path))
        if other.subject != model.subject:
            raise DataError(
                shown(
                    f"{other.name} of {path} and {model.name} of {sweep.path} are"
                    f" different models, and both are called {model.called}; report"
                    " one sweep at a time, and rename neither to the other"
                )
            )


def _with_results(
    sweeps: Iterable[SweepResults],
) -> Iterator[tuple[SweepResults, SweptModel]]:
    for sweep in sweeps:
        for model in sweep.models:
            if model.called:
                yield sweep, model
