"""A result as a record of Every Eval Ever."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lm_eval_iberian import __version__
from lm_eval_iberian.cards.benchmark_sources import BenchmarkSource, source_of
from lm_eval_iberian.cards.public_names import portable
from lm_eval_iberian.report.cell import Cell
from lm_eval_iberian.report.exchange_names import load_exchange_names
from lm_eval_iberian.report.exchange_reading import EXCHANGE
from lm_eval_iberian.report.measure import Measure
from lm_eval_iberian.report.report_catalogue import Catalogue, Metric
from lm_eval_iberian.report.result import Result, as_arguments
from lm_eval_iberian.report.results_file import ResultsFile
from lm_eval_iberian.stats import LEVEL, Estimate


# what the schema says of what nobody has said
UNKNOWN = "unknown"
_TYPED = {"temperature": float, "top_p": float, "top_k": float, "max_gen_toks": int}


@dataclass(frozen=True)
class ExchangedResult:
    """A result, and what is to be said of it.

    Args:
        model: The model's public name.
        cell: The benchmark's values that it is of.
        result: The result.
        estimates: Metric to interval, where the result is all of its benchmark.
    """

    model: str
    cell: Cell
    result: Result
    estimates: Mapping[str, Estimate]

    @property
    def model_id(self) -> str:
        """The model's name without what tells a revision of it from others."""
        return self.model.partition(" (")[0]

    @property
    def task(self) -> str:
        """What was measured; of a task that holds more, the benchmark's own."""
        if self.result.from_samples:
            return self.cell.benchmark.tasks[0]
        return self.result.setting.task

    def evaluation_name(self, metric: str) -> str:
        """Return the task, with the filter by which it has a metric, if that is one."""
        filtered = self.result.filters.get(metric, "none")
        return self.task if filtered == "none" else f"{self.task}/{filtered}"

    def result_id(self, metric: str) -> str:
        """Return what tells the value of a metric from the others of the record."""
        return f"{self.task}.{metric}"


def record_content(
    one: ExchangedResult, file: ResultsFile, catalogue: Catalogue, evaluator: str
) -> dict[str, Any]:
    """Return a record, without its samples.

    Args:
        one: The result.
        file: The file that it is from.
        catalogue: The metrics.
        evaluator: Who ran the evaluation.
    """
    result, exchange = one.result, file.section(EXCHANGE)
    told = hashlib.sha256(repr((result.run, result.setting)).encode()).hexdigest()
    stamp = f"{int(result.when)}-{told[:8]}"
    additional = {
        "written_by": f"lm-eval-iberian {__version__}",
        "date": _number(file.content.get("date")),
        # what tells the run from others: in both forms it is one
        "run": result.run,
        "chat_template_sha": result.setting.chat_template,
        "fewshot_as_multiturn": "true" if result.setting.multiturn else None,
        "system_instruction_sha": result.setting.system,
        "limit": _number(file.section("config").get("limit")),
        "counted_from": result.setting.task if result.from_samples else None,
    }
    library = exchange.get("library") or "lm_eval"
    version = exchange.get("version") or lm_eval_version(file)
    return {
        "schema_version": load_exchange_names().version,
        "evaluation_id": f"{one.task}/{portable(one.model)}/{stamp}",
        **({"evaluation_timestamp": str(int(result.when))} if result.when else {}),
        "retrieved_timestamp": str(int(time.time())),
        "source_metadata": {
            "source_name": exchange.get("library") or "lm-evaluation-harness",
            "source_type": "evaluation_run",
            "source_organization_name": evaluator,
            "evaluator_relationship": "other",
            "additional_details": _there(additional),
        },
        "eval_library": {"name": library, "version": str(version or UNKNOWN)},
        "model_info": _model_info(one, file),
        "evaluation_results": [
            _value(one, metric, measure, catalogue.metrics[metric], file)
            for metric, measure in result.measures.items()
        ],
    }


def lm_eval_version(file: ResultsFile) -> str:
    """Return which lm-eval wrote a file: the version, or a commit."""
    for key, start in (("lm_eval_version", ""), ("git_hash", "commit ")):
        found = file.content.get(key)
        if isinstance(found, str) and 0 < len(found) < 60 and found != UNKNOWN:
            return f"{start}{found}"
    return ""


def _value(
    one: ExchangedResult,
    metric: str,
    measure: Measure,
    scale: Metric,
    file: ResultsFile,
) -> dict[str, Any]:
    names, setting = load_exchange_names().metrics[metric], one.result.setting
    details = {
        "task_version": setting.version,
        "num_fewshot": None if setting.shots is None else str(setting.shots),
        "generation_kwargs": setting.generation,
        "task_hash": setting.prompts,
    }
    source = source_of(one.cell.benchmark, file, setting.task)
    return {
        "evaluation_result_id": one.result_id(metric),
        "evaluation_name": one.evaluation_name(metric),
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


def unscaled(value: float, scale: float) -> float:
    """Return the number that scaled is this value, to the last bit where there is one.

    >>> 100 * unscaled(100 * 0.07, 100) == 100 * 0.07
    True
    """
    found = value / scale
    near = (found, math.nextafter(found, math.inf), math.nextafter(found, -math.inf))
    return next((one for one in near if one * scale == value), found)


def _uncertainty(
    one: ExchangedResult, metric: str, measure: Measure, scale: Metric
) -> dict[str, Any]:
    estimate, found = one.estimates.get(metric), dict[str, Any]()
    if measure.stderr is not None:
        found["standard_error"] = {"value": unscaled(measure.stderr, scale.scale)}
    if estimate and estimate.low is not None and estimate.high is not None:
        found["confidence_interval"] = {
            "lower": estimate.low / scale.scale,
            "upper": estimate.high / scale.scale,
            "confidence_level": LEVEL,
            "method": estimate.method or UNKNOWN,
        }
    if one.result.n is not None:
        found["num_samples"] = one.result.n
    return found


def _model_info(one: ExchangedResult, file: ResultsFile) -> dict[str, Any]:
    config, name = file.section("config"), one.model_id
    kind, dtype = config.get("model"), config.get("model_dtype")
    engine = load_exchange_names().engines.get(kind) if isinstance(kind, str) else None
    on_hub = "/" in name
    details = {
        "deployment_type": "self_deployed" if engine else UNKNOWN,
        "model_availability": "open_weights" if engine and on_hub else UNKNOWN,
        "model_type": kind if isinstance(kind, str) else None,
        "sha": one.result.sha,
        "dtype": dtype if isinstance(dtype, str) else None,
    }
    return {
        "name": one.model,
        "id": name,
        **({"developer": name.partition("/")[0]} if on_hub else {}),
        **({"inference_engine": {"name": engine}} if engine else {}),
        "additional_details": _there(details),
    }


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


def _number(value: object) -> str | None:
    """Return a number as JSON has it, to be read back to the bit."""
    return json.dumps(value) if isinstance(value, int | float) and value else None


def _there(found: Mapping[str, str | None]) -> dict[str, str]:
    return {key: text for key, text in found.items() if text is not None}
