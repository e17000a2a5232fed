"""Scores answers: one instruction, or all those of a prompt, strictly and loosely.

Two scorings: ``repaired``, what a reader of the language would say, and ``original``,
what the paper's scorer (for English lm-eval's) says, faults included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.ifeval.answer import Answer
from lm_eval_iberian.ifeval.conduct import Conduct, observe
from lm_eval_iberian.ifeval.instruction import Instruction
from lm_eval_iberian.ifeval.registry import resolve
from lm_eval_iberian.ifeval.rows import PromptLike, Row, read_row
from lm_eval_iberian.ifeval.thoughts import Spoken, without_thoughts
from lm_eval_iberian.ifeval.variants import variants
from lm_eval_iberian.ifeval.verdict import Verdict
from lm_eval_iberian.languages import LanguageProfile, compose, load_profile


SCORINGS: Final = ("repaired", "original")
Verdicts = tuple[Verdict, ...]


@dataclass(frozen=True)
class RowScore:
    """The verdicts on one answer by one scoring.

    Attributes:
        key: The key of the prompt.
        instruction_ids: Google's ids, in the order of the prompt; those that the
            scoring leaves out are not among them.
        places: Where each of them stands in the prompt's own list.
        strict: One verdict for each instruction, on the answer as it is.
        loose: The same on the most favourable of eight variants of the answer.
        satisfiable: Whether an answer that does what the prompt says can follow each
            instruction by both scorings.
        conduct: What else is known of the answer: empty, cut off, off-language …
    """

    key: int | str | None
    instruction_ids: tuple[str, ...]
    places: tuple[int, ...]
    strict: Verdicts
    loose: Verdicts
    satisfiable: tuple[bool, ...]
    conduct: Conduct

    @property
    def counts(self) -> bool:
        """Whether the row has an instruction at all; without one it earns nothing."""
        return bool(self.instruction_ids)

    @property
    def strictly_followed(self) -> bool:
        """Whether every instruction was strictly followed."""
        return self.counts and all(verdict.followed for verdict in self.strict)

    @property
    def loosely_followed(self) -> bool:
        """Whether every instruction was loosely followed."""
        return self.counts and all(verdict.followed for verdict in self.loose)


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
        DataError: The kwargs are not those of the instruction.
    """
    _require_scoring(scoring)
    instruction, profile = resolve(instruction_id), _profile(lang)
    if scoring == "original":
        from lm_eval_iberian.ifeval.original import judge_original

        given = [instruction.validate(kwargs)]
        strict, _ = judge_original(
            [instruction.id], given, response, lang=profile, prompt=prompt
        )
        return strict[0] or Verdict(False, "the original scoring leaves this type out")
    spoken = without_thoughts(response or "")
    answer = Answer(compose(spoken.text), profile, prompt)
    return _judge(instruction, kwargs, answer, spoken)


