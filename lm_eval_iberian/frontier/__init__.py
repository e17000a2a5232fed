"""Compare merge methods where they gain the same of a language, never at equal weights.

``read_frontier`` reads sweeps, ``compare_methods`` compares their curves, and the rest
writes that down.
"""

from __future__ import annotations

from lm_eval_iberian.frontier.equal_gain import (
    EqualGainRow,
    FrontierReport,
    MethodReading,
    compare_methods,
)
from lm_eval_iberian.frontier.frontier_data import (
    as_frontier_csv,
    as_frontier_json,
)
from lm_eval_iberian.frontier.frontier_text import (
    as_frontier_latex,
    as_frontier_markdown,
)
from lm_eval_iberian.frontier.method_curves import (
    FrontierAsked,
    MethodCurves,
)
from lm_eval_iberian.frontier.swept_curves import read_frontier


__all__ = [
    "EqualGainRow",
    "FrontierAsked",
    "FrontierReport",
    "MethodCurves",
    "MethodReading",
    "as_frontier_csv",
    "as_frontier_json",
    "as_frontier_latex",
    "as_frontier_markdown",
    "compare_methods",
    "read_frontier",
]
