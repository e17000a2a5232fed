"""Every Eval Ever's files as if lm-eval had written them.

A record is of one model and has values of one or more tasks. What it says is put where
lm-eval has it, so that all else of the report reads one format; what neither lm-eval
nor we wrote counts as another version of its task, and is averaged with nobody's runs.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TypeGuard

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.exchange_names import ExchangeNames, load_exchange_names
from lm_eval_iberian.report.report_catalogue import load_catalogue


# {uuid}.json, {uuid}_samples.jsonl, and the file that EuroEval appends its records to
RECORD_FILE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\.json", re.I
)
RECORDS_FILE = "euroeval_benchmark_results.jsonl"
SAMPLES_END = "_samples.jsonl"
VERSION_KEY = b'"schema_version"'
# where the translation keeps what lm-eval has no place for
EXCHANGE = "every_eval_ever"
_LM_EVAL = ("lm_eval", "lm-eval", "lm-evaluation-harness", "lm_evaluation_harness")
_TEXTS = {"task_hash": "task_hashes", "task_version": "versions"}
_ARGUMENTS = {"max_tokens": "max_gen_toks"} | {
    name: name for name in ("temperature", "top_p", "top_k")
}
_Object = Mapping[str, Any]


def is_exchange_record(content: object) -> bool:
    """Return whether JSON is a record of Every Eval Ever, of whatever version."""
    return (
        isinstance(content, dict)
        and "schema_version" in content
        and "evaluation_results" in content
    )


def as_lm_eval_content(record: _Object, where: str) -> dict[str, Any]:
    """Return what lm-eval would have written of a record.

    Args:
        record: The record.
        where: The file, to be named in errors.

    Raises:
        DataError: It is of a version that is not read, or lacks what it must have.
    """
    names = load_exchange_names()
    version = str(record["schema_version"])
    if not any(version == v or version.startswith(f"{v}.") for v in names.read):
        raise DataError(
            f"{where} is Every Eval Ever {version[:20]!r}, and this version reads"
            f" {' and '.join(names.read)}; convert it, or pass --keep-going"
        )
    info = child_of(record, "model_info", where)
    library = child_of(record, "eval_library", where)
    results = record["evaluation_results"]
    if not isinstance(results, list) or not results:
        raise lacking(where, "evaluation_results")
    told = _Told(where, str(library.get("name", "")), str(library.get("version", "")))
    for at, one in enumerate(results):
        spot = f"{where}: evaluation_results[{at}]"
        if not isinstance(one, Mapping):
            raise lacking(where, f"evaluation_results[{at}]")
        told.add(_value(one, names, spot), spot)
    source = record.get("source_metadata")
    extra = _texts(source) if isinstance(source, Mapping) else {}
    return told.content() | {
        "model_name": _model(info, where),
        "config": _config(info, extra),
        "date": _seconds(extra.get("date") or record.get("evaluation_timestamp")),
        "chat_template_sha": extra.get("chat_template_sha"),
        "system_instruction_sha": extra.get("system_instruction_sha"),
        "fewshot_as_multiturn": extra.get("fewshot_as_multiturn") == "true",
        "lm_eval_version": told.version if told.is_lm_eval else None,
        EXCHANGE: {
            "library": told.library, "version": told.version,
            "results": told.metric_of_result, "run": extra.get("run"),
        },
    }  # fmt: skip


@dataclass(frozen=True)
class _Value:
    """One value of a record, on lm-eval's scale."""

    task: str
    key: str
    metric: str
    value: Any
    stderr: float | None
    n: int | None
    items: int | None
    id: str
    dataset: str
    generation: Any
    details: Mapping[str, str]


