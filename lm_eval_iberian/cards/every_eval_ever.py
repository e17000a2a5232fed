"""Results in the form of Every Eval Ever, with the samples that lie beside them.

One record for each result that counts in the report: of runs each run, of a benchmark
in parts each part. Averages are not written: whoever reads the records forms them.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lm_eval_iberian import __version__
from lm_eval_iberian.cards.benchmark_sources import BenchmarkSource, source_of
from lm_eval_iberian.cards.instance_records import (
    Sample,
    instance_records,
    is_scored_by_item,
)
from lm_eval_iberian.cards.public_names import portable, public_names
from lm_eval_iberian.comparison.comparing import Comparer
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.cell import Cell
from lm_eval_iberian.report.exchange_names import load_exchange_names
from lm_eval_iberian.report.exchange_reading import EXCHANGE, SAMPLES_END
from lm_eval_iberian.report.measure import Measure
from lm_eval_iberian.report.model_report import Report
from lm_eval_iberian.report.report_catalogue import Catalogue, Metric
from lm_eval_iberian.report.result import Result, as_arguments
from lm_eval_iberian.report.results_file import (
    ResultsFile,
    read_records,
    read_samples,
)
from lm_eval_iberian.stats.estimate import LEVEL, Estimate


# what the schema says of what nobody has said
_UNKNOWN = "unknown"
_TYPED = {"temperature": float, "top_p": float, "top_k": float, "max_gen_toks": int}


def every_eval_ever(
    report: Report,
    comparer: Comparer | None,
    into: Path,
    *,
    evaluator: str = "",
) -> list[Path]:
    """Write every result of a report, and the samples beside them, as records.

    The files are ``data/{benchmark}/{developer}/{model}/{uuid}.json`` and, where each
    item has a score of its own, ``{uuid}_samples.jsonl``. The same results give the
    same names, and take the places of what was written of them before.

    Args:
        report: The results.
        comparer: For intervals; without one there are the stored standard errors.
        into: The folder, made where it is missing.
        evaluator: Who ran the evaluation.

    Returns:
        The files, those of samples included, in the order of the models.

    Raises:
        DataError: Results or samples cannot be read again, two models would be
            published under one name, or the folder cannot be written.
    """
    names = public_names(report.models)
    try:
        into.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".records-", dir=into))
    except OSError as error:
        raise DataError(f"{into} cannot be written: {error.strerror}") from error
    try:
        work = _Work(report.catalogue, made, evaluator or _UNKNOWN)
        for record in _records(report, comparer, names):
            work.write(record)
        return [_put(made, into, path) for path in work.files]
    except OSError as error:
        raise DataError(f"{into} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _put(made: Path, into: Path, path: Path) -> Path:
    place = into / path.relative_to(made)
    place.parent.mkdir(parents=True, exist_ok=True)
    path.replace(place)
    return place


@dataclass(frozen=True)
class _Record:
    """A result, and what is to be said of it."""

    model: str
    cell: Cell
    result: Result
    estimates: Mapping[str, Estimate]


def _records(
    report: Report, comparer: Comparer | None, names: Mapping[str, str]
) -> Iterator[_Record]:
    for name, model in report.models.items():
        subjects = comparer.subjects.values() if comparer else ()
        subject = next((one.name for one in subjects if one.model is model), None)
        for cell in (*model.cells.values(), *model.minis.values()):
            estimates = {}
            # an interval is of a whole cell
            if comparer and subject and len(cell.results) == 1 and not cell.missing:
                for metric in cell.results[0].measures:
                    found = comparer.estimate(subject, cell.benchmark.id, metric)
                    if found is not None:
                        estimates[metric] = found
            for result in cell.results:
                yield _Record(names[name], cell, result, estimates)


class _Work:
    """Writes records, each file of results read once."""

    def __init__(self, catalogue: Catalogue, folder: Path, evaluator: str) -> None:
        self.catalogue, self.folder, self.evaluator = catalogue, folder, evaluator
        self.files: list[Path] = []
        self._now = str(int(time.time()))
        self._read: dict[str, ResultsFile] = {}

    def write(self, one: _Record) -> None:
        """Write a record, its samples first: it names them."""
        file = self._file(one)
        content = self._content(one, file)
        number = uuid.UUID(bytes=_digest(content["evaluation_id"])[:16], version=4)
        developer, name = _developer(content["model_info"]["id"])
        parts = map(portable, (one.cell.benchmark.id, developer, name))
        place = self.folder.joinpath("data", *parts)
        place.mkdir(parents=True, exist_ok=True)
        rows = self._rows(one, file, content)
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

    def _file(self, one: _Record) -> ResultsFile:
        """Return the file of a result; of JSON Lines the line that has it."""
        path, task = one.result.path or Path(one.result.file), one.result.setting.task
        name = str(path)
        if name not in self._read or name.endswith(".jsonl"):
            files = list(read_records(path))
            found = [f for f in files if task in f.results] or files
            same = [f for f in found if f.when() == one.result.when] or found
            self._read[name] = same[0]
        return self._read[name]

    def _content(self, one: _Record, file: ResultsFile) -> dict[str, Any]:
        result, exchange = one.result, file.section(EXCHANGE)
        bare = one.model.partition(" (")[0]
        told = hashlib.sha256(repr((result.run, result.setting)).encode()).hexdigest()
        stamp = f"{int(result.when)}-{told[:8]}"
        additional = {
            "written_by": f"lm-eval-iberian {__version__}",
            "date": _written(file.content.get("date")),
            # what tells the run from others: in both forms it is one
            "run": result.run,
            "chat_template_sha": result.setting.chat_template,
            "fewshot_as_multiturn": "true" if result.setting.multiturn else None,
            "system_instruction_sha": result.setting.system,
            "limit": _written(file.section("config").get("limit")),
        }
        version = exchange.get("version") or file.content.get("lm_eval_version")
        return {
            "schema_version": load_exchange_names().version,
            "evaluation_id": f"{result.setting.task}/{portable(one.model)}/{stamp}",
            **({"evaluation_timestamp": str(int(result.when))} if result.when else {}),
            "retrieved_timestamp": self._now,
            "source_metadata": {
                "source_name": "lm-evaluation-harness",
                "source_type": "evaluation_run",
                "source_organization_name": self.evaluator,
                "evaluator_relationship": "other",
                "additional_details": _there(additional),
            },
            "eval_library": {
                "name": exchange.get("library") or "lm_eval",
                "version": str(version or _UNKNOWN),
            },
            "model_info": _model_info(one.model, bare, result, file),
            "evaluation_results": [
                self._value(one, metric, measure, file)
                for metric, measure in result.measures.items()
            ],
        }

    def _value(
        self, one: _Record, metric: str, measure: Measure, file: ResultsFile
    ) -> dict[str, Any]:
        names, known = load_exchange_names().metrics[metric], self.catalogue
        scale, setting = known.metrics[metric], one.result.setting
        details = {
            "task_version": setting.version,
            "num_fewshot": None if setting.shots is None else str(setting.shots),
            "generation_kwargs": setting.generation,
            "task_hash": setting.prompts,
        }
        source = source_of(one.cell.benchmark, file, setting.task)
        return {
            "evaluation_result_id": _result_id(one, metric),
            "evaluation_name": _name(one, metric),
            "source_data": _source_data(source, setting.items),
            "metric_config": {
                "evaluation_description": scale.label,
                "metric_id": names.id,
                "metric_name": names.name,
                "metric_kind": names.kind,
                "metric_unit": names.unit,
                "lower_is_better": scale.lower_is_better,
                "score_type": "continuous",
                "min_score": scale.least,
                "max_score": scale.most if math.isfinite(scale.most) else "Infinity",
                "additional_details": {"lm_eval_metric": metric},
            },
            "score_details": {
                "score": unscaled(measure.value, scale.scale),
                "uncertainty": _uncertainty(one, metric, measure, scale),
            },
            "generation_config": {
                "generation_args": _arguments(setting.generation),
                "additional_details": _there(details),
            },
        }

    def _rows(
        self, one: _Record, file: ResultsFile, content: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """Return a record of each sample, none where they have no scores."""
        metric = one.cell.metric
        form = self.catalogue.metrics[metric].form
        if not is_scored_by_item(form):
            return []
        ids = {
            "evaluation_id": content["evaluation_id"],
            "model_id": content["model_info"]["id"],
            "evaluation_name": _name(one, metric),
            "evaluation_result_id": _result_id(one, metric),
        }
        return list(instance_records(self._samples(one, file), metric, form, ids))

    def _samples(self, one: _Record, file: ResultsFile) -> list[tuple[str, Sample]]:
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


def unscaled(value: float, scale: float) -> float:
    """Return the number that scaled is this value, to the last bit where there is one.

    >>> 100 * unscaled(100 * 0.07, 100) == 100 * 0.07
    True
    """
    found = value / scale
    near = (found, math.nextafter(found, math.inf), math.nextafter(found, -math.inf))
    return next((one for one in near if one * scale == value), found)


def _uncertainty(
    one: _Record, metric: str, measure: Measure, scale: Metric
) -> dict[str, Any]:
    estimate, found = one.estimates.get(metric), dict[str, Any]()
    if measure.stderr is not None:
        found["standard_error"] = {"value": unscaled(measure.stderr, scale.scale)}
    if estimate and estimate.low is not None and estimate.high is not None:
        found["confidence_interval"] = {
            "lower": estimate.low / scale.scale,
            "upper": estimate.high / scale.scale,
            "confidence_level": LEVEL,
            "method": estimate.method or _UNKNOWN,
        }
    if one.result.n is not None:
        found["num_samples"] = one.result.n
    return found


def _model_info(
    name: str, bare: str, result: Result, file: ResultsFile
) -> dict[str, Any]:
    config = file.section("config")
    kind = config.get("model")
    engine = load_exchange_names().engines.get(kind) if isinstance(kind, str) else None
    on_hub = "/" in bare
    details = {
        "deployment_type": "self_deployed" if engine else _UNKNOWN,
        "model_availability": "open_weights" if engine and on_hub else _UNKNOWN,
        "model_type": kind if isinstance(kind, str) else None,
        "sha": result.sha,
        "dtype": _plain_text(config.get("model_dtype")),
    }
    return {
        "name": name,
        "id": bare,
        **({"developer": bare.partition("/")[0]} if on_hub else {}),
        **({"inference_engine": {"name": engine}} if engine else {}),
        "additional_details": _there(details),
    }


def _developer(model: str) -> tuple[str, str]:
    developer, slash, name = model.partition("/")
    return (developer, name) if slash else (_UNKNOWN, model)


def _source_data(source: BenchmarkSource, items: int | None) -> dict[str, Any]:
    found: dict[str, Any] = {"dataset_name": source.name, "source_type": "other"}
    if source.repo:
        found |= {"source_type": "hf_dataset", "hf_repo": source.repo}
        found |= _there({"hf_split": source.split or None})
        more = {"config": source.config or None, "revision": source.revision or None}
        if known := _there(more):
            found["additional_details"] = known
    if items is not None and source.repo:
        found["samples_number"] = items
    elif items is not None:
        found["additional_details"] = {"samples_number": str(items)}
    return found


def _arguments(generation: str | None) -> dict[str, Any]:
    """Return how answers were sampled, as far as there is a place for it."""
    given = as_arguments(json.loads(generation)) if generation else {}
    found: dict[str, Any] = {}
    for name, kind in _TYPED.items():
        value = given.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if kind is int and (value < 1 or value != int(value)):
            continue
        found["max_tokens" if kind is int else name] = kind(value)
    return found


def _name(one: _Record, metric: str) -> str:
    """Return a task, with the filter by which it has a metric, if that is one."""
    filtered = one.result.filters.get(metric, "none")
    task = one.result.setting.task
    return task if filtered == "none" else f"{task}/{filtered}"


def _result_id(one: _Record, metric: str) -> str:
    return f"{one.result.setting.task}.{metric}"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).digest()


def _written(value: object) -> str | None:
    """Return a number as JSON has it, to be read back to the bit."""
    return json.dumps(value) if isinstance(value, int | float) and value else None


def _plain_text(value: object) -> str | None:
    return value if isinstance(value, str) and value.isprintable() else None


def _there(found: Mapping[str, str | None]) -> dict[str, str]:
    return {key: text for key, text in found.items() if text is not None}


def without_developer(report: Report) -> Sequence[str]:
    """Return the models whose names do not say who has made them."""
    names: Iterable[str] = public_names(report.models).values()
    return [name for name in names if "/" not in name.partition(" (")[0]]