def score_row(
    row: PromptLike | Mapping[str, Any],
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
    _require_scoring(scoring)
    return score_by(row, response, (scoring,), lang=lang)[0]


def score_by(
    row: PromptLike | Mapping[str, Any],
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
    given = read_row(row)
    wanted = lang if lang is not None else given.lang
    if wanted is None:
        raise DataError(f"Row {given.key}: it names no language, and none was given.")
    profile = _profile(wanted)
    try:
        instructions = [resolve(name) for name in given.instruction_ids]
        pairs = zip(instructions, given.kwargs, strict=True)
        kwargs = [instruction.validate(kw) for instruction, kw in pairs]
        spoken = without_thoughts(response or "")
        answer = Answer(compose(spoken.text), profile, given.prompt)
        asked = _Asked(
            given, tuple(instructions), kwargs, response, spoken, answer, truncated
        )
        return tuple(asked.score(scoring) for scoring in scorings)
    except (UnknownNameError, DataError) as error:
        raise DataError(f"Row {given.key}: {error}") from error


def _profile(lang: str | LanguageProfile) -> LanguageProfile:
    return load_profile(lang) if isinstance(lang, str) else lang


def _require_scoring(scoring: str) -> None:
    """Refuse a scoring that does not exist."""
    if scoring not in SCORINGS:
        raise UnknownNameError("scoring", scoring, SCORINGS)


@dataclass(eq=False)
class _Asked:
    """One answer and all that was asked of it."""

    row: Row
    instructions: tuple[Instruction, ...]
    kwargs: Sequence[Mapping[str, Any]]
    response: str | None
    spoken: Spoken
    answer: Answer
    truncated: bool | None

    def score(self, scoring: str) -> RowScore:
        """Return the verdicts of one scoring."""
        if scoring == "original":
            return self._originally()
        pairs = list(zip(self.instructions, self.kwargs, strict=True))
        strict = tuple(_judge(i, kw, self.answer, self.spoken) for i, kw in pairs)
        loose = tuple(
            _loosely(i, kw, self.answer, verdict)
            for (i, kw), verdict in zip(pairs, strict, strict=True)
        )
        names = tuple(instruction.id for instruction in self.instructions)
        return self._row_score(names, tuple(range(len(names))), strict, loose)

    def _originally(self) -> RowScore:
        """Score the row as it was published, before any repair."""
        from lm_eval_iberian.ifeval.original import judge_original

        ids, kwargs = self.row.published
        strict, loose = judge_original(
            ids,
            kwargs,
            self.response,
            lang=self.answer.profile,
            prompt=self.answer.prompt,
        )
        scored = [
            (place, resolve(name).id, one, other)
            for place, (name, one, other) in enumerate(
                zip(ids, strict, loose, strict=True)
            )
            if one is not None and other is not None
        ]
        return self._row_score(
            tuple(name for _, name, _, _ in scored),
            tuple(place for place, *_ in scored),
            tuple(verdict for _, _, verdict, _ in scored),
            tuple(verdict for *_, verdict in scored),
        )

    def _row_score(
        self,
        names: tuple[str, ...],
        places: tuple[int, ...],
        strict: Verdicts,
        loose: Verdicts,
    ) -> RowScore:
        able = tuple(
            self.satisfiable.get((place, name), False)
            for place, name in zip(places, names, strict=True)
        )
        return RowScore(self.row.key, names, places, strict, loose, able, self.conduct)

    @cached_property
    def conduct(self) -> Conduct:
        """What is known of the answer besides; the same for every scoring."""
        languages = [kw["language"] for kw in self.kwargs if "language" in kw]
        wanted = languages[0] if languages else None
        return observe(self.answer, self.spoken, wanted, self.truncated)

    @cached_property
    def satisfiable(self) -> Mapping[tuple[int, str], bool]:
        """Which instructions, by place and id, both scorings can be satisfied in."""
        try:
            from lm_eval_iberian.ifeval.original import satisfiable
        except ImportError:
            return {}
        flags = dict(enumerate(self.row.unsatisfiable))
        found = {}
        for place, (name, kwargs) in enumerate(zip(*self.row.published, strict=True)):
            id_ = resolve(name).id
            found[place, id_] = not flags.get(place) and satisfiable(
                id_, kwargs, lang=self.answer.profile, prompt=self.answer.prompt
            )
        return found


def _judge(
    instruction: Instruction,
    kwargs: Mapping[str, Any] | None,
    answer: Answer,
    spoken: Spoken,
) -> Verdict:
    """Check one instruction on the answer as it is."""
    verdict = instruction.judge(answer, kwargs)
    if spoken.unclosed:
        return Verdict(False, "the answer is empty: it ended inside a thought")
    return verdict


def _loosely(
    instruction: Instruction,
    kwargs: Mapping[str, Any] | None,
    answer: Answer,
    strict: Verdict,
) -> Verdict:
    """Return the first favourable verdict among the variants, else the strict one."""
    if strict.followed or not answer.text.strip():
        return strict
    for name, text in variants(answer.text):
        verdict = instruction.judge(replace(answer, text=text), kwargs)
        if verdict.followed:
            return Verdict(True, f"{name}: {verdict.reason}")
    return strict
