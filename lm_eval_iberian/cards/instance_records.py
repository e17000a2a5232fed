"""Samples as the instance-level records of Every Eval Ever."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lm_eval_iberian.comparison import ABSENT, value_in
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.exchange_names import load_exchange_names
from lm_eval_iberian.stats import sentence_chrf


Sample = Mapping[str, Any]
_TEXTS = "texts"


def instance_records(
    samples: Sequence[tuple[str, Sample]],
    metric: str,
    form: str,
    ids: Mapping[str, str],
) -> Iterator[dict[str, Any]]:
    """Yield a record for each sample, of the metric that counts alone.

    The other metrics of a sample stand in ``metadata``, so that no answer is written as
    often as it has metrics. BLEU is of a whole corpus: a translation has the chrF++ of
    its sentence as its score, and ``metadata`` says so.

    Args:
        samples: Where each stands, and lm-eval's row. One that nothing was asked of,
            and that no score counts, has no record.
        metric: lm-eval's name of the metric.
        form: What a sample holds of it, as the catalogue says.
        ids: What every record says of where it belongs: ``evaluation_id``,
            ``model_id``, ``evaluation_name``, ``evaluation_result_id``.

    Raises:
        DataError: A sample's score is not a finite number.
    """
    for where, sample in samples:
        value = value_in(sample, metric, form)
        if value is None or value == []:
            continue
        score = _score(value, form)
        if score is None:
            said = "not there" if value is ABSENT else repr(value)[:40]
            raise DataError(f"{where}: {metric} is {said}, not a score")
        record = _record(sample, score, ids)
        if form == _TEXTS:
            record["evaluation"]["is_correct"] = value[0] == value[1]
            record["metadata"]["score_is"] = "chrF++ of the sentence"
        yield record


def is_scored_by_item(form: str) -> bool:
    """Return whether a sample can have a score of its own, by a metric of this form."""
    return form in ("right", "verdicts", _TEXTS)


def _score(value: object, form: str) -> float | None:
    """Return a number: of several verdicts the share that holds."""
    if form == _TEXTS:
        texts = isinstance(value, list) and [v for v in value if isinstance(v, str)]
        return sentence_chrf(*texts) if texts and len(texts) == 2 else None
    if isinstance(value, list) and all(isinstance(v, bool) for v in value):
        return sum(value) / len(value)
    if isinstance(value, bool | int | float) and math.isfinite(value):
        return float(value)
    return None


def _record(sample: Sample, score: float, ids: Mapping[str, str]) -> dict[str, Any]:
    prompt, choices = _asked(sample.get("arguments"))
    answer = _answer(sample, choices)
    reference = [_reference(sample.get("target"), choices)]
    method = "loglikelihood" if choices else "none"
    return {
        "schema_version": load_exchange_names().version,
        **ids,
        "sample_id": str(sample.get("doc_id", "")),
        "sample_hash": _digest({"raw": prompt, "reference": reference}),
        "interaction_type": "single_turn",
        "input": {"raw": prompt, "reference": reference}
        | ({"choices": choices} if choices else {}),
        "output": {"raw": [answer]},
        "answer_attribution": [
            {
                "turn_idx": 0,
                "source": "output.raw",
                "extracted_value": answer,
                "extraction_method": method,
                "is_terminal": True,
            }
        ],
        "evaluation": {"score": score, "is_correct": score == 1.0},
        "metadata": _metadata(sample, bool(choices)),
    }


def _metadata(sample: Sample, with_responses: bool) -> dict[str, str]:
    metrics = sample.get("metrics")
    names = metrics if isinstance(metrics, list) else []
    known = {name: sample[name] for name in names if name in sample}
    found = {
        "doc_hash": sample.get("doc_hash"),
        "filter": sample.get("filter"),
        "target": sample.get("target"),
        "doc": json.dumps(sample.get("doc")),
        "lm_eval_metrics": json.dumps(known),
    }
    if with_responses:
        for name in ("resps", "filtered_resps"):
            found[name] = json.dumps(sample.get(name))
    return {key: str(value) for key, value in found.items() if value is not None}


def _asked(arguments: object) -> tuple[str, list[str]]:
    """Return the prompt, and the answers that there were to choose from."""
    given = list(arguments.values()) if isinstance(arguments, Mapping) else arguments
    pairs = [_pair(one) for one in given] if isinstance(given, list) else []
    if not pairs:
        return "", []
    # of one request the second argument says how to sample
    choices = [second for _, second in pairs if isinstance(second, str)]
    return pairs[0][0], choices if len(choices) == len(pairs) > 1 else []


def _pair(one: object) -> tuple[str, object]:
    """Return a request's two arguments: lm-eval has written them in two forms."""
    if isinstance(one, Mapping):
        return str(one.get("arg_0", "")), one.get("arg_1")
    if isinstance(one, list) and one:
        return str(one[0]), one[1] if len(one) > 1 else None
    return "", None


def _answer(sample: Sample, choices: Sequence[str]) -> str:
    """Return what was answered: of choices the likeliest."""
    found = sample.get("filtered_resps") or sample.get("resps")
    given = found if isinstance(found, list) else []
    if choices:
        likelihoods = [_likelihood(one) for one in given]
        if len(likelihoods) == len(choices):
            return choices[likelihoods.index(max(likelihoods))]
        return ""
    first = given[0] if given else ""
    while isinstance(first, list) and first:
        first = first[0]
    return str(first)


def _likelihood(response: object) -> float:
    while isinstance(response, list) and response:
        response = response[0]
    try:
        found = float(str(response))
    except ValueError:
        return -math.inf
    return -math.inf if math.isnan(found) else found


def _reference(target: object, choices: Sequence[str]) -> str:
    text = str(target)
    if choices and text.isdecimal() and int(text) < len(choices):
        return choices[int(text)]
    return text


def _digest(content: Mapping[str, object]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
