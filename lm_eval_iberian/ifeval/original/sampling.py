"""langdetect's decision, sample for sample, in a fraction of its time.

langdetect draws n-grams of a text and weighs 55 languages after each, in Python. Here
the n-grams of a word are found once, and the weights are arrays. The numbers are the
same to the last bit, so are the draws: seed 0, as where its factory's seed is 0.
Source: langdetect 1.0.9 (Apache-2.0), a port of Nakatani Shuyo's language-detection.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray


_LONGEST: Final = 10_000
_TRIALS: Final = 7
_ROUNDS: Final = 1000
_STRIDE: Final = 5
_CONVERGED: Final = 0.99999
_LIKELY: Final = 0.1
# far more than the sum of the trials' weights can be off
_ROUNDING: Final = 1e-6
_SMOOTHING: Final = (0.5, 0.05)
_BASE: Final = 10_000
_SPACES: Final = re.compile("  +")
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
    weights = _sampled(grams, to_the_end=False)
    best = int(weights.argmax())
    likely = float(weights[best]) > _LIKELY
    return str(_factory().langlist[best]) if likely else "unknown"


def _sampled(grams: list[int], *, to_the_end: bool = True) -> Weights:
    """Return the mean weight of each language over the trials.

    Else over as many as it takes until the others cannot change which is the likeliest.
    """
    count = len(_factory().langlist)
    chance = random.Random(0)  # noqa: S311
    total = np.zeros(count)
    for left in reversed(range(_TRIALS)):
        mean, width = _SMOOTHING
        smooth = (mean + chance.gauss(0.0, 1.0) * width) / _BASE
        total += _trial(grams, smooth, chance, np.full(count, 1.0 / count)) / _TRIALS
        if not to_the_end and _is_settled(total, left):
            break
    return total


def _is_settled(total: Weights, left: int) -> bool:
    """Tell whether the trials that are left cannot change the decision."""
    second, first = np.partition(total, -2)[-2:].tolist()
    return bool(first > _LIKELY and first - second > left / _TRIALS + _ROUNDING)


def _trial(
    grams: list[int], smooth: float, chance: random.Random, weights: Weights
) -> Weights:
    """Draw n-grams until one language is sure."""
    likelihoods = _table()[1]
    for step in range(0, _ROUNDS + 1, _STRIDE):
        drawn = _drawn(grams, chance, _STRIDE if step else 1)
        factors = likelihoods.take(drawn, axis=0) + smooth
        factors[0] *= weights
        weights = np.multiply.reduce(factors, axis=0)
        values = weights.tolist()
        total = sum(values)  # in langdetect's order, not by pairs
        weights /= total
        if max(values) / total > _CONVERGED:
            break
    return weights


def _drawn(grams: list[int], chance: random.Random, count: int) -> list[int]:
    """Return what so many calls of ``chance.choice(grams)`` do, in less time."""
    drawn: list[int] = []
    size, getrandbits = len(grams), chance.getrandbits
    bits = size.bit_length()
    while len(drawn) < count:
        place = getrandbits(bits)
        if place < size:
            drawn.append(grams[place])
    return drawn


def _cleaned(text: str) -> str:
    """Drop addresses, runs of spaces, and Latin letters in another script's text."""
    detector, ngram = _library()
    # what a text has no sign of is not sought in it
    if "://" in text:
        text = detector.URL_RE.sub(" ", text)
    if "@" in text:
        text = detector.MAIL_RE.sub(" ", text)
    if not text.isascii():
        text = ngram.normalize_vi(text)
    text = _SPACES.sub(" ", text[:_LONGEST])
    if text.isascii() or not _FOREIGN.search(text):
        return text
    if 2 * len(_LATIN.findall(text)) >= len(_FOREIGN.findall(text)):
        return text
    return _LATIN.sub("", text)


def _grams(text: str) -> list[int]:
    """Return the known n-grams of a text, in order, by their rows in the table."""
    words = text.translate(_normal()).split(" ")
    found: list[int] = []
    for word in words[:-1]:
        inside, after = _word_grams(word)
        found += inside
        found += after
    found += _word_grams(words[-1])[0]
    return found


@lru_cache(maxsize=20_000)
def _word_grams(word: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return a word's known n-grams: up to its last letter, and with the space after.

    A capital after a capital yields none.
    """
    known = _table()[0].get
    padded = f" {word} "
    ends: Iterable[int] = range(3, len(word) + 2)
    if not (word.islower() or word.istitle()):
        capital = [*map(str.isupper, padded)]
        ends = [end for end in ends if not (capital[end - 2] and capital[end - 1])]
    inside = [word[:1], padded[:2]]
    inside += [padded[end - size : end] for end in ends for size in (1, 2, 3)]
    after = [padded[-2:], padded[-3:]]
    if not word:
        inside, after = [], []
    return (
        tuple([row for row in map(known, inside) if row is not None]),
        tuple([row for row in map(known, after) if row is not None]),
    )


@cache
def _table() -> tuple[dict[str, int], Weights]:
    """Return the row of each n-gram, and how likely it is in each language."""
    known = _factory().word_lang_prob_map
    return {gram: row for row, gram in enumerate(known)}, np.array(
        list(known.values()), dtype=np.float64
    )


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
