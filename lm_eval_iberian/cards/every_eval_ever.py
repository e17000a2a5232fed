"""Results in the form of Every Eval Ever, with the samples that lie beside them.

One record for each result that counts in the report: of runs each run, of a benchmark
in parts each part. Averages are not written: whoever reads the records forms them.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lm_eval_iberian.cards.exchange_record import (
    UNKNOWN,
    ExchangedResult,
    record_content,
)
from lm_eval_iberian.cards.instance_records import (
    Sample,
    instance_records,
    is_scored_by_item,
)
from lm_eval_iberian.cards.public_names import portable, public_names
from lm_eval_iberian.comparison import Comparer
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.exchange_reading import SAMPLES_END
from lm_eval_iberian.report.issue import OnBad, raise_it
from lm_eval_iberian.report.model_report import Report
from lm_eval_iberian.report.report_catalogue import Catalogue
from lm_eval_iberian.report.result import Result
from lm_eval_iberian.report.results_file import ResultsFile, read_samples


def write_every_eval_ever(
    report: Report,
    comparer: Comparer | None,
    into: Path,
    *,
    evaluator: str = "",
    on_bad: OnBad = raise_it,
) -> list[Path]:
    """Write every result of a report, and the samples beside them, as records.

    The files are ``data/{benchmark}/{developer}/{model}/{uuid}.json`` and, where each
    item can have a score of its own, ``{uuid}_samples.jsonl``. The same results give
    the same names, and take the places of what was written of them before.

    Args:
        report: The results.
        comparer: For intervals; without one there are the stored standard errors.
        into: The folder, made where it is missing.
        evaluator: Who ran the evaluation.
        on_bad: Told of samples that cannot be used, whose record is without them.

    Returns:
        The files, those of samples included, in the order of the models.

    Raises:
        DataError: Results or samples cannot be read again, two models would be
            published under one name, or the folder cannot be written.
    """
    names, new = public_names(report.models), not into.exists()
    try:
        into.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".records-", dir=into))
    except OSError as error:
        raise DataError(f"{into} cannot be written: {error.strerror}") from error
    try:
        work = _Work(report.catalogue, made, evaluator or UNKNOWN, on_bad)
        for result in _results(report, comparer, names):
            work.write(result)
        return [_put(made, into, path) for path in work.files]
    except OSError as error:
        raise DataError(f"{into} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
        if new:
            with suppress(OSError):  # it is not empty: all went well
                into.rmdir()


def without_developer(report: Report) -> list[str]:
    """Return the models whose names do not say who has made them."""
    names = public_names(report.models).values()
    return [name for name in names if "/" not in name.partition(" (")[0]]


def _put(made: Path, into: Path, path: Path) -> Path:
    place = into / path.relative_to(made)
    place.parent.mkdir(parents=True, exist_ok=True)
    path.replace(place)
    return place


def _results(
    report: Report, comparer: Comparer | None, names: Mapping[str, str]
) -> Iterator[ExchangedResult]:
    for name, model in report.models.items():
        subjects = comparer.subjects.values() if comparer else ()
        subject = next((one.name for one in subjects if one.model is model), None)
        for cell in model.every_cell():
            estimates = {}
            # an interval is of a whole cell
            if comparer and subject and len(cell.results) == 1 and not cell.missing:
                for metric in cell.results[0].measures:
                    found = comparer.estimate(subject, cell.benchmark.id, metric)
                    if found is not None:
                        estimates[metric] = found
            for result in cell.results:
                yield ExchangedResult(names[name], cell, result, estimates)


class _Work:
    """Writes records, each file of results read once."""

    def __init__(
        self, catalogue: Catalogue, folder: Path, evaluator: str, on_bad: OnBad
    ) -> None:
        self.catalogue, self.folder, self.evaluator = catalogue, folder, evaluator
        self.on_bad = on_bad
        self.files: list[Path] = []
        self._read: dict[Path, ResultsFile] = {}

    def write(self, one: ExchangedResult) -> None:
        """Write a record, its samples first: it names them."""
        file = self._file(one.result)
        content = record_content(one, file, self.catalogue, self.evaluator)
        digest = hashlib.sha256(content["evaluation_id"].encode()).digest()
        number = uuid.UUID(bytes=digest[:16], version=4)
        place = self._place(one)
        rows = self._rows(one, file, content["evaluation_id"])
        if rows:
            path = place / f"{number}{SAMPLES_END}"
            # escaped: some of whoever reads lines splits them at more than line feeds
            data = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
            path.write_bytes(data)
            self.files.append(path)
            content["detailed_evaluation_results"] = {
                "format": "jsonl",
                "file_path": path.relative_to(self.folder).as_posix(),
                "hash_algorithm": "sha256",
                "checksum": hashlib.sha256(data).hexdigest(),
                "total_rows": len(rows),
            }
        path = place / f"{number}.json"
        text = json.dumps(content, indent=1, allow_nan=False)
        path.write_text(f"{text}\n", encoding="utf-8")
        self.files.append(path)

    def _place(self, one: ExchangedResult) -> Path:
        developer, slash, name = one.model_id.partition("/")
        whose = (developer, name) if slash else (UNKNOWN, one.model_id)
        parts = map(portable, (one.cell.benchmark.id, *whose))
        place = self.folder.joinpath("data", *parts)
        place.mkdir(parents=True, exist_ok=True)
        return place

    def _file(self, result: Result) -> ResultsFile:
        path = result.path or Path(result.file)
        if path not in self._read or path.suffix == ".jsonl":
            self._read[path] = result.source()
        return self._read[path]

    def _rows(
        self, one: ExchangedResult, file: ResultsFile, evaluation_id: str
    ) -> list[dict[str, Any]]:
        """Return a record of each sample, none where they have no scores."""
        metric = one.cell.metric
        form = self.catalogue.metrics[metric].form
        if not is_scored_by_item(form):
            return []
        ids = {
            "evaluation_id": evaluation_id,
            "model_id": one.model_id,
            "evaluation_name": one.evaluation_name(metric),
            "evaluation_result_id": one.result_id(metric),
        }
        try:
            return list(instance_records(_samples(one, file), metric, form, ids))
        except DataError as error:
            self.on_bad(error)
            return []


def _samples(one: ExchangedResult, file: ResultsFile) -> list[tuple[str, Sample]]:
    """Return the samples of a result, all of them or none.

    Raises:
        DataError: There are not as many as the results count.
    """
    path = file.samples_path(one.result.setting.task)
    if path is None:
        return []
    wanted = one.result.filters.get(one.cell.metric, "none")
    samples: list[tuple[str, Sample]] = list(read_samples(path, wanted))
    subset = one.cell.benchmark.subset
    if one.result.from_samples and subset is not None:
        samples = [
            (where, row)
            for where, row in samples
            if row["doc"][subset.field] == subset.value
        ]
    if one.result.n is not None and len(samples) != one.result.n:
        raise DataError(
            f"{path} has {len(samples)} samples, but the results count"
            f" {one.result.n}; one of the two files is not whole"
        )
    return samples
