"""What the YAMLs in this folder refer to."""

from lm_eval_iberian.tasks.ifeval import inst_level_acc, load, process_results


__all__ = ["inst_level_acc", "load", "process_results"]
