"""How certain a score and a difference of two scores are: numbers in, numbers out.

Nothing here knows of benchmarks, models or files. A value, a difference and an average
are each a weighted sum of terms (``scatter.py``), which items, their clusters and runs
move; ``uncertainty.py`` makes an interval of that, and ``estimating.py`` is where to
begin.
"""

from lm_eval_iberian.stats.cluster_bootstrap import resampled_sums
from lm_eval_iberian.stats.curve_reading import (
    PointCurves,
    common_range,
    mean_differences,
    read_at,
)
from lm_eval_iberian.stats.drawn_reading import (
    DrawnScores,
    SeedCurves,
    uncertain_reading,
)
from lm_eval_iberian.stats.estimate import LEVEL, Difference, Estimate
from lm_eval_iberian.stats.estimating import (
    average_difference,
    average_estimate,
    bootstrap_difference,
    estimate_of,
    paired_difference,
)
from lm_eval_iberian.stats.item_counts import Floats, ItemCounts, MetricOfSums
from lm_eval_iberian.stats.metrics_of_sums import (
    CorpusMetric,
    corpus_counts,
    matthews,
    perplexity,
    ratio,
    sentence_chrf,
)
from lm_eval_iberian.stats.multiple_tests import holm
from lm_eval_iberian.stats.score_draws import ScoreDraws, draw_scores
from lm_eval_iberian.stats.stored_errors import (
    stored_average,
    stored_average_difference,
    stored_difference,
)
from lm_eval_iberian.stats.uncertainty import Uncertainty


__all__ = [
    "LEVEL",
    "CorpusMetric",
    "Difference",
    "DrawnScores",
    "Estimate",
    "Floats",
    "ItemCounts",
    "MetricOfSums",
    "PointCurves",
    "ScoreDraws",
    "SeedCurves",
    "Uncertainty",
    "average_difference",
    "average_estimate",
    "bootstrap_difference",
    "common_range",
    "corpus_counts",
    "draw_scores",
    "estimate_of",
    "holm",
    "matthews",
    "mean_differences",
    "paired_difference",
    "perplexity",
    "ratio",
    "read_at",
    "resampled_sums",
    "sentence_chrf",
    "stored_average",
    "stored_average_difference",
    "stored_difference",
    "uncertain_reading",
]
