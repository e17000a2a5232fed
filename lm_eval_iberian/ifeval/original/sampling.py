"""langdetect's decision, sample for sample, in a fraction of its time.

langdetect draws n-grams of a text and weighs 55 languages after each, in Python. Here
the n-grams of a word are found once, and the weights are arrays. The numbers are the
same to the last bit, so are the draws: seed 0, as where its factory's seed is 0.
Source: langdetect 1.0.9 (Apache-2.0), a port of Nakatani Shuyo's language-detection.
"""

from __future__ import annotations

import random
import re
from functools import cache, lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray


_LONGEST: Final = 10_000
_TRIALS: Final = 7
_ROUNDS: Final = 1000
_CONVERGED: Final = 0.99999
_LIKELY: Final = 0.1
_SMOOTHING: Final = (0.5, 0.05)
_BASE: Final = 10_000
_SPACES: Final = re.compile(" +")
_LATIN: Final = re.compile("[A-z]")
_FOREIGN: Final = re.compile("[\u0300-\U0010ffff]")
Weights = NDArray[np.float64]


class NoFeaturesError(ValueError):
    """A text without a single known n-gram."""


def detect(text: str) -> str:
    """Return the code of the likeliest language, or ``unknown``.

    Raises:
        NoFeaturesError: The text has nothing to go by.
    """
    grams = _grams(_cleaned(text))
    if not grams:
        raise NoFeaturesError("no features in the text")
    weights = _sampled(grams)
    best = int(weights.argmax())
    likely = float(weights[best]) > _LIKELY
    return str(_factory().langlist[best]) if likely else "unknown"


def _sampled(grams: list[str]) -> Weights:
    """Return the mean weight of each language over the trials."""
    count = len(_factory().langlist)
    chance = random.Random(0)  # noqa: S311
    total = np.zeros(count)
    for _ in range(_TRIALS):
        mean, width = _SMOOTHING
        smooth = (mean + chance.gauss(0.0, 1.0) * width) / _BASE
        total += _trial(grams, smooth, chance, np.full(count, 1.0 / count)) / _TRIALS
    return total


def _trial(
    grams: list[str], smooth: float, chance: random.Random, weights: Weights
) -> Weights:
    """Draw n-grams until one language is sure."""
    for step in range(_ROUNDS + 5):
        weights *= smooth + _row(chance.choice(grams))
        if step % 5 == 0:
            weights /= sum(weights.tolist())  # in langdetect's order, not by pairs
            if weights.max() > _CONVERGED or step >= _ROUNDS:
                break
    return weights


def _cleaned(text: str) -> str:
    """Drop addresses, runs of spaces, and Latin letters in another script's text."""
    detector, ngram = _library()
    text = detector.MAIL_RE.sub(" ", detector.URL_RE.sub(" ", text))
    text = _SPACES.sub(" ", ngram.normalize_vi(text)[:_LONGEST])
    if text.isascii() or 2 * len(_LATIN.findall(text)) >= len(_FOREIGN.findall(text)):
        return str(text)
    return _LATIN.sub("", text)


def _grams(text: str) -> list[str]:
    """Return the known n-grams of a text, in order."""
    words = text.translate(_normal()).split(" ")
    found: list[str] = []
    for word in words[:-1]:
        inside, after = _word_grams(word)
        found += inside
        found += after
    found += _word_grams(words[-1])[0]
    return found


@lru_cache(maxsize=20_000)
def _word_grams(word: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return a word's known n-grams: up to its last letter, and with the space after.

    A capital after a capital yields none.
    """
    known = _factory().word_lang_prob_map
    padded = f" {word} "
    found: list[str] = []
    for end in range(2, len(word) + 2):
        if end > 2 and padded[end - 2].isupper() and padded[end - 1].isupper():
            continue
        found += [g for g in _endings(padded, end) if g in known]
    after = _endings(padded, len(padded))[1:] if word else []
    return tuple(found), tuple(g for g in after if g in known)


def _endings(padded: str, end: int) -> list[str]:
    """Return the n-grams of one to three characters that end at a place."""
    return [padded[end - size : end] for size in (1, 2, 3) if size <= end]


@lru_cache(maxsize=20_000)
def _row(gram: str) -> Weights:
    """Return how likely an n-gram is in each language."""
    return np.array(_factory().word_lang_prob_map[gram], dtype=np.float64)


class _Normal(dict[int, str]):
    """What langdetect takes each character for, found when it is first met."""

    def __missing__(self, code: int) -> str:
        _, ngram = _library()
        self[code] = ngram.normalize(chr(code))
        return self[code]


@cache
def _normal() -> _Normal:
    return _Normal()


@cache
def _library() -> tuple[Any, Any]:
    """Import langdetect's classes; it is slow to import, so only now."""
    from langdetect.detector import Detector
    from langdetect.utils.ngram import NGram

    return Detector, NGram


@cache
def _factory() -> Any:
    """Load the profiles into a factory of our own; no global state is touched."""
    from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

    factory = DetectorFactory()
    factory.load_profile(PROFILES_DIRECTORY)
    return factory
