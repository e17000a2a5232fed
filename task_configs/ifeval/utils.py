"""What the YAMLs in this folder refer to."""

from lm_eval_iberian.tasks.ifeval import (
    inst_level_acc,
    inst_level_macro,
    load,
    process_results,
    prompt_level_acc,
)


__all__ = [
    "inst_level_acc",
    "inst_level_macro",
    "load",
    "process_results",
    "prompt_level_acc",
]
