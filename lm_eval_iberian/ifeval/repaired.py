"""Judges an answer as a reader of its language would, strictly and loosely."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lm_eval_iberian.ifeval.instruction import Answer, Instruction, Verdict
from lm_eval_iberian.ifeval.thoughts import Spoken
from lm_eval_iberian.languages import LanguageProfile, compose


def variants(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and text of each variant besides the answer itself.

    Without its first line, its last line, both, and all of that without asterisks.
    Blank variants and repetitions are left out.
    """
    seen = {text}
    for name, variant in _all(text):
        if variant not in seen and variant.strip():
            seen.add(variant)
            yield name, variant


def _all(text: str) -> Iterator[tuple[str, str]]:
    lines = text.split("\n")
    cut = (
        ("without the first line", "\n".join(lines[1:]).strip()),
        ("without the last line", "\n".join(lines[:-1]).strip()),
        ("without the first and the last line", "\n".join(lines[1:-1]).strip()),
    )
    yield "without stars", text.replace("*", "")
    yield from cut
    for name, part in cut:
        yield f"{name} and without stars", part.replace("*", "")


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
