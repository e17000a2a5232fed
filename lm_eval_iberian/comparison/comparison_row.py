"""One line of a comparison: two models, one benchmark or average, one metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from lm_eval_iberian.stats import Difference


# below it an adjusted p tells two models apart
SIGNIFICANT: Final = 0.05


@dataclass(frozen=True)
class ComparisonRow:
    """How two models differ on a benchmark or an average.

    Args:
        a: The name of the baseline.
        b: The name of the other.
        benchmark: The benchmark's id, or the average's column.
        title: What a table calls it.
        lang: The language of a benchmark, ``mt`` for translation, empty of an average.
        level: Whether it is of a benchmark, of an average, or of a mini set.
        metric: lm-eval's name of the metric.
        difference: All that is said of the difference.
        p_holm: p, adjusted by Holm for all comparisons that are shown together;
            ``None`` where there is no p.
        mixed: In which settings the two differ, in words; empty where in none.
        note: Why it is not paired, in words; empty where it is.
    """

    a: str
    b: str
    benchmark: str
    title: str
    lang: str
    level: Literal["benchmark", "average", "mini"]
    metric: str
    difference: Difference
    p_holm: float | None = None
    mixed: str = ""
    note: str = ""

    @property
    def is_significant(self) -> bool:
        """Whether it is a difference, among all that are shown together."""
        return self.p_holm is not None and self.p_holm < SIGNIFICANT
