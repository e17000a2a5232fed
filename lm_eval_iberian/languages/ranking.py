"""Probabilities of languages, from the byte model and from function words together.

The Iberian languages and their neighbours are ranked among themselves; among them
alone Swahili or Turkish would pass as Basque, so a part that is plainly in a language
of the rest of the world is ranked among all that the byte model knows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lm_eval_iberian.languages.byte_model import Floats, byte_model
from lm_eval_iberian.languages.evidence import evidence


# A text without any mark may be in several of them: log-odds, against the languages of
# the packs. A sentence's evidence outweighs them many times.
_PRIOR: Final = {
    "gl": -0.15, "pt": -0.6, "fr": -0.7, "it": -0.7, "de": -1.0, "oc": -1.5,
    "ast": -2.0, "la": -2.0, "ro": -2.0,
}  # fmt: skip
# a language that the byte model lacks, and what it takes it for
_STAND_IN: Final = {"ast": "es"}
# relatives of Spanish with few texts in the byte model: a guess at them is no sign of
# the rest of the world
_KIN: Final = ("an", "ext")
# What the rest of the world's languages, and the best of them, must have for the text
# to be theirs; a list of names is spread thinly over many.
_FOREIGN: Final = 0.8
_FOREIGN_BEST: Final = 0.5


@dataclass(frozen=True)
class Ranked:
    """How likely one part of a text is in each language.

    Attributes:
        best: The likeliest language.
        certainty: Its probability.
        share: The probability of the wanted language.
        listed: The share of the words that are the wanted language's function words;
            1 for a language without such a list.
    """

    best: str
    certainty: float
    share: float
    listed: float


def neighbours() -> tuple[str, ...]:
    """Return the languages that are told apart by function words too."""
    return evidence().languages


@cache
def known_languages() -> tuple[str, ...]:
    """Return the codes of all languages that can be told, in order."""
    return tuple(sorted({*byte_model().labels, *neighbours()}))


def rank(parts: Sequence[str], wanted: str | None = None) -> list[Ranked]:
    """Rank the languages of each part of a text; the last one is of the whole text."""
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    lengths = [*map(len, encoded), sum(map(len, encoded))]
    # the byte model's own temperature keeps it calibrated over lengths
    cooled = np.array([[1 / math.sqrt(n or 1)] for n in lengths], np.float32)
    bytes_score = byte_model().score(encoded)
    words_score, listed = evidence().score(parts)
    near_names, columns, prior, every_names, fold = _layout()
    near = _softmax((bytes_score[:, columns] + words_score) * cooled + prior)
    every = _softmax(bytes_score * cooled) @ fold
    far = every * _far()
    foreign = (far.sum(1) >= _FOREIGN) & (far.max(1) >= _FOREIGN_BEST)
    if wanted is not None and wanted not in near_names:
        foreign[:] = True
    ranked = []
    for number, is_foreign in enumerate(foreign.tolist()):
        names, row = (
            (every_names, every[number]) if is_foreign else (near_names, near[number])
        )
        top = int(row.argmax())
        ranked.append(
            Ranked(
                best=names[top],
                certainty=float(row[top]),
                share=float(row[names.index(wanted)]) if wanted in names else 0.0,
                listed=(
                    float(listed[number, near_names.index(wanted)])
                    if wanted in near_names
                    else 1.0
                ),
            )
        )
    return ranked


def _softmax(scores: Floats) -> Floats:
    """Turn log-odds into probabilities, by row."""
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


@cache
def _layout() -> tuple[
    tuple[str, ...], NDArray[np.intp], Floats, tuple[str, ...], Floats
]:
    """Return the neighbours, their columns and priors; all labels, and who merges."""
    labels = byte_model().labels
    near = neighbours()
    columns = np.array([labels.index(_STAND_IN.get(lang, lang)) for lang in near])
    prior = np.array([_PRIOR.get(lang, 0.0) for lang in near], np.float32)
    every = tuple(dict.fromkeys(labels))
    fold = np.array([[a == b for b in every] for a in labels], np.float32)
    return near, columns, prior, every, fold


@cache
def _far() -> Floats:
    """Return 1 for each language of the rest of the world, in the order of labels."""
    near = neighbours()
    return np.array([lang not in (*near, *_KIN) for lang in _layout()[3]], np.float32)
