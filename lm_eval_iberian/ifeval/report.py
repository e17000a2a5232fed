"""Scores as JSON: metrics by name, and every verdict with its reason."""

from __future__ import annotations

import dataclasses
import json
import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.files import write_whole
from lm_eval_iberian.ifeval.metrics import Metrics, aggregate
from lm_eval_iberian.ifeval.pairing import Asked, Matched
from lm_eval_iberian.ifeval.prompt_files import unchecked
from lm_eval_iberian.ifeval.rows import RowScore


Rows = Mapping[str, tuple[RowScore, ...]]


@dataclass(frozen=True)
class ScoredRun:
    """A run's answers, the scores of every scoring, and the metrics of these."""

    matched: Matched
    rows: Rows
    metrics: Mapping[str, Any]


def write_scores(
    path: Path,
    asked: Asked,
    runs: Sequence[ScoredRun],
) -> None:
    """Write metrics and rows as JSON; whole or not at all.

    With both scorings the names of the original one end in ``_original``. Several runs
    give the mean and the standard deviation of each metric, and each run.

    Args:
        path: Where to write.
        asked: The prompts.
        runs: One for each answers file.

    Raises:
        DataError: The file cannot be written.
    """
    each = [
        {
            "answers": str(run.matched.path),
            "metrics": run.metrics,
            "unanswered": run.matched.unanswered + run.matched.set_aside,
            "unmatched": run.matched.unmatched,
            "bad_rows": run.matched.bad_rows,
            "health": list(_healths(run.rows)),
            "rows": list(_rows(run.rows)),
        }
        for run in runs
    ]
    scorings = list(runs[0].rows)
    content: dict[str, Any] = {"lang": asked.lang, "scoring": "both"}
    content["unchecked"] = list(map(dataclasses.asdict, unchecked(asked.prompts)))
    content["partial"] = [one.key for one in asked.prompts if one.skipped_ids]
    content["bad_prompts"] = asked.bad_rows
    if len(scorings) == 1:
        content["scoring"] = scorings[0]
    if len(each) == 1:
        content |= each[0]
    else:
        means, deviations = over_runs([run.metrics for run in runs])
        content |= {"metrics": means, "sd": deviations, "runs": each}
    text = json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False)
    try:
        # a model's lone surrogates have no UTF-8; escaped they are JSON all the same
        write_whole(path, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}") from error


def over_runs(
    runs: Sequence[Mapping[str, Any]],
) -> tuple[dict[str, float], dict[str, float]]:
    """Return mean and sample standard deviation of each metric over runs."""
    shared = {
        name: [run[name] for run in runs]
        for name, value in runs[0].items()
        if isinstance(value, float) and all(run[name] is not None for run in runs)
    }
    means = {name: statistics.mean(values) for name, values in shared.items()}
    return means, {name: statistics.stdev(values) for name, values in shared.items()}


def suffixes(scorings: Iterable[str]) -> dict[str, str]:
    """Return, for each scoring, what is added to its names beside another one."""
    first, *others = scorings
    return {first: ""} | {name: f"_{name}" for name in others}


def metrics(rows: Rows) -> dict[str, Any]:
    """Return the metrics of every scoring by name; ``None`` where nothing counted."""
    found: dict[str, Any] = {}
    for scoring, suffix in suffixes(rows).items():
        for name, value in _plain(aggregate(rows[scoring])).items():
            found[f"{name}{suffix}"] = value
    return found


def _plain(found: Metrics) -> dict[str, Any]:
    """Return metrics as JSON knows them: ``nan`` is null."""
    numbers = {
        field.name: _number(getattr(found, field.name))
        for field in dataclasses.fields(found)
        if field.name not in ("by_instruction", "stderr")
    }
    errors = {name: _number(value) for name, value in found.stderr.items()}
    by_type = {
        name: {"strict": acc.strict, "loose": acc.loose, "count": acc.count}
        for name, acc in found.by_instruction.items()
    }
    return numbers | {"stderr": errors, "by_instruction": by_type}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _healths(rows: Rows) -> Iterator[dict[str, Any]]:
    """Yield what is wrong with each answer that is not well, by its key."""
    for score in next(iter(rows.values())):
        found = dataclasses.asdict(score.answered.health)
        first_turn = found.pop("first_turn")
        troubles = {name: why for name, why in found.items() if why is not None}
        if troubles:
            length = {"first_turn_length": len(first_turn)} if found["run_on"] else {}
            yield {"key": score.key} | troubles | length


def _rows(rows: Rows) -> Iterator[dict[str, Any]]:
    """Yield one entry for each instruction, with the verdicts of every scoring."""
    names = suffixes(rows)
    for scores in zip(*rows.values(), strict=True):
        entries: dict[tuple[int, str], dict[str, Any]] = {}
        for suffix, score in zip(names.values(), scores, strict=True):
            verdicts = zip(
                score.places,
                score.instruction_ids,
                score.strict,
                score.loose,
                strict=True,
            )
            for place, name, strict, loose in verdicts:
                start = {"key": score.key, "instruction_id": name, "index": place}
                entry = entries.setdefault((place, name), start)
                entry[f"strict{suffix}"] = strict.followed
                entry[f"loose{suffix}"] = loose.followed
                entry[f"reason{suffix}"] = strict.reason
        yield from entries.values()
