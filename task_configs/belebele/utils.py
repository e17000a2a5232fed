"""What the YAMLs in this folder refer to."""

from lm_eval_iberian.tasks.benchmarks import load


__all__ = ["load"]
