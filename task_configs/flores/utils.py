"""What the YAMLs in this folder refer to."""

from lm_eval_iberian.tasks.benchmarks import load
from lm_eval_iberian.tasks.translation_scores import bleu, chrf_plus_plus, ter


__all__ = ["bleu", "chrf_plus_plus", "load", "ter"]