class _Told:
    """Gathers the values of a record by task, as lm-eval keeps them."""

    def __init__(self, where: str, library: str, version: str) -> None:
        self.where = where
        self.library, self.version = library, version
        self.is_lm_eval = library.lower() in _LM_EVAL
        self.metric_of_result: dict[str, str] = {}
        self._sections: dict[str, dict[str, Any]] = {
            name: {}
            for name in (
                "results", "configs", "versions", "n-shot", "n-samples", "task_hashes",
            )
        }  # fmt: skip

    def add(self, one: _Value, spot: str) -> None:
        """Take a value up.

        Raises:
            DataError: There is another one of the same task and metric.
        """
        row = self._sections["results"].setdefault(one.task, {"alias": one.task})
        known = one.metric in load_exchange_names().metrics
        if known and one.key in row and row[one.key] != one.value:
            raise DataError(
                f"{spot} is the second value of {one.task} and {one.key}, and another"
                f" one than the first; leave one, or pass --keep-going"
            )
        row[one.key] = one.value
        if one.stderr is not None:
            metric, _, rest = one.key.partition(",")
            row[f"{metric}_stderr,{rest}"] = one.stderr
        self.metric_of_result[one.id] = one.metric
        config = self._sections["configs"].setdefault(one.task, {"task": one.task})
        config["dataset_path"] = one.dataset
        if one.generation:
            config["generation_kwargs"] = one.generation
        if not self.is_lm_eval:
            self._sections["versions"][one.task] = f"{self.library} {self.version}"
        for name, section in _TEXTS.items():
            if name in one.details:
                self._sections[section][one.task] = _number(one.details[name])
        shots = one.details.get("num_fewshot", "")
        if shots.isdecimal() and len(shots) < 5:
            self._sections["n-shot"][one.task] = int(shots)
        # EuroEval counts the runs, not the items
        if one.n is not None and self.library.lower() != "euroeval":
            counts = {"original": one.items or one.n, "effective": one.n}
            self._sections["n-samples"][one.task] = counts

    def content(self) -> dict[str, Any]:
        """Return the sections of a results file."""
        return dict(self._sections)


def _value(one: _Object, names: ExchangeNames, where: str) -> _Value:
    config = child_of(one, "metric_config", where)
    details = child_of(one, "score_details", where)
    source = child_of(one, "source_data", where)
    if "score" not in details:
        raise lacking(where, "score_details.score")
    called, dataset = str(one.get("evaluation_name", "")), source.get("dataset_name")
    task, _, filtered = called.partition("/")
    bare = called.removeprefix("test_")  # so EuroEval calls a metric on the test split
    extra = _texts(config)
    spellings = (
        extra.get("lm_eval_metric"), config.get("metric_id"), config.get("metric_name"),
        str(config.get("evaluation_description", "")).partition(" (filter")[0],
    )  # fmt: skip
    metric = _known(spellings, names)
    if metric is None and (metric := names.metric_of(bare)) is not None:
        task, filtered = str(dataset), ""
    if metric is None:  # nothing reads it: what matters is that there is a task
        said = next((str(text) for text in spellings if text), bare)
        metric = f"{said} {one.get('evaluation_result_id', '')}".replace(",", " ")
    task = names.tasks.get(task, task)
    factor = _factor(config, metric)
    uncertainty = details.get("uncertainty")
    known = uncertainty if isinstance(uncertainty, Mapping) else {}
    error = known.get("standard_error")
    stderr = error.get("value") if isinstance(error, Mapping) else None
    generation = one.get("generation_config")
    sampled = generation if isinstance(generation, Mapping) else {}
    written = _texts(sampled)
    score = details["score"]
    return _Value(
        task=task,
        key=f"{metric},{filtered or 'none'}",
        metric=metric,
        value=_scaled(score, factor),
        stderr=_scaled(stderr, factor) if _is_number(stderr) else None,
        n=_count(known.get("num_samples")),
        items=_items(source),
        id=str(one.get("evaluation_result_id", "")),
        dataset=str(source.get("hf_repo", "")),
        generation=_generation(sampled, written),
        details=written,
    )


