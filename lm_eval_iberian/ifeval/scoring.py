"""Scores answers: one instruction, or all those of a prompt, strictly and loosely."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.ifeval.answer import Answer
from lm_eval_iberian.ifeval.instruction import Instruction
from lm_eval_iberian.ifeval.registry import resolve
from lm_eval_iberian.ifeval.rows import PromptLike, read_row
from lm_eval_iberian.ifeval.thoughts import Spoken, without_thoughts
from lm_eval_iberian.ifeval.verdict import Verdict
from lm_eval_iberian.languages import LanguageProfile, compose, load_profile


SCORINGS: Final = ("repaired",)


@dataclass(frozen=True)
class RowScore:
    """The verdicts on one answer.

    Attributes:
        key: The key of the prompt.
        instruction_ids: Google's ids, in the order of the prompt.
        strict: One verdict for each instruction, on the answer as it is.
        loose: The same on the most favourable of eight variants of the answer.
        empty: Whether there was no answer, thoughts aside.
        unclosed_thought: Whether the answer ended inside a thought.
    """

    key: int | str | None
    instruction_ids: tuple[str, ...]
    strict: tuple[Verdict, ...]
    loose: tuple[Verdict, ...]
    empty: bool
    unclosed_thought: bool

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
        response: The model's answer; thoughts in it are set aside.
        lang: The language of the task, by code or as a profile.
        prompt: What was asked; some checks read the wanted form from it.
        scoring: Only ``repaired`` exists.

    Raises:
        UnknownNameError: No such instruction, language or scoring.
        DataError: The kwargs are not those of the instruction.
    """
    _require_scoring(scoring)
    instruction = resolve(instruction_id)
    spoken = without_thoughts(response or "")
    return _judge(instruction, kwargs, _answer(spoken, lang, prompt), spoken)


def score_row(
    row: PromptLike | Mapping[str, Any],
    response: str | None,
    *,
    lang: str | LanguageProfile | None = None,
    scoring: str = "repaired",
) -> RowScore:
    """Judge an answer by all instructions of its prompt.

    Args:
        row: A prompt of ``ifeval.data``, or a mapping with ``prompt``,
            ``instruction_id_list``, ``kwargs`` and, if it has one, ``key``.
        response: The model's answer; ``None`` is an empty one.
        lang: The language of the task; by default the row's own.
        scoring: Only ``repaired`` exists.

    Raises:
        UnknownNameError: No such instruction, language or scoring.
        DataError: The row lacks a field, or its kwargs do not fit; with its key.
    """
    _require_scoring(scoring)
    given = read_row(row)
    wanted = lang if lang is not None else given.lang
    if wanted is None:
        raise DataError(f"Row {given.key}: it names no language, and none was given.")
    spoken = without_thoughts(response or "")
    answer = _answer(spoken, wanted, given.prompt)
    instructions = [resolve(name) for name in given.instruction_ids]
    try:
        pairs = list(zip(instructions, given.kwargs, strict=True))
        strict = tuple(_judge(i, kw, answer, spoken) for i, kw in pairs)
        loose = tuple(
            _loosely(i, kw, answer, verdict)
            for (i, kw), verdict in zip(pairs, strict, strict=True)
        )
    except DataError as error:
        raise DataError(f"Row {given.key}: {error}") from error
    return RowScore(
        key=given.key,
        instruction_ids=tuple(instruction.id for instruction in instructions),
        strict=strict,
        loose=loose,
        empty=not answer.text.strip(),
        unclosed_thought=spoken.unclosed,
    )


def _require_scoring(scoring: str) -> None:
    """Refuse a scoring that does not exist."""
    if scoring not in SCORINGS:
        raise UnknownNameError("scoring", scoring, SCORINGS)


def _answer(spoken: Spoken, lang: str | LanguageProfile, prompt: str | None) -> Answer:
    """Put together what the checkers see."""
    profile = load_profile(lang) if isinstance(lang, str) else lang
    return Answer(compose(spoken.text), profile, prompt)


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
    seen = {answer.text}
    for name, text in _variants(answer.text):
        if text in seen or not text.strip():
            continue
        seen.add(text)
        verdict = instruction.judge(replace(answer, text=text), kwargs)
        if verdict.followed:
            return Verdict(True, f"{name}: {verdict.reason}")
    return strict


def _variants(text: str) -> Iterator[tuple[str, str]]:
    """Yield the seven other variants: without first line, last line, stars."""
    lines = text.split("\n")
    cut = (
        ("", text),
        ("without the first line", "\n".join(lines[1:]).strip()),
        ("without the last line", "\n".join(lines[:-1]).strip()),
        ("without the first and the last line", "\n".join(lines[1:-1]).strip()),
    )
    yield "without stars", text.replace("*", "")
    yield from cut[1:]
    for name, part in cut[1:]:
        yield f"{name} and without stars", part.replace("*", "")
