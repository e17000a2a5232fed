"""The audit of one file: how its answers behave, what they score, stored verdicts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from lm_eval_iberian.audit.answer_files import (
    AnswerFile,
    AuditRow,
    asked_of,
    rows_left_out,
    sent_prompt,
)
from lm_eval_iberian.audit.origin import AnswerOrigin
from lm_eval_iberian.audit.recorded import Comparison, Recorded
from lm_eval_iberian.health import (
    Health,
    TranslationHealth,
    examine,
    examine_translation,
)
from lm_eval_iberian.ifeval import RowScore, aggregate
from lm_eval_iberian.ifeval.answers import Answers
from lm_eval_iberian.ifeval.averages import mean_stderr
from lm_eval_iberian.ifeval.metrics import Metrics
from lm_eval_iberian.ifeval.pairing import Asked, match, score_answers
from lm_eval_iberian.terminal import counted, one_line, shown, some


ACCURACIES: Final = (
    "prompt_level_strict_acc",
    "prompt_level_loose_acc",
    "inst_level_strict_acc",
    "inst_level_loose_acc",
    "inst_level_strict_acc_first_turn",
)
# what is not a reason among the fields of a health
_TEXTS: Final = frozenset({"first_turn", "text"})
_SENTENCE: Final = "sentence_"
Stored = Mapping[int, Recorded]


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
        health: The rates of ``health.RATES``; of translations, of theirs.
        flagged: Every answer with something wrong in it.
        scores: For each scoring, its accuracies; empty where nothing was scored.
        prompts: How many prompts were scored.
        instructions: How many instructions they have.
        asked: What the prompts are called that were scored; None where none was.
        comparison: Stored verdicts beside ours; None where there are none.
        notes: What a reader must know, a sentence each.
    """

    path: Path
    origin: AnswerOrigin
    answers: int
    health: Mapping[str, Rate]
    flagged: tuple[Flagged, ...]
    scores: Mapping[str, Mapping[str, Rate]] = field(default_factory=dict)
    prompts: int = 0
    instructions: int = 0
    asked: str | None = None
    comparison: Comparison | None = None
    notes: tuple[str, ...] = ()


def audit_answers(
    file: AnswerFile,
    origin: AnswerOrigin,
    asked: Asked | None,
    stored: Iterable[Stored] = (),
    *,
    keep_going: bool = False,
) -> FileAudit:
    """Audit the answers of a file.

    Args:
        file: The answers.
        origin: Whose they are.
        asked: The IFEval prompts that they answer; None for other tasks.
        stored: Verdicts by key that stand in other files: on this model, perhaps on
            other prompts. Those count that are on half of the answers at least.
        keep_going: Leave out answers that cannot be used.

    Raises:
        DataError: The answers are not to these prompts.
    """
    notes = list(filter(None, [rows_left_out(file)]))
    scores: dict[str, tuple[RowScore, ...]] = {}
    scored: dict[str, Mapping[str, RowScore]] = {}
    if asked is not None:
        given = tuple(row.given for row in file.rows if row.given is not None)
        matched = match(asked, Answers(file.path, given), keep_going=keep_going)
        notes += [*matched.leftovers, *asked.unjudged]
        if not matched.has_prompts:
            notes.append(
                "no row holds its prompt: whether these are answers to "
                f"{asked.name} cannot be checked"
            )
        scores = score_answers(asked, matched)
        places = [
            matched.given[prompt.key].where
            for prompt in asked.prompts
            if prompt.key in matched.given
        ]
        for place, *both in zip(places, *scores.values(), strict=True):
            scored[place] = dict(zip(scores, both, strict=True))
    healths = [(row, _health(row, scored.get(row.where), origin)) for row in file.rows]
    comparison = None
    if asked is not None:
        comparison = _compared(file, asked, scored, stored)
        notes += _said_of(comparison) if comparison else ()
    found = {name: aggregate(rows) for name, rows in scores.items()}
    return FileAudit(
        path=file.path,
        origin=origin,
        answers=len(file.rows),
        health=_rates([health.rates() for _, health in healths]),
        flagged=tuple(
            _flagged(row, health, scored.get(row.where))
            for row, health in healths
            if _reasons(health)
        ),
        scores={name: _accuracies(metrics) for name, metrics in found.items()},
        prompts=found["repaired"].prompts if found else 0,
        instructions=found["repaired"].instructions if found else 0,
        asked=None if asked is None else shown(asked.name),
        comparison=comparison,
        notes=tuple(map(shown, notes)),
    )


