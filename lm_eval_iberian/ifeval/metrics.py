"""Accuracies over many answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from lm_eval_iberian.ifeval.scoring import RowScore


@dataclass(frozen=True)
class InstructionAccuracy:
    """How often one instruction type was followed, from 0 to 1."""

    strict: float
    loose: float
    count: int


@dataclass(frozen=True)
class Metrics:
    """Accuracies from 0 to 1; ``nan`` where there was nothing to count.

    Attributes:
        prompts: Prompts with an instruction; only these count.
        instructions: Their instructions.
        left_out: Prompts without any instruction.
        by_instruction: One entry for each instruction type that occurred, by id.
        empty_rate: Share of the prompts whose answer was empty.
        unclosed_thought_rate: Share of the prompts whose answer ended in a thought.
    """

    prompt_level_strict_acc: float
    inst_level_strict_acc: float
    prompt_level_loose_acc: float
    inst_level_loose_acc: float
    prompts: int
    instructions: int
    left_out: int
    by_instruction: Mapping[str, InstructionAccuracy]
    empty_rate: float
    unclosed_thought_rate: float


def aggregate(rows: Iterable[RowScore]) -> Metrics:
    """Return the accuracies over scored rows; one without instructions is left out."""
    every = list(rows)
    counted = [row for row in every if row.counts]
    strict = [v.followed for row in counted for v in row.strict]
    loose = [v.followed for row in counted for v in row.loose]
    return Metrics(
        prompt_level_strict_acc=_mean([row.strictly_followed for row in counted]),
        inst_level_strict_acc=_mean(strict),
        prompt_level_loose_acc=_mean([row.loosely_followed for row in counted]),
        inst_level_loose_acc=_mean(loose),
        prompts=len(counted),
        instructions=len(strict),
        left_out=len(every) - len(counted),
        by_instruction=_by_instruction(counted),
        empty_rate=_mean([row.empty for row in counted]),
        unclosed_thought_rate=_mean([row.unclosed_thought for row in counted]),
    )


def _by_instruction(rows: Iterable[RowScore]) -> Mapping[str, InstructionAccuracy]:
    """Return the accuracies of each instruction type, ordered by id."""
    found: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for row in rows:
        verdicts = zip(row.instruction_ids, row.strict, row.loose, strict=True)
        for name, strict, loose in verdicts:
            found[name].append((strict.followed, loose.followed))
    return MappingProxyType(
        {
            name: InstructionAccuracy(
                strict=_mean([strict for strict, _ in pairs]),
                loose=_mean([loose for _, loose in pairs]),
                count=len(pairs),
            )
            for name, pairs in sorted(found.items())
        }
    )


def _mean(values: Sequence[bool]) -> float:
    """Return the share of true values, ``nan`` for none."""
    return sum(values) / len(values) if values else float("nan")
