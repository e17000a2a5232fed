"""What the YAMLs in this folder refer to."""

from lm_eval_iberian.tasks.benchmarks import load
from lm_eval_iberian.tasks.matthews import mcc


__all__ = ["load", "mcc"]
