"""The rules of Every Eval Ever 0.3.0 that our records must keep, as we read them.

No package index has the published schema: the test beside this asks the package where
it is installed from its repository, and else these rules stand in for it.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any


PLACE = re.compile(
    r"data/[^/<>:\"\\|?*]+/[^/<>:\"\\|?*]+/[^/<>:\"\\|?*]+/"
    r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    r"(\.json|_samples\.jsonl)"
)
RECORD = {
    "schema_version", "evaluation_id", "evaluation_timestamp", "retrieved_timestamp",
    "source_metadata", "eval_library", "model_info", "evaluation_results",
    "detailed_evaluation_results",
}  # fmt: skip
ROW = {
    "schema_version", "evaluation_id", "model_id", "evaluation_name", "sample_id",
    "interaction_type", "input", "answer_attribution", "evaluation",
}  # fmt: skip
ROW_MAY = ROW | {"evaluation_result_id", "sample_hash", "output", "metadata"}
DEPLOYED = {"self_deployed", "externally_managed", "unknown"}
AVAILABLE = {"open_weights", "closed_weights", "unknown"}


def faults(root: Path) -> list[str]:
    """Return what is wrong with the records below a folder."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    found = [str(p) for p in files if not PLACE.fullmatch(_name(p, root))]
    for path in files:
        if path.suffix == ".json":
            found += [f"{_name(path, root)}: {text}" for text in _record(path, root)]
        elif not path.with_name(path.name.replace("_samples.jsonl", ".json")).exists():
            found.append(f"{path} has no record")
    return found


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _record(path: Path, root: Path) -> Iterator[str]:
    record = json.loads(path.read_text("utf-8"), parse_constant=_no_constant)
    optional = {"evaluation_timestamp", "detailed_evaluation_results"}
    yield from (f"no {name}" for name in RECORD - optional - set(record))
    yield from (f"unknown {name}" for name in set(record) - RECORD)
    yield from _not_texts(record, "")
    if record["schema_version"] != "0.3.0":
        yield "another version"
    source, info = record["source_metadata"], record["model_info"]
    if (
        source["source_type"] != "evaluation_run"
        or not source["source_organization_name"]
    ):
        yield "no source"
    if source["evaluator_relationship"] not in (
        "first_party", "third_party", "collaborative", "other",
    ):  # fmt: skip
        yield "no relationship"
    if not record["eval_library"]["name"] or not record["eval_library"]["version"]:
        yield "no library"
    if info["additional_details"]["deployment_type"] not in DEPLOYED:
        yield "no deployment"
    if info["additional_details"]["model_availability"] not in AVAILABLE:
        yield "no availability"
    ids = [one["evaluation_result_id"] for one in record["evaluation_results"]]
    if len(set(ids)) != len(ids) or not ids:
        yield f"ids {ids}"
    for one in record["evaluation_results"]:
        yield from _result(one)
    yield from _samples(path, root, record, ids)


def _result(one: dict[str, Any]) -> Iterator[str]:
    config, score = one["metric_config"], one["score_details"]["score"]
    if not isinstance(config["lower_is_better"], bool):
        yield "lower_is_better"
    if config["score_type"] != "continuous":
        yield "score_type"
    low, high = config["min_score"], float(config["max_score"])
    if not (math.isfinite(score) and low <= score <= high):
        yield f"{score} is not within {low} and {high}"
    source = one["source_data"]
    if source["source_type"] not in ("hf_dataset", "other") or (
        source["source_type"] == "hf_dataset" and not source["hf_repo"]
    ):
        yield "source_data"
    known = one["score_details"]["uncertainty"]
    interval = known.get("confidence_interval")
    if interval and not interval["lower"] <= score <= interval["upper"]:
        yield "the interval is elsewhere"
    if not isinstance(known.get("num_samples", 1), int):
        yield "num_samples"
    arguments = one["generation_config"]["generation_args"]
    if set(arguments) - {"temperature", "top_p", "top_k", "max_tokens"}:
        yield "generation_args"


def _samples(
    path: Path, root: Path, record: dict[str, Any], ids: list[str]
) -> Iterator[str]:
    samples = path.with_name(f"{path.stem}_samples.jsonl")
    detail = record.get("detailed_evaluation_results")
    if (detail is None) != (not samples.exists()):
        yield "samples are there, or named, not both"
    if detail is None:
        return
    data = samples.read_bytes()
    # others split at whatever Python calls the end of a line
    lines = data.decode("utf-8").splitlines()
    if detail != {
        "format": "jsonl",
        "file_path": _name(samples, root),
        "hash_algorithm": "sha256",
        "checksum": hashlib.sha256(data).hexdigest(),
        "total_rows": len(lines),
    }:
        yield f"samples are {detail}"
    for line in lines:
        row = json.loads(line, parse_constant=_no_constant)
        yield from (f"a row has no {name}" for name in ROW - set(row))
        yield from (f"a row has {name}" for name in set(row) - ROW_MAY)
        if row["evaluation_id"] != record["evaluation_id"]:
            yield "a row is of another evaluation"
        if row["model_id"] != record["model_info"]["id"]:
            yield "a row is of another model"
        if row["evaluation_result_id"] not in ids:
            yield "a row is of no result"
        if row["interaction_type"] != "single_turn" or not row["output"]["raw"]:
            yield "a row has no output"
        if not isinstance(row["evaluation"]["is_correct"], bool):
            yield "is_correct"
        if set(map(type, row["metadata"].values())) != {str}:
            yield "metadata"


def _not_texts(node: Any, where: str) -> Iterator[str]:
    """Yield where additional details are more than texts."""
    if isinstance(node, dict):
        for key, value in node.items():
            here = f"{where}.{key}"
            if key == "additional_details":
                if not all(isinstance(one, str) for one in value.values()):
                    yield here
            else:
                yield from _not_texts(value, here)
    elif isinstance(node, list):
        for at, value in enumerate(node):
            yield from _not_texts(value, f"{where}[{at}]")


def _no_constant(name: str) -> None:
    raise ValueError(name)
