"""Health of an answer: does it run on, loop, keep to the language asked for?"""

from __future__ import annotations

from lm_eval_iberian.health.examination import Health, examine
from lm_eval_iberian.health.template_marks import last_request


__all__ = ["Health", "examine", "last_request"]
