"""Scores answers: one instruction, or all those of a prompt, strictly and loosely.

Two scorings: ``repaired``, what a reader of the language would say, and ``original``,
what the paper's scorer (for English lm-eval's) says, faults included.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.health import Generation
from lm_eval_iberian.ifeval.instruction import Demand, Verdict
from lm_eval_iberian.ifeval.original import judge_original
from lm_eval_iberian.ifeval.prompt import Prompt
from lm_eval_iberian.ifeval.published_rows import in_google_s_words
from lm_eval_iberian.ifeval.reading import read_response
from lm_eval_iberian.ifeval.registry import resolve
from lm_eval_iberian.ifeval.repaired import judge_repaired
from lm_eval_iberian.ifeval.rows import (
    Answered,
    RowScore,
    profile_of,
    read_row,
)
from lm_eval_iberian.languages import LanguageProfile


SCORINGS: Final = ("repaired", "original")


def check(
    instruction_id: str,
    kwargs: Mapping[str, Any] | None,
    response: str | None,
    *,
    lang: str | LanguageProfile,
    prompt: str | None = None,
    scoring: str = "repaired",
) -> Verdict:
    """Judge strictly whether an answer follows one instruction.

    Args:
        instruction_id: Google's id; a language prefix is allowed.
        kwargs: Its arguments; ``None`` values count as missing.
        response: The model's answer; ``repaired`` sets thoughts in it aside.
        lang: The language of the task, by code or as a profile.
        prompt: What was asked; some checks read the wanted form from it.
        scoring: ``repaired`` or ``original``.

    Raises:
        UnknownNameError: No such instruction, language or scoring.
        DataError: The kwargs are not those of the instruction; ``original`` takes any.
    """
    _require_scorings((scoring,))
    _require_text(response)
    instruction, profile = resolve(instruction_id), profile_of(lang)
    if scoring == "original":
        judged, _ = judge_original(
            [instruction.id], [kwargs], response, lang=profile, prompt=prompt
        )
        if judged[0] is None:
            return Verdict(False, "the original scoring leaves this type out")
        return judged[0]
    demand = Demand.of(instruction, in_google_s_words(instruction.id, kwargs))
    return demand.judge(read_response(response, profile, prompt))


def score_row(
    row: Prompt | Mapping[str, Any],
    response: str | None,
    *,
    lang: str | LanguageProfile | None = None,
    scoring: str = "repaired",
) -> RowScore:
    """Judge an answer by all instructions of its prompt, by one scoring.

    Args:
        row: A prompt of ``ifeval.data``, or a mapping with ``prompt``,
            ``instruction_id_list``, ``kwargs`` and, if it has one, ``key``.
        response: The model's answer; ``None`` is an empty one.
        lang: The language of the task; by default the row's own.
        scoring: ``repaired`` or ``original``.

    Raises:
        UnknownNameError: No such instruction, language or scoring.
        DataError: The row lacks a field, or its kwargs do not fit; with its key.
    """
    return score_by(row, response, (scoring,), lang=lang)[0]


def score_by(
    row: Prompt | Mapping[str, Any],
    response: str | None,
    scorings: Sequence[str] = SCORINGS,
    *,
    lang: str | LanguageProfile | None = None,
    generation: Generation | None = None,
    to_published: bool = False,
) -> tuple[RowScore, ...]:
    """Judge an answer by several scorings; see ``score_row``.

    Args:
        row: As for ``score_row``.
        response: As for ``score_row``.
        scorings: Which, in the order of what is returned.
        lang: As for ``score_row``.
        generation: What is known of how the answer came about.
        to_published: Whether the answer is known to answer the published text, so that
            the repaired scoring takes what that text asked for in other words.
    """
    _require_scorings(scorings)
    _require_text(response)
    read = read_row(row, lang)
    answered = Answered(read, response, generation or Generation(), to_published)
    return tuple(_SCORERS[scoring](answered) for scoring in scorings)


def on_first_turn(score: RowScore) -> tuple[Verdict, ...]:
    """Judge the answer strictly again, up to where it runs on into another turn.

    Beside the verdicts on the whole answer they tell how much of a loss is not
    following, and how much is not stopping. Without a run-on they are the same.
    """
    health = score.answered.health
    if health.run_on is None:
        return score.strict
    answered = replace(score.answered, response=health.first_turn)
    return _SCORERS[score.scoring](answered).strict


def _repaired(answered: Answered) -> RowScore:
    demands = answered.row.demands
    strict, loose = _judged(answered)
    if (other := answered.reworded) is not None:
        pairs = zip((strict, loose), _judged(other), strict=True)
        strict, loose = (tuple(map(_kinder, *pair)) for pair in pairs)
    ids = [demand.instruction.id for demand in demands]
    rows = zip(range(len(ids)), ids, strict, loose, strict=True)
    return _row_score("repaired", answered, rows)


def _judged(answered: Answered) -> tuple[tuple[Verdict, ...], tuple[Verdict, ...]]:
    return judge_repaired(answered.row.demands, answered.answer)


def _kinder(one: Verdict, other: Verdict) -> Verdict:
    return other if other.followed and not one.followed else one


def _original(answered: Answered) -> RowScore:
    """Score the row as it was published, without what the original leaves out."""
    row = answered.row
    ids, kwargs = row.published
    strict, loose = judge_original(
        ids, kwargs, answered.response, lang=row.profile, prompt=row.prompt
    )
    rows = enumerate(zip(ids, strict, loose, strict=True))
    return _row_score(
        "original",
        answered,
        (
            (at, resolve(name).id, one, other)
            for at, (name, one, other) in rows
            if one is not None and other is not None
        ),
    )


_SCORERS: Final = {"repaired": _repaired, "original": _original}


def _row_score(
    scoring: str, answered: Answered, rows: Iterable[tuple[int, str, Verdict, Verdict]]
) -> RowScore:
    places, ids, strict, loose = tuple(zip(*rows, strict=True)) or ((), (), (), ())
    return RowScore(
        answered.row.key,
        places=places,
        instruction_ids=ids,
        strict=strict,
        loose=loose,
        scoring=scoring,
        answered=answered,
    )


def _require_text(response: str | None) -> None:
    """Refuse an answer that is neither a text nor missing."""
    if not isinstance(response, str | None):
        kind = type(response).__name__
        raise DataError(f"an answer must be a text or None, not {kind}")


def _require_scorings(scorings: Sequence[str]) -> None:
    """Refuse a scoring that does not exist."""
    for scoring in scorings:
        if scoring not in SCORINGS:
            raise UnknownNameError("scoring", scoring, SCORINGS)
