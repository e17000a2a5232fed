"""Probabilities of languages, from the byte model and from function words together.

The Iberian languages and their neighbours are ranked among themselves; among them
alone Swahili or Turkish would pass as Basque, so a part that is plainly in a language
of the rest of the world is ranked among all that the byte model knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lm_eval_iberian.languages.byte_model import Floats, byte_model
from lm_eval_iberian.languages.evidence import evidence


# A text without any mark may be in several of them: log-odds, against the languages of
# the packs. A sentence's evidence outweighs them many times.
_PRIOR: Final = {
    "gl": -0.15, "pt": -0.6, "fr": -0.7, "it": -0.7, "de": -1.0, "oc": -1.5,
    "an": -2.0, "ast": -2.0, "la": -2.0, "ro": -2.0,
}  # fmt: skip
# a language that the byte model lacks, and what it takes it for
_STAND_IN: Final = {"ast": "es"}
# Extremaduran, of which the byte model has few texts: what it takes for it is mostly
# Asturian or Spanish, and no sign of the rest of the world
_KIN: Final = ("ext",)
# What the rest of the world's languages, and the best of them, must have for the text
# to be theirs; a list of names is spread thinly over many.
_FOREIGN: Final = 0.8
_FOREIGN_BEST: Final = 0.5


class Guess(NamedTuple):
    """The likeliest language of a text or a part of it, and its probability."""

    language: str
    probability: float


@dataclass(frozen=True)
class Ranking:
    """The languages of a text.

    Attributes:
        parts: The likeliest language of each part.
        whole: The likeliest language of the whole text.
        share: The probability of the wanted language for the whole text.
        words: How many words the text has.
        telling: How many of them show that it is running text in the wanted language;
            None for a language without a list of function words.
    """

    parts: tuple[Guess, ...]
    whole: Guess
    share: float
    words: int
    telling: int | None


@cache
def known_languages() -> tuple[str, ...]:
    """Return the codes of all languages that can be told, in order."""
    return tuple(sorted({*byte_model().labels, *evidence().languages}))


def rank(parts: Sequence[str], wanted: str | None = None) -> Ranking:
    """Rank the languages of a text and of each part; ``parts`` must not be empty.

    A wanted language of the rest of the world is sought among all.
    """
    layout = _layout()
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    sizes = [*map(len, encoded), sum(map(len, encoded))]
    # the byte model's own temperature, which keeps it calibrated over lengths
    cooling = np.asarray(sizes, np.float32).clip(min=1)[:, None] ** np.float32(-0.5)
    scored = byte_model().score(encoded)
    marks = evidence().score(parts)
    near = _softmax(
        (scored.take(layout.columns, axis=1) + marks.score) * cooling + layout.prior
    )
    every = _merged(_softmax(scored * cooling), layout.twins)
    far = every.take(layout.far, axis=1)
    foreign = (far.sum(axis=1) >= _FOREIGN) & (far.max(axis=1) >= _FOREIGN_BEST)
    if wanted is not None and wanted not in layout.near:
        foreign[:] = True
    *guesses, whole = _guess(near, every, foreign)
    names, row = (layout.every, every[-1]) if foreign[-1] else (layout.near, near[-1])
    return Ranking(
        parts=tuple(guesses),
        whole=whole,
        share=float(row[names.index(wanted)]) if wanted in names else 0.0,
        words=marks.words,
        telling=(
            int(marks.telling[layout.near.index(wanted)])
            if wanted in layout.near
            else None
        ),
    )


def _guess(near: Floats, every: Floats, foreign: NDArray[np.bool_]) -> list[Guess]:
    """Return the likeliest by row: among all if foreign, else the neighbours."""
    layout = _layout()
    guesses = [
        Guess(layout.near[column], share)
        for column, share in zip(
            near.argmax(1).tolist(), near.max(1).tolist(), strict=True
        )
    ]
    for row in np.flatnonzero(foreign):
        top = int(every[row].argmax())
        guesses[row] = Guess(layout.every[top], float(every[row, top]))
    return guesses


def _merged(shares: Floats, twins: tuple[tuple[int, int], ...]) -> Floats:
    """Give a language that has two columns the sum of both in its first."""
    for first, second in twins:
        shares[:, first] += shares[:, second]
        shares[:, second] = 0.0
    return shares


def _softmax(scores: Floats) -> Floats:
    """Turn log-odds into probabilities, by row."""
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Floats = odds / odds.sum(axis=1, keepdims=True)
    return shares


@dataclass(frozen=True, eq=False)
class _Layout:
    """Where each language stands in the tables.

    Attributes:
        near: The neighbours.
        columns: Their columns in the byte model.
        prior: Their log-odds.
        every: The language of each column of the byte model.
        twins: Columns of the same language, in two scripts.
        far: The columns of the rest of the world.
    """

    near: tuple[str, ...]
    columns: NDArray[np.intp]
    prior: Floats
    every: tuple[str, ...]
    twins: tuple[tuple[int, int], ...]
    far: NDArray[np.intp]


@cache
def _layout() -> _Layout:
    """Work the layout out once."""
    every = byte_model().labels
    near = evidence().languages
    kin = {*near, *_KIN}
    return _Layout(
        near=near,
        columns=np.array([every.index(_STAND_IN.get(lang, lang)) for lang in near]),
        prior=np.array([_PRIOR.get(lang, 0.0) for lang in near], np.float32),
        every=every,
        twins=tuple(
            (every.index(lang), column)
            for column, lang in enumerate(every)
            if every.index(lang) < column
        ),
        far=np.flatnonzero([lang not in kin for lang in every]),
    )
