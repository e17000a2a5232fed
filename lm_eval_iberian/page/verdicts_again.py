"""The verdicts on an IFEval answer, given again, for their reasons and to compare."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from lm_eval_iberian.errors import IberianError
from lm_eval_iberian.health import Health
from lm_eval_iberian.ifeval import score_by


_STORED: Final = "inst_level_strict_acc"
_OURS: Final = "inst_level_strict_acc_original"


@dataclass(frozen=True)
class AgainVerdict:
    """One instruction of a prompt.

    Args:
        instruction: Its id.
        stored: The strict verdict that stands in the sample, ``None`` without one.
        now: The one that the same scoring gives now, ``None`` where it gives none.
        reason: Why, in words.
    """

    instruction: str
    stored: bool | None
    now: bool | None
    reason: str


@dataclass(frozen=True)
class ScoredAgain:
    """What scoring an answer again says.

    Args:
        verdicts: One for each instruction, in the order of the prompt.
        health: What is wrong with the answer, each with its reason.
    """

    verdicts: tuple[AgainVerdict, ...]
    health: Mapping[str, str]


def is_ifeval(sample: Mapping[str, Any]) -> bool:
    """Return whether a sample is an answer to an IFEval prompt."""
    doc = sample.get("doc")
    return isinstance(doc, Mapping) and isinstance(doc.get("instruction_id_list"), list)


def score_again(
    sample: Mapping[str, Any], response: str | None, lang: str
) -> ScoredAgain:
    """Return the verdicts on a stored answer, given again.

    Samples of this project's tasks are scored by the repaired scoring, all others by
    the original one, which is what their verdicts are of.

    Args:
        sample: lm-eval's row.
        response: The answer that was scored.
        lang: The language of the task.
    """
    doc: Mapping[str, Any] = sample["doc"]
    ids = [str(name) for name in doc["instruction_id_list"]]
    stored = _stored(sample, len(ids))
    scoring = "repaired" if _OURS in sample else "original"
    try:
        row = dict(doc) | {"kwargs": _decoded(doc.get("kwargs"))}
        row["published"] = _decoded(doc.get("published")) or (ids, row["kwargs"])
        (score,) = score_by(row, response, (scoring,), lang=lang)
        by_place = dict(zip(score.places, score.strict, strict=True))
        health = _reasons(score.answered.health)
    except (IberianError, ValueError, TypeError, KeyError) as error:
        why = f"it cannot be scored again: {error}"
        found = [AgainVerdict(*pair, None, why) for pair in zip(ids, stored)]  # noqa: B905
        return ScoredAgain(tuple(found), {})
    verdicts = []
    for at, (name, before) in enumerate(zip(ids, stored, strict=True)):
        now = by_place.get(at)
        reason = "this scoring leaves the type out" if now is None else now.reason
        verdicts.append(
            AgainVerdict(name, before, None if now is None else now.followed, reason)
        )
    return ScoredAgain(tuple(verdicts), health)


def _stored(sample: Mapping[str, Any], count: int) -> list[bool | None]:
    """Return the strict verdicts of a sample; none where they are not so many."""
    found = sample.get(_STORED)
    if isinstance(found, list) and len(found) == count:
        return [one if one is None else bool(one) for one in found]
    return [None] * count


def _decoded(value: object) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _reasons(health: Health) -> dict[str, str]:
    """Return what is wrong, each with the reason."""
    return {
        field.name: str(why)
        for field in fields(health)
        if field.name != "first_turn" and (why := getattr(health, field.name))
    }