def _health(
    row: AuditRow, scored: Mapping[str, RowScore] | None, origin: AnswerOrigin
) -> Health | TranslationHealth:
    """Return the health of an answer: of a scored one as scoring sees it."""
    if scored is not None:
        return scored["repaired"].answered.health
    source = _source(row)
    if source and origin.lang is not None:
        return examine_translation(
            row.response, source, origin.lang, generation=row.generation
        )
    return examine(row.response, row.prompt, origin.lang, generation=row.generation)


def _source(row: AuditRow) -> str:
    """Return what was to be translated, if the document is one of Flores.

    It is the sentence that was sent; the other languages' were not.
    """
    sentences = [
        text
        for name, text in asked_of(row.row).items()
        if name.startswith(_SENTENCE) and isinstance(text, str) and text
    ]
    sent = sent_prompt(row.row) if sentences else ""
    return next((text for text in sentences if text in sent), "")


def _reasons(health: Health | TranslationHealth) -> dict[str, str]:
    """Return what is wrong, each with the reason."""
    return {
        name: one_line(why)
        for name, why in asdict(health).items()
        if name not in _TEXTS and why is not None
    }


def _flagged(
    row: AuditRow,
    health: Health | TranslationHealth,
    scored: Mapping[str, RowScore] | None,
) -> Flagged:
    said = row.response or ""
    excerpt = one_line(said, 120)
    if len(said) > 240:
        excerpt = f"{one_line(said, 60)} … {one_line(said[-100:], 110)}"
    name = row.name if scored is None else f"key {scored['repaired'].key}"
    return Flagged(shown(row.where), name, _reasons(health), excerpt)


def _rates(found: Sequence[Mapping[str, bool]]) -> dict[str, Rate]:
    """Return the rates; of answers and translations in one file, each of its own."""
    names = dict.fromkeys(name for rates in found for name in rates)
    return {name: _rate([r[name] for r in found if name in r]) for name in names}


def _rate(flags: Sequence[bool]) -> Rate:
    value = sum(flags) / len(flags) if flags else None
    return Rate(value, _known(mean_stderr(flags)), len(flags))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _accuracies(found: Metrics) -> dict[str, Rate]:
    rates = {}
    for name in ACCURACIES:
        n = found.prompts if name.startswith("prompt") else found.instructions
        value: Any = getattr(found, name)
        rates[name] = Rate(_known(value), _known(found.stderr[name]), n)
    return rates


def _compared(
    file: AnswerFile,
    asked: Asked,
    scored: Mapping[str, Mapping[str, RowScore]],
    stored: Iterable[Stored],
) -> Comparison | None:
    """Return stored verdicts beside ours; None where none came with the answers."""
    by_key = {prompt.key: prompt for prompt in asked.prompts}
    keys = {scores["repaired"].key for scores in scored.values()}
    fitting = (one for one in stored if 2 * len(keys & one.keys()) >= len(keys))
    elsewhere = next(fitting, {})
    comparison, carried = Comparison(), False
    for row in file.rows:
        scores = scored.get(row.where)
        if scores is None:
            continue
        prompt = by_key[int(scores["repaired"].key or 0)]
        recorded = row.recorded or elsewhere.get(prompt.key)
        place = (row.where, f"key {prompt.key}")
        if row.fault is not None:
            comparison.faults.append(f"{place[1]}: {row.fault}")
        elif recorded is not None:
            listed = (*prompt.published[0], *prompt.skipped_ids)
            comparison.add(recorded, listed, scores, place)
        else:
            continue
        carried = True
    return comparison if carried else None


def _said_of(comparison: Comparison) -> Iterable[str]:
    """Yield what was not compared, and why."""
    if comparison.faults:
        yield (
            f"verdicts of {counted(len(comparison.faults), 'row')} cannot be compared: "
            f"{some(comparison.faults, 3)}"
        )
    if comparison.unchecked:
        kinds = [f"{name} ({n})" for name, n in sorted(comparison.unchecked.items())]
        total = comparison.unchecked.total()
        found = counted(total, "stored verdict")
        yield f"{found} on types that nothing here checks: {some(kinds)}"
    if comparison.absent:
        yield (
            f"{counted(comparison.absent, 'stored verdict')} on instructions that the "
            "repaired prompt does not have"
        )
