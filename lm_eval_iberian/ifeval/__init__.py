"""IFEval in every language that has a pack: verdicts, scores, accuracies."""

from __future__ import annotations

from lm_eval_iberian.ifeval.instruction import Instruction, Verdict
from lm_eval_iberian.ifeval.metrics import InstructionAccuracy, Metrics, aggregate
from lm_eval_iberian.ifeval.registry import INSTRUCTIONS, resolve
from lm_eval_iberian.ifeval.rows import RowScore
from lm_eval_iberian.ifeval.scoring import SCORINGS, check, score_by, score_row


__all__ = [
    "INSTRUCTIONS",
    "SCORINGS",
    "Instruction",
    "InstructionAccuracy",
    "Metrics",
    "RowScore",
    "Verdict",
    "aggregate",
    "check",
    "resolve",
    "score_by",
    "score_row",
]
