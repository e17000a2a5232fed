"""What the YAMLs in this folder refer to."""

from lm_eval_iberian.tasks.perplexity import load, process_results


__all__ = ["load", "process_results"]
