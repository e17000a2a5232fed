"""The original scoring of IFEval, bugs included: lm-eval's and the paper's.

It stands beside the repaired one so that figures can be compared with published ones.
The two share no checker: this one must not change when a defect is found.
"""

from __future__ import annotations

from lm_eval_iberian.ifeval.original.judging import judge_original
from lm_eval_iberian.ifeval.original.satisfaction import obstacle, satisfiable


__all__ = ["judge_original", "obstacle", "satisfiable"]
