"""Records of Every Eval Ever in the forms that others write."""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any


def converted(task: str, *, n: int = 900, **scores: float) -> dict[str, Any]:
    """Return a record as the converter of lm-eval's files writes it."""
    return {
        "schema_version": "0.3.0",
        "evaluation_id": f"{task}/org/model/1700000001",
        "evaluation_timestamp": "1700000000",
        "retrieved_timestamp": "1700000001",
        "source_metadata": {
            "source_name": "lm-evaluation-harness",
            "source_type": "evaluation_run",
            "source_organization_name": "org",
            "evaluator_relationship": "first_party",
        },
        "eval_library": {"name": "lm_eval", "version": "0.4.9"},
        "model_info": {
            "name": "org/model",
            "id": "org/model",
            "developer": "org",
            "additional_details": {
                "sha": "abc",
                "deployment_type": "unknown",
                "model_availability": "unknown",
            },
        },
        "evaluation_results": [
            {
                "evaluation_name": task,
                "source_data": {"dataset_name": task, "source_type": "other"},
                "metric_config": {
                    "evaluation_description": metric,
                    "lower_is_better": False,
                    "score_type": "continuous",
                    "min_score": 0.0,
                    "max_score": 1.0,
                },
                "score_details": {
                    "score": score,
                    "uncertainty": {
                        "standard_error": {"value": 0.015, "method": "bootstrap"},
                        "num_samples": n,
                    },
                },
                "generation_config": {
                    "generation_args": {"temperature": 0.0},
                    "additional_details": {"num_fewshot": "5"},
                },
            }
            for metric, score in scores.items()
        ],
    }


def euroeval(dataset: str, **scores: float) -> dict[str, Any]:
    """Return a record as EuroEval appends it to its file."""
    return {
        "schema_version": "0.2.1",
        "evaluation_id": f"{dataset}/org/model/1700000000",
        "evaluation_timestamp": "2023-11-14T22:13:20+00:00",
        "retrieved_timestamp": "1700000000",
        "source_metadata": {
            "source_name": "EuroEval",
            "source_type": "evaluation_run",
            "source_organization_name": "EuroEval",
            "evaluator_relationship": "third_party",
        },
        "model_info": {
            "name": "org/model",
            "id": "org/model",
            "additional_details": {"merge": "false", "generative_type": None},
        },
        "eval_library": {
            "name": "euroeval",
            "version": "17.6.0",
            "additional_details": {"dataset": dataset, "raw_results": "[]"},
        },
        "evaluation_results": [
            {
                "evaluation_name": metric,
                "source_data": {"dataset_name": dataset, "source_type": "hf_dataset"},
                "metric_config": {
                    "lower_is_better": False,
                    "score_type": "continuous",
                    "min_score": 0,
                    "max_score": 100,
                },
                "score_details": {
                    "score": score,
                    "details": {"num_failed_instances": "0.0"},
                    "uncertainty": {
                        "confidence_interval": {
                            "lower": score - 1, "upper": score + 1,
                            "confidence_level": 0.95, "method": "bootstrap",
                        },
                        "num_samples": 10,
                    },
                },
            }
            for metric, score in scores.items()
        ],
    }  # fmt: skip


def sample_row(number: int, right: bool) -> dict[str, Any]:
    """Return a sample of a multiple choice as the converter writes it."""
    return {
        "schema_version": "0.3.0",
        "evaluation_id": "belebele_eus_Latn/org/model/1700000001",
        "model_id": "org/model",
        "evaluation_name": "belebele_eus_Latn",
        "evaluation_result_id": None,
        "sample_id": str(number),
        "sample_hash": f"sample-{number}",
        "interaction_type": "single_turn",
        "input": {
            "raw": f"Galdera {number}",
            "formatted": None,
            "reference": ["0"],
            "choices": ["A", "B"],
        },
        "output": {"raw": ["A" if right else "B"], "reasoning_trace": None},
        "messages": None,
        "answer_attribution": [],
        "evaluation": {"score": float(right), "is_correct": right},
        "metadata": {"doc_hash": f"hash-{number}", "filter": "none"},
    }


def put(
    folder: Path, record: dict[str, Any], rows: Sequence[dict[str, Any]] = ()
) -> Path:
    """Write a record where the datastore has it, with its samples beside it."""
    place = folder / "data" / "any" / "org" / "model"
    place.mkdir(parents=True, exist_ok=True)
    number = str(uuid.uuid4())
    if rows:
        samples = place / f"{number}_samples.jsonl"
        samples.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        record = record | {
            "detailed_evaluation_results": {
                "format": "jsonl",
                "file_path": samples.relative_to(folder).as_posix(),
                "total_rows": len(rows),
            }
        }
    path = place / f"{number}.json"
    path.write_text(json.dumps(record))
    return path


JUNK = (None, [], {}, "", "x", -1, True, 10**400, [None], {"a": None})


def mangled(content: Any) -> Iterator[Any]:
    """Yield copies, in each one part is junk or missing."""
    for path in list(_paths(content)):
        *parents, last = path
        for junk in (*JUNK, "missing"):
            found = copy.deepcopy(content)
            place = found
            for key in parents:
                place = place[key]
            if junk == "missing":
                del place[last]
            else:
                place[last] = junk
            yield found


def _paths(node: Any) -> Iterator[tuple[Any, ...]]:
    keys = node if isinstance(node, dict) else range(len(node))
    for key in keys:
        yield (key,)
        if isinstance(node[key], dict | list):
            yield from ((key, *more) for more in _paths(node[key]))
