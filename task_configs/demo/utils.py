"""What the YAML in this folder refers to."""

from lm_eval_iberian.tasks.instructions import load as load_instructions


__all__ = ["load_instructions"]
