"""What the YAMLs in this folder refer to."""

from lm_eval_iberian.tasks.perplexity import (
    bits_per_byte,
    load,
    process_results,
    weighted_perplexity,
)


__all__ = ["bits_per_byte", "load", "process_results", "weighted_perplexity"]
