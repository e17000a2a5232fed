"""What the YAMLs in this folder refer to."""

from lm_eval_iberian.tasks.benchmarks import load
from lm_eval_iberian.tasks.translation_scores import bleu, chrf_plus_plus, ter
from lm_eval_iberian.tasks.translations import scorer


__all__ = [
    "bleu",
    "chrf_plus_plus",
    "into_ca",
    "into_en",
    "into_es",
    "into_eu",
    "into_gl",
    "load",
    "ter",
]

into_eu = scorer("eus_Latn")
into_gl = scorer("glg_Latn")
into_ca = scorer("cat_Latn")
into_es = scorer("spa_Latn")
into_en = scorer("eng_Latn")
