"""The standard errors of our aggregations; lm-eval knows only those of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lm_eval_iberian.tasks import ifeval, matthews, translation_scores


# aggregation -> its standard error
STDERR: dict[Callable[..., float], Callable[..., Any]] = {
    **ifeval.STDERR,
    matthews.mcc: matthews.mcc_stderr,
    translation_scores.bleu: translation_scores.bleu_stderr,
    translation_scores.chrf_plus_plus: translation_scores.chrf_plus_plus_stderr,
    translation_scores.ter: translation_scores.ter_stderr,
}
