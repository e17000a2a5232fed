"""``python -m lm_eval_iberian.cli``."""

from __future__ import annotations

from lm_eval_iberian.cli import main


if __name__ == "__main__":
    main(prog_name="iberian")
