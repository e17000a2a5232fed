"""The audit of one file: how its answers behave, what they score, stored verdicts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from lm_eval_iberian.audit.answer_files import AnswerFile, AuditRow, rows_left_out
from lm_eval_iberian.audit.origin import Origin
from lm_eval_iberian.audit.recorded import Comparison, Recorded
from lm_eval_iberian.health import Health, examine
from lm_eval_iberian.ifeval import RowScore, aggregate
from lm_eval_iberian.ifeval.answers import Answers, some
from lm_eval_iberian.ifeval.averages import mean_stderr
from lm_eval_iberian.ifeval.instruction import Answer
from lm_eval_iberian.ifeval.language import asked_language
from lm_eval_iberian.ifeval.metrics import Metrics
from lm_eval_iberian.ifeval.pairing import Asked, Matched, match
from lm_eval_iberian.ifeval.prompt import Prompt
from lm_eval_iberian.ifeval.scoring import SCORINGS, score_by
from lm_eval_iberian.ifeval.thoughts import without_thoughts
from lm_eval_iberian.languages import load_profile
from lm_eval_iberian.terminal import one_line


# each of them None or a reason
SYMPTOMS: Final = tuple(
    item.name for item in fields(Health) if item.name != "first_turn"
)
ACCURACIES: Final = (
    "prompt_level_strict_acc",
    "prompt_level_loose_acc",
    "inst_level_strict_acc",
    "inst_level_loose_acc",
)
FIRST_TURN: Final = "inst_level_strict_acc_first_turn"


@dataclass(frozen=True)
class Rate:
    """A share, from 0 to 1, with its standard error, and of how many it is one.

    Both are None where they cannot be told: of nothing, of one.
    """

    value: float | None
    stderr: float | None
    n: int


@dataclass(frozen=True)
class Flagged:
    """An answer with something wrong in it.

    Attributes:
        where: File and line.
        name: What the row is called: its key, or its number.
        reasons: For each symptom the reason.
        excerpt: The beginning and the end of the answer, on one line.
    """

    where: str
    name: str
    reasons: Mapping[str, str]
    excerpt: str


@dataclass(frozen=True)
class FileAudit:
    """What was found in one file.

    Attributes:
        path: The file.
        origin: Whose answers it holds.
        answers: How many answers it holds.
        health: The rate of each symptom.
        flagged: Every answer that has one.
        scores: For each scoring, its accuracies; empty where nothing was scored.
        prompts: How many prompts were scored.
        instructions: How many instructions they have.
        comparison: Stored verdicts beside ours; None where there are none.
        notes: What a reader must know, a sentence each.
    """

    path: Path
    origin: Origin
    answers: int
    health: Mapping[str, Rate]
    flagged: tuple[Flagged, ...]
    scores: Mapping[str, Mapping[str, Rate]] = field(default_factory=dict)
    prompts: int = 0
    instructions: int = 0
    comparison: Comparison | None = None
    notes: tuple[str, ...] = ()


def audit_answers(
    file: AnswerFile,
    origin: Origin,
    asked: Asked | None,
    verdicts: Mapping[int, Recorded],
    *,
    keep_going: bool = False,
) -> FileAudit:
    """Audit the answers of a file.

    Args:
        file: The answers.
        origin: Whose they are.
        asked: The IFEval prompts that they answer; None for other tasks.
        verdicts: Stored verdicts on them by key that stood in another file.
        keep_going: Leave out answers that cannot be used.

    Raises:
        DataError: The answers are not to these prompts.
    """
    notes = list(filter(None, [rows_left_out(file)]))
    matched = None
    if asked is not None:
        given = tuple(row.given for row in file.rows if row.given is not None)
        matched = match(asked, Answers(file.path, given), keep_going=keep_going)
        notes += matched.leftovers
    prompt_of = _prompts_by_place(asked, matched)
    health = {
        row.where: _examine(row, prompt_of.get(row.where), origin.lang)
        for row in file.rows
    }
    flagged = tuple(
        _flagged(row, health[row.where])
        for row in file.rows
        if _symptoms(health[row.where])
    )
    audit = FileAudit(
        path=file.path,
        origin=origin,
        answers=len(file.rows),
        health=_rates([health[row.where] for row in file.rows]),
        flagged=flagged,
        notes=tuple(notes),
    )
    if asked is None or matched is None:
        return audit
    return _scored(audit, file, asked, matched, health, verdicts)


def _prompts_by_place(
    asked: Asked | None, matched: Matched | None
) -> dict[str, Prompt]:
    """Return the prompt of each answer, by file and line."""
    if asked is None or matched is None:
        return {}
    by_key = {prompt.key: prompt for prompt in asked.prompts}
    return {given.where: by_key[key] for key, given in matched.given.items()}


def _examine(row: AuditRow, prompt: Prompt | None, lang: str | None) -> Health:
    """Return the health of an answer without the model's thoughts."""
    text = without_thoughts(row.response or "").text
    if prompt is None:
        return examine(text, row.prompt, lang)
    return examine(text, prompt.prompt, _language_of(prompt))