def _known(spellings: Iterable[object], names: ExchangeNames) -> str | None:
    found = (names.metric_of(s) for s in spellings if isinstance(s, str) and s)
    return next((name for name in found if name is not None), None)


def _factor(config: _Object, metric: str) -> float:
    """Return what brings a score to lm-eval's scale: its bounds say which it has."""
    ours = load_catalogue().metrics.get(metric)
    in_percent = 100 if config.get("metric_unit") == "percent" else None
    most = config.get("max_score", in_percent)
    if ours is None or most not in (1, 100) or not math.isfinite(ours.most):
        return 1.0
    return ours.most / float(most)


def _generation(sampled: _Object, written: Mapping[str, str]) -> Any:
    """Return lm-eval's sampling arguments, as far as they are told."""
    if "generation_kwargs" in written:
        return parsed(written["generation_kwargs"])
    found = sampled.get("generation_args")
    arguments = found if isinstance(found, Mapping) else {}
    named = {ours: arguments.get(name) for name, ours in _ARGUMENTS.items()}
    named |= {name: parsed(written.get(name)) for name in ("until", "do_sample")}
    return {name: value for name, value in named.items() if value is not None}


def _scaled(score: Any, factor: float) -> Any:
    """Return a score on another scale; what is no number is judged where it is read."""
    try:
        return score * factor if _is_number(score) and factor != 1 else score
    except OverflowError:  # JSON knows integers that no float holds
        return score


def _model(info: _Object, where: str) -> str:
    name, called = info.get("id"), info.get("name")
    if not isinstance(name, str) or not name.strip():
        raise lacking(where, "model_info.id")
    # a revision, say, stands behind the name alone
    more = isinstance(called, str) and called.startswith(f"{name} (")
    return str(called) if more else name


def _config(info: _Object, extra: Mapping[str, str]) -> dict[str, Any]:
    details = _texts(info)
    return {
        "model": details.get("model_type"),
        "model_sha": details.get("sha"),
        "model_dtype": details.get("dtype"),
        "limit": extra.get("limit"),
    }


def child_of(parent: _Object, name: str, where: str) -> _Object:
    """Return an object within an object.

    Raises:
        DataError: There is none of that name.
    """
    found = parent.get(name)
    if not isinstance(found, Mapping):
        raise lacking(where, name)
    return found


def lacking(where: str, what: str) -> DataError:
    """Return the error of what a record must have and has not."""
    return DataError(
        f"{where} has no {what}, or not what Every Eval Ever has there; write it anew,"
        " or pass --keep-going"
    )


def _texts(parent: _Object) -> dict[str, str]:
    """Return the texts of ``additional_details``."""
    found = parent.get("additional_details")
    return texts_in(found) if isinstance(found, Mapping) else {}


def texts_in(found: _Object) -> dict[str, str]:
    """Return the entries that are texts: all are to be."""
    return {key: text for key, text in found.items() if isinstance(text, str)}


def parsed(text: str | None) -> Any:
    """Return what a text is as JSON, ``None`` where it is none."""
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return None


def _number(text: str) -> float | str:
    try:
        found = float(text)
    except ValueError:
        return text
    return found if math.isfinite(found) else text


def _seconds(stamp: object) -> float | None:
    """Return when that was, as seconds; others write a date."""
    found = parsed(stamp) if isinstance(stamp, str) else stamp
    if _is_number(found):
        return found
    try:
        moment = datetime.fromisoformat(str(stamp).replace("Z", "+00:00"))
    except ValueError:
        return None
    utc = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return utc.timestamp()


def _count(found: object) -> int | None:
    return found if type(found) is int and found > 0 else None


def _items(source: _Object) -> int | None:
    number = parsed(_texts(source).get("samples_number"))
    return _count(source.get("samples_number")) or _count(number)


def _is_number(found: object) -> TypeGuard[float]:
    return isinstance(found, int | float) and not isinstance(found, bool)
