"""What the YAMLs in this folder refer to."""

from lm_eval_iberian.tasks.benchmarks import load
from lm_eval_iberian.tasks.paraphrases import process_docs


__all__ = ["load", "process_docs"]
