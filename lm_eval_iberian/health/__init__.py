"""Health of an answer: does it stop, run on, loop, keep to the language asked for?

>>> examine("Kaixo!assistant\\n\\nZer moduz?", prompt="Agurtu.", lang="eu").run_on
"'assistant' is glued to a sentence"
"""

from __future__ import annotations

from lm_eval_iberian.health.copied import without_repeated_prompt
from lm_eval_iberian.health.examination import RATES, Health, examine
from lm_eval_iberian.health.no_stop import Generation
from lm_eval_iberian.health.template_marks import last_request
from lm_eval_iberian.health.thoughts import Spoken, without_thoughts
from lm_eval_iberian.health.translation import TranslationHealth, examine_translation


__all__ = [
    "RATES",
    "Generation",
    "Health",
    "Spoken",
    "TranslationHealth",
    "examine",
    "examine_translation",
    "last_request",
    "without_repeated_prompt",
    "without_thoughts",
]
