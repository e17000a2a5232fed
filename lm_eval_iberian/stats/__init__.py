"""How certain a score and a difference of two scores are: numbers in, numbers out.

Nothing here knows of benchmarks, models or files. A value, a difference and an average
are each a weighted sum of terms (``scatter.py``), which items, their clusters and runs
move; ``uncertainty.py`` makes an interval of that, and ``estimating.py`` is where to
begin.
"""

from lm_eval_iberian.stats.cluster_bootstrap import resampled_sums
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
from lm_eval_iberian.stats.stored_errors import (
    stored_average,
    stored_average_difference,
    stored_difference,
)


__all__ = [
    "LEVEL",
    "CorpusMetric",
    "Difference",
    "Estimate",
    "Floats",
    "ItemCounts",
    "MetricOfSums",
    "average_difference",
    "average_estimate",
    "bootstrap_difference",
    "corpus_counts",
    "estimate_of",
    "holm",
    "matthews",
    "paired_difference",
    "perplexity",
    "ratio",
    "resampled_sums",
    "sentence_chrf",
    "stored_average",
    "stored_average_difference",
    "stored_difference",
]
