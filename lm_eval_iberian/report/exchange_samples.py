"""Every Eval Ever's records of samples as if lm-eval had written them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lm_eval_iberian.report.exchange_reading import (
    child_of,
    lacking,
    parsed,
    texts_in,
)


def as_lm_eval_samples(
    rows: Iterable[tuple[str, dict[str, Any]]], metrics: Mapping[str, str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the samples that lm-eval would have written, each once.

    Args:
        rows: Where a row stands, and the row; each is of a sample and one metric.
        metrics: The metric of each of the record's results, by its id.

    Raises:
        DataError: A row lacks what it must have.
    """
    samples: dict[tuple[str, str, str], tuple[str, dict[str, Any]]] = {}
    for where, row in rows:
        sample = _sample(row, metrics, where)
        key = (str(sample["doc_id"]), str(sample["doc_hash"]), sample["filter"])
        samples.setdefault(key, (where, sample))[1].update(sample)
    yield from samples.values()


def _sample(
    row: Mapping[str, Any], metrics: Mapping[str, str], where: str
) -> dict[str, Any]:
    given, judged = child_of(row, "input", where), child_of(row, "evaluation", where)
    if "sample_id" not in row or "score" not in judged:
        raise lacking(where, "sample_id or evaluation.score")
    meta = row.get("metadata")
    details = texts_in(meta) if isinstance(meta, Mapping) else {}
    raw, choices = str(given.get("raw", "")), given.get("choices")
    references = given.get("reference")
    first = references[:1] if isinstance(references, list) else []
    answers = _answers(row)
    texts = choices if isinstance(choices, list) and choices else [None]
    doc = parsed(details.get("doc"))
    only = next(iter(metrics.values())) if len(set(metrics.values())) == 1 else None
    metric = metrics.get(str(row.get("evaluation_result_id", "")), only)
    scores = parsed(details.get("lm_eval_metrics"))
    known = scores if isinstance(scores, dict) else {}
    if not known and metric is not None:
        known = {metric: judged["score"]}
    number = str(row["sample_id"])
    return known | {
        "doc_id": int(number) if number.isdecimal() and len(number) < 16 else number,
        "doc": doc if isinstance(doc, dict) else {"input": raw},
        "target": details.get("target", "".join(map(str, first))),
        "arguments": {
            f"gen_args_{at}": {"arg_0": raw}
            | ({} if text is None else {"arg_1": str(text)})
            for at, text in enumerate(texts)
        },
        "resps": parsed(details.get("resps")) or [answers],
        "filtered_resps": parsed(details.get("filtered_resps")) or answers,
        "filter": details.get("filter", "none"),
        "metrics": list(known),
        "doc_hash": details.get("doc_hash") or row.get("sample_hash"),
    }


def _answers(row: Mapping[str, Any]) -> list[str]:
    output = row.get("output")
    raw = output.get("raw") if isinstance(output, Mapping) else None
    if isinstance(raw, list):
        return [str(one) for one in raw]
    messages = row.get("messages")
    said = messages if isinstance(messages, list) else []
    last = [m.get("content") for m in said if isinstance(m, Mapping)][-1:]
    return [str(text) for text in last if text is not None]
