"""Scores answers: one instruction, or all those of a prompt, strictly and loosely.

Two scorings: ``repaired``, what a reader of the language would say, and ``original``,
what the paper's scorer (for English lm-eval's) says, faults included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.ifeval.conduct import Conduct, observe
from lm_eval_iberian.ifeval.instruction import Answer, Instruction, Verdict
from lm_eval_iberian.ifeval.original import judge_original, satisfiable
from lm_eval_iberian.ifeval.registry import resolve
from lm_eval_iberian.ifeval.repaired import judge_repaired
from lm_eval_iberian.ifeval.rows import PromptLike, Row, RowScore, read_row
from lm_eval_iberian.ifeval.thoughts import Spoken, without_thoughts
from lm_eval_iberian.languages import LanguageProfile, compose, load_profile


SCORINGS: Final = ("repaired", "original")
PromptOrRow = PromptLike | Mapping[str, Any]


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
    instruction, profile = resolve(instruction_id), _profile(lang)
    if scoring == "original":
        judged, _ = judge_original(
            [instruction.id], [kwargs], response, lang=profile, prompt=prompt
        )
        if judged[0] is None:
            return Verdict(False, "the original scoring leaves this type out")
        return judged[0]
    spoken = without_thoughts(response or "")
    strict, _ = judge_repaired(
        [instruction], [kwargs], spoken, lang=profile, prompt=prompt
    )
    return strict[0]


def score_row(
    row: PromptOrRow,
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
    row: PromptOrRow,
    response: str | None,
    scorings: Sequence[str] = SCORINGS,
    *,
    lang: str | LanguageProfile | None = None,
    truncated: bool | None = None,
) -> tuple[RowScore, ...]:
    """Judge an answer by several scorings; see ``score_row``.

    Args:
        row: As for ``score_row``.
        response: As for ``score_row``.
        scorings: Which, in the order of what is returned.
        lang: As for ``score_row``.
        truncated: Whether the answer was cut off, where that is known.
    """
    _require_scorings(scorings)
    _require_text(response)
    given = read_row(row)
    wanted = lang if lang is not None else given.lang
    if wanted is None:
        raise DataError(f"Row {given.key}: it names no language, and none was given.")
    profile = _profile(wanted)
    try:
        instructions = [resolve(name) for name in given.instruction_ids]
        pairs = zip(instructions, given.kwargs, strict=True)
        kwargs = [instruction.validate(kw) for instruction, kw in pairs]
    except DataError as error:
        raise DataError(f"Row {given.key}: {error}") from error
    answered = _Answered(given, instructions, kwargs, response, profile, truncated)
    return tuple(answered.score(scoring) for scoring in scorings)


@dataclass(eq=False)
class _Answered:
    """One answer and all that was asked of it."""

    row: Row
    instructions: Sequence[Instruction]
    kwargs: Sequence[Mapping[str, Any]]
    response: str | None
    profile: LanguageProfile
    truncated: bool | None

    def score(self, scoring: str) -> RowScore:
        """Return what one scoring says."""
        return self._original() if scoring == "original" else self._repaired()

    def _repaired(self) -> RowScore:
        strict, loose = judge_repaired(
            self.instructions,
            self.kwargs,
            self.spoken,
            lang=self.profile,
            prompt=self.row.prompt,
        )
        rows = zip(self.instructions, strict, loose, strict=True)
        return self._row_score(
            [(at, item.id, one, other) for at, (item, one, other) in enumerate(rows)]
        )

    def _original(self) -> RowScore:
        """Score the row as it was published, without what the original leaves out."""
        ids, kwargs = self.row.published
        strict, loose = judge_original(
            ids, kwargs, self.response, lang=self.profile, prompt=self.row.prompt
        )
        rows = enumerate(zip(ids, strict, loose, strict=True))
        return self._row_score(
            [
                (at, resolve(name).id, one, other)
                for at, (name, one, other) in rows
                if one is not None and other is not None
            ]
        )

    def _row_score(self, rows: Sequence[tuple[int, str, Verdict, Verdict]]) -> RowScore:
        return RowScore(
            key=self.row.key,
            instruction_ids=tuple(name for _, name, _, _ in rows),
            places=tuple(at for at, *_ in rows),
            strict=tuple(verdict for _, _, verdict, _ in rows),
            loose=tuple(verdict for *_, verdict in rows),
            aside=self,
        )

    @cached_property
    def spoken(self) -> Spoken:
        """The answer without its thoughts."""
        return without_thoughts(self.response or "")

    @cached_property
    def conduct(self) -> Conduct:
        """What is known of the answer besides; the same for every scoring."""
        languages = [kw["language"] for kw in self.kwargs if "language" in kw]
        return observe(
            Answer(compose(self.spoken.text), self.profile, self.row.prompt),
            self.spoken,
            languages[0] if languages else None,
            self.truncated,
        )

    @cached_property
    def satisfiable(self) -> frozenset[tuple[int, str]]:
        """The instructions, by place and id, that both scorings can be satisfied in."""
        flags = dict(enumerate(self.row.unsatisfiable))
        published = enumerate(zip(*self.row.published, strict=True))
        return frozenset(
            (at, resolve(name).id)
            for at, (name, kwargs) in published
            if not flags.get(at)
            and satisfiable(name, kwargs, lang=self.profile, prompt=self.row.prompt)
        )


def _profile(lang: str | LanguageProfile) -> LanguageProfile:
    return lang if isinstance(lang, LanguageProfile) else load_profile(lang)


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