def _language_of(prompt: Prompt) -> str:
    """Return the language that a prompt wants to be answered in."""
    named = (demand.arguments.get("language") for demand in prompt.demands)
    profile = load_profile(prompt.lang)
    wanted = next((lang for lang in named if lang is not None), None)
    return wanted or asked_language(Answer("", profile, prompt.prompt))


def _symptoms(health: Health) -> dict[str, str]:
    """Return what is wrong, each with the reason."""
    reasons = {name: getattr(health, name) for name in SYMPTOMS}
    return {name: one_line(why) for name, why in reasons.items() if why is not None}


def _flagged(row: AuditRow, health: Health) -> Flagged:
    said = row.response or ""
    excerpt = one_line(said, 120)
    if len(said) > 240:
        excerpt = f"{one_line(said, 60)} … {one_line(said[-100:], 110)}"
    return Flagged(row.where, row.name, _symptoms(health), excerpt)


def _rates(found: Sequence[Health]) -> dict[str, Rate]:
    return {
        name: _rate([getattr(health, name) is not None for health in found])
        for name in SYMPTOMS
    }


def _rate(flags: Sequence[bool]) -> Rate:
    value = sum(flags) / len(flags) if flags else None
    return Rate(value, _known(mean_stderr(flags)), len(flags))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _scored(
    audit: FileAudit,
    file: AnswerFile,
    asked: Asked,
    matched: Matched,
    health: Mapping[str, Health],
    verdicts: Mapping[int, Recorded],
) -> FileAudit:
    """Return an audit with scores, first turns and the comparison of verdicts."""
    whole: dict[str, list[RowScore]] = {name: [] for name in SCORINGS}
    first: dict[str, list[RowScore]] = {name: [] for name in SCORINGS}
    rows = {row.where: row for row in file.rows}
    comparison, carried = Comparison(), False
    for prompt in asked.prompts:
        given = matched.given.get(prompt.key)
        if given is None:
            continue
        scores = _scores(prompt, given.response, given.truncated)
        cut = _cut(given.response, health[given.where])
        again = scores if cut is None else _scores(prompt, cut, given.truncated)
        for name in SCORINGS:
            whole[name].append(scores[name])
            first[name].append(again[name])
        row = rows[given.where]
        recorded = row.recorded or verdicts.get(prompt.key)
        carried |= recorded is not None or row.fault is not None
        if row.fault is not None:
            comparison.faults.append(f"key {prompt.key}: {row.fault}")
        elif recorded is not None:
            listed = (*prompt.published[0], *prompt.skipped_ids)
            place = (row.where, f"key {prompt.key}")
            comparison.add(recorded, listed, scores, place)
    found = {name: aggregate(whole[name]) for name in SCORINGS}
    notes = list(audit.notes)
    if carried:
        notes += _said_of(comparison)
    return FileAudit(
        path=audit.path,
        origin=audit.origin,
        answers=audit.answers,
        health=audit.health,
        flagged=audit.flagged,
        scores={
            name: _accuracies(found[name], aggregate(first[name])) for name in SCORINGS
        },
        prompts=found["repaired"].prompts,
        instructions=found["repaired"].instructions,
        comparison=comparison if carried else None,
        notes=tuple(notes),
    )


def _scores(
    prompt: Prompt, response: str | None, truncated: bool | None
) -> dict[str, RowScore]:
    both = score_by(prompt, response, SCORINGS, truncated=truncated)
    return dict(zip(SCORINGS, both, strict=True))


def _cut(response: str | None, health: Health) -> str | None:
    """Return an answer up to its run-on, thoughts included; None without a run-on."""
    if response is None or health.run_on is None:
        return None
    start = response.find(health.first_turn)
    return (
        health.first_turn if start < 0 else response[: start + len(health.first_turn)]
    )


def _accuracies(whole: Metrics, first: Metrics) -> dict[str, Rate]:
    found = {name: _accuracy(whole, name) for name in ACCURACIES}
    return found | {FIRST_TURN: _accuracy(first, "inst_level_strict_acc")}


def _accuracy(metrics: Metrics, name: str) -> Rate:
    n = metrics.prompts if name.startswith("prompt") else metrics.instructions
    value: Any = getattr(metrics, name)
    return Rate(_known(value), _known(metrics.stderr[name]), n)


def _said_of(comparison: Comparison) -> Iterable[str]:
    """Yield what was not compared, and why."""
    if comparison.faults:
        yield (
            f"verdicts of {len(comparison.faults)} rows cannot be compared: "
            f"{some(comparison.faults, 3)}"
        )
    if comparison.unchecked:
        kinds = [f"{name} ({n})" for name, n in sorted(comparison.unchecked.items())]
        total = comparison.unchecked.total()
        yield f"{total} stored verdicts on types that nothing here checks: " + some(
            kinds
        )
    if comparison.absent:
        yield (
            f"{comparison.absent} stored verdicts on instructions that the repaired "
            "prompt does not have"
        )
