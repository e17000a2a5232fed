"""What the YAMLs in this folder refer to."""

from lm_eval_iberian.tasks.benchmarks import load
from lm_eval_iberian.tasks.translation_scores import bleu, chrf_plus_plus, ter
from lm_eval_iberian.tasks.translations import scorer


__all__ = [
    "bleu",
    "chrf_plus_plus",
    "from_ca_into_en",
    "from_ca_into_es",
    "from_en_into_ca",
    "from_en_into_es",
    "from_en_into_eu",
    "from_en_into_gl",
    "from_es_into_ca",
    "from_es_into_en",
    "from_es_into_eu",
    "from_es_into_gl",
    "from_eu_into_en",
    "from_eu_into_es",
    "from_gl_into_en",
    "from_gl_into_es",
    "load",
    "ter",
]

_EU, _GL, _CA = ("eu", "eus_Latn"), ("gl", "glg_Latn"), ("ca", "cat_Latn")
_ES, _EN = ("es", "spa_Latn"), ("en", "eng_Latn")

from_es_into_eu = scorer(_ES, _EU)
from_en_into_eu = scorer(_EN, _EU)
from_es_into_gl = scorer(_ES, _GL)
from_en_into_gl = scorer(_EN, _GL)
from_es_into_ca = scorer(_ES, _CA)
from_en_into_ca = scorer(_EN, _CA)
from_eu_into_es = scorer(_EU, _ES)
from_gl_into_es = scorer(_GL, _ES)
from_ca_into_es = scorer(_CA, _ES)
from_en_into_es = scorer(_EN, _ES)
from_eu_into_en = scorer(_EU, _EN)
from_gl_into_en = scorer(_GL, _EN)
from_ca_into_en = scorer(_CA, _EN)
from_es_into_en = scorer(_ES, _EN)
