"""Judges an answer as a reader of its language would, strictly and loosely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lm_eval_iberian.ifeval.answer import Answer
from lm_eval_iberian.ifeval.instruction import Instruction
from lm_eval_iberian.ifeval.thoughts import Spoken
from lm_eval_iberian.ifeval.variants import variants
from lm_eval_iberian.ifeval.verdict import Verdict
from lm_eval_iberian.languages import LanguageProfile, compose


Kwargs = Mapping[str, Any] | None
Verdicts = tuple[Verdict, ...]


def judge_repaired(
    instructions: Sequence[Instruction],
    kwargs: Sequence[Kwargs],
    spoken: Spoken,
    *,
    lang: LanguageProfile,
    prompt: str | None,
) -> tuple[Verdicts, Verdicts]:
    """Return the strict and the loose verdicts of the repaired scoring.

    Args:
        instructions: The instruction types.
        kwargs: Their arguments, in the same order.
        spoken: The answer without its thoughts.
        lang: The language of the task.
        prompt: What was asked.

    Raises:
        DataError: The kwargs are not those of the instruction.
    """
    answer = Answer(compose(spoken.text), lang, prompt)
    pairs = list(zip(instructions, kwargs, strict=True))
    strict = tuple(_judge(i, kw, answer, spoken) for i, kw in pairs)
    loose = tuple(
        _loosely(i, kw, answer, verdict)
        for (i, kw), verdict in zip(pairs, strict, strict=True)
    )
    return strict, loose


def _judge(
    instruction: Instruction, kwargs: Kwargs, answer: Answer, spoken: Spoken
) -> Verdict:
    """Check one instruction on the answer as it is."""
    verdict = instruction.judge(answer, kwargs)
    if spoken.unclosed:
        return Verdict(False, "the answer is empty: it ended inside a thought")
    return verdict


def _loosely(
    instruction: Instruction, kwargs: Kwargs, answer: Answer, strict: Verdict
) -> Verdict:
    """Return the first favourable verdict among the variants, else the strict one."""
    if strict.followed or not answer.text.strip():
        return strict
    for name, text in variants(answer.text):
        verdict = instruction.judge(replace(answer, text=text), kwargs)
        if verdict.followed:
            return Verdict(True, f"{name}: {verdict.reason}")
    return strict
