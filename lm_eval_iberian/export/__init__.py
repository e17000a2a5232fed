"""What the hosts can take over of this project, written for their own trees."""

from __future__ import annotations

from lm_eval_iberian.export.lm_eval_folders import ExportedFamily, write_lm_eval
from lm_eval_iberian.export.task_family import family_names


__all__ = ["ExportedFamily", "family_names", "write_lm_eval"]
