"""What the YAMLs in this folder refer to."""

from lm_eval_iberian.tasks.benchmarks import load
from lm_eval_iberian.tasks.letters import letters, question


__all__ = ["letters", "load", "question"]
