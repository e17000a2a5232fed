"""Accuracies and rates over many answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from lm_eval_iberian.health import RATES
from lm_eval_iberian.ifeval.averages import (
    Cluster,
    cluster_stderr,
    macro,
    mean_stderr,
    micro,
)
from lm_eval_iberian.ifeval.instruction import Verdict
from lm_eval_iberian.ifeval.rows import RowScore
from lm_eval_iberian.ifeval.scoring import on_first_turn


@dataclass(frozen=True)
class InstructionAccuracy:
    """How often one instruction type was followed, from 0 to 1."""

    strict: float
    loose: float
    count: int


@dataclass(frozen=True)
class Metrics:
    """Accuracies and rates from 0 to 1; ``nan`` where there was nothing to count.

    Attributes:
        inst_level_strict_acc: The micro average over instructions, as everywhere.
        inst_level_strict_acc_macro: The mean over instruction types.
        inst_level_strict_acc_satisfiable: The micro average over the instructions
            that an answer can follow by both scorings.
        inst_level_strict_acc_first_turn: The micro average on the answers up to where
            they run on into another turn.
        stderr: The standard error of each accuracy and rate: of the mean for prompts,
            by a cluster bootstrap over prompts for instructions.
        prompts: Prompts with an instruction; only these count.
        instructions: Their instructions.
        satisfiable: Those of them that can be followed by both scorings.
        left_out: Prompts without any instruction that something here checks.
        partial: Of the prompts, those with an instruction besides that nothing here
            checks: they count at instruction level, and not at prompt level.
        by_instruction: One entry for each instruction type that occurred, by id.
        stop_rate: Share of the prompts whose answer neither runs on nor was cut off.
        no_stop_rate: … whose answer was cut off.
        run_on_rate: … whose answer goes on past its turn.
        loop_rate: … whose answer repeats itself to its end.
        empty_rate: … whose answer was empty.
        unclosed_thought_rate: … whose answer ended in a thought.
        copied_prompt_rate: … whose answer is the prompt again.
        off_language_rate: … whose answer is in another language than asked for.
        left_marks_rate: … whose answer end tokens, turn marks or wrappers stood around.
    """

    prompt_level_strict_acc: float
    inst_level_strict_acc: float
    prompt_level_loose_acc: float
    inst_level_loose_acc: float
    inst_level_strict_acc_macro: float
    inst_level_loose_acc_macro: float
    inst_level_strict_acc_satisfiable: float
    inst_level_loose_acc_satisfiable: float
    inst_level_strict_acc_first_turn: float
    stop_rate: float
    no_stop_rate: float
    run_on_rate: float
    loop_rate: float
    empty_rate: float
    unclosed_thought_rate: float
    copied_prompt_rate: float
    off_language_rate: float
    left_marks_rate: float
    prompts: int
    instructions: int
    satisfiable: int
    left_out: int
    partial: int
    stderr: Mapping[str, float]
    by_instruction: Mapping[str, InstructionAccuracy]


def aggregate(rows: Iterable[RowScore]) -> Metrics:
    """Return the accuracies over scored rows; one without instructions is left out."""
    every = list(rows)
    counted = [row for row in every if row.counts]
    whole = [row for row in counted if row.whole]
    prompt_level = {
        "strict": [row.strictly_followed for row in whole],
        "loose": [row.loosely_followed for row in whole],
    }
    values: dict[str, float] = {}
    stderr: dict[str, float] = {}
    for kind, flags in prompt_level.items():
        verdicts = [row.strict if kind == "strict" else row.loose for row in counted]
        clusters = [_cluster(row, v) for row, v in zip(counted, verdicts, strict=True)]
        able = [_able(row, c) for row, c in zip(counted, clusters, strict=True)]
        name = f"inst_level_{kind}_acc"
        values[f"prompt_level_{kind}_acc"] = _mean(flags)
        stderr[f"prompt_level_{kind}_acc"] = mean_stderr(flags)
        values[name] = micro(clusters)
        stderr[name] = cluster_stderr(clusters, by_type=False)
        values[f"{name}_macro"] = macro(clusters)
        stderr[f"{name}_macro"] = cluster_stderr(clusters, by_type=True)
        values[f"{name}_satisfiable"] = micro(able)
        stderr[f"{name}_satisfiable"] = cluster_stderr(able, by_type=False)
    first = [_cluster(row, on_first_turn(row)) for row in counted]
    values["inst_level_strict_acc_first_turn"] = micro(first)
    stderr["inst_level_strict_acc_first_turn"] = cluster_stderr(first, by_type=False)
    healths = [row.answered.health.rates() for row in counted]
    for name in RATES:
        flags = [health[name] for health in healths]
        values[name], stderr[name] = _mean(flags), mean_stderr(flags)
    return Metrics(
        **values,
        prompts=len(counted),
        instructions=sum(len(row.strict) for row in counted),
        satisfiable=sum(sum(row.satisfiable) for row in counted),
        left_out=len(every) - len(counted),
        partial=len(counted) - len(whole),
        stderr=MappingProxyType(stderr),
        by_instruction=_by_instruction(counted),
    )


def _cluster(row: RowScore, verdicts: tuple[Verdict, ...]) -> Cluster:
    """Return a row's verdicts with their instruction types."""
    pairs = zip(row.instruction_ids, verdicts, strict=True)
    return [(name, verdict.followed) for name, verdict in pairs]


def _able(row: RowScore, cluster: Cluster) -> Cluster:
    """Return those of a row's verdicts that could be true by both scorings."""
    pairs = zip(cluster, row.satisfiable, strict=True)
    return [verdict for verdict, able in pairs if able]


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
