"""Probabilities of languages, from the byte model and from function words together.

The Iberian languages and their neighbours are ranked among themselves; among them
alone Swahili or Turkish would pass as Basque, so a part that is plainly in a language
of the rest of the world is ranked among all that the byte model knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lm_eval_iberian.languages.byte_model import byte_model
from lm_eval_iberian.languages.evidence import Weighed, evidence
from lm_eval_iberian.languages.families import Families, families, in_reach
from lm_eval_iberian.languages.mark_counts import Floats, MarkCounts, count_both


# Extremaduran, of which the byte model has few texts: what it takes for it is mostly
# Asturian or Spanish, and no sign of the rest of the world
_KIN: Final = ("ext",)
# What the rest of the world's languages, and the best of them, must have for the text
# to be theirs; a list of names is spread thinly over many.
_FOREIGN: Final = 0.8
_FOREIGN_BEST: Final = 0.5
# as many function words and telling endings has a part in another language
_TELLING: Final = 4


class Guess(NamedTuple):
    """The likeliest language of a text or a part of it, and its probability."""

    language: str
    probability: float


@dataclass(frozen=True)
class Ranking:
    """The languages of a text.

    Attributes:
        parts: The likeliest language of each part; for one that is but names, or a
            title, in another language than the wanted one, None.
        whole: The likeliest language of the whole text.
        share: The probability of the wanted language for the whole text.
        words: How many words the text has.
        telling: How many of them show that it is running text in the wanted language;
            None for a language without a list of function words.
    """

    parts: tuple[Guess | None, ...]
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
    found, pieces = evidence().find(parts)
    counts, seen = count_both(byte_model().find(encoded), found, len(parts))
    marks = evidence().weigh(seen, pieces)
    close, others = layout.families.score(counts)
    near = _softmax(
        (close.take(layout.columns, axis=1) + marks.score) * cooling + layout.prior
    )
    if wanted is None or wanted in layout.near:
        foreign = _foreign(counts, cooling, in_reach(close * cooling, others * cooling))
    else:
        foreign = dict(enumerate(_every(counts, cooling)))
    *guesses, whole = _guess(near, foreign, wanted)
    last = len(parts)
    names, row = layout.near, near[-1]
    if last in foreign:
        names, row = layout.every, foreign[last]
    return Ranking(
        parts=tuple(
            guess if _is_running(marks, part, guess.language, wanted) else None
            for part, guess in enumerate(guesses)
        ),
        whole=whole,
        share=float(row[names.index(wanted)]) if wanted in names else 0.0,
        words=marks.words,
        telling=(
            int(marks.telling[layout.near.index(wanted)])
            if wanted in layout.near
            else None
        ),
    )


def _is_running(marks: Weighed, part: int, language: str, wanted: str | None) -> bool:
    """Say whether a part is running text in a language, if it is not the wanted one.

    Names and titles have few function words, or as many of the wanted language.
    """
    near = _layout().near
    if language == wanted or language not in near or wanted not in near:
        return True
    found = marks.telling_in(part, near.index(language))
    return found >= _TELLING and found > marks.telling_in(part, near.index(wanted))


def _foreign(
    counts: MarkCounts, cooling: Floats, rows: NDArray[np.intp]
) -> dict[int, Floats]:
    """Return the shares of all languages for those of the rows that are foreign."""
    if not len(rows):
        return {}
    every = _every(counts, cooling, rows)
    far = every.take(_layout().far, axis=1)
    found = (far.sum(axis=1) >= _FOREIGN) & (far.max(axis=1) >= _FOREIGN_BEST)
    return {int(rows[at]): every[at] for at in np.flatnonzero(found)}


def _every(
    counts: MarkCounts, cooling: Floats, rows: NDArray[np.intp] | slice = slice(None)
) -> Floats:
    """Return the shares of all languages that the byte model knows, by row."""
    model = byte_model()
    weights = model.weights.take(counts.distinct, axis=0)
    scores = counts.logs[rows] @ weights + model.priors
    return _merged(_softmax(scores * cooling[rows]), _layout().twins)


def _guess(
    near: Floats, foreign: Mapping[int, Floats], wanted: str | None
) -> list[Guess]:
    """Return the likeliest by row: among all if foreign, else the neighbours.

    What Asturian has of a Spanish sentence is evidence for Spanish, too, unless
    Asturian is wanted.
    """
    layout = _layout()
    tops, shares = near.argmax(1).tolist(), near.max(1).tolist()
    for row, top in enumerate(tops):
        for column in layout.kin.get(top, ()):
            if layout.near[column] != wanted:
                shares[row] += float(near[row, column])
    guesses = [*map(Guess, map(layout.near.__getitem__, tops), shares)]
    for row, every in foreign.items():
        top = int(every.argmax())
        guesses[row] = Guess(layout.every[top], float(every[top]))
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
        columns: Their columns in ``families``.
        prior: Their log-odds.
        kin: By column the columns of those that are like it, or that it is like.
        every: The language of each column of the byte model.
        twins: Columns of the same language, in two scripts.
        far: The columns of the rest of the world.
        families: The weights of the neighbours and their kin, the others by family.
    """

    near: tuple[str, ...]
    columns: NDArray[np.intp]
    prior: Floats
    kin: Mapping[int, tuple[int, ...]]
    every: tuple[str, ...]
    twins: tuple[tuple[int, int], ...]
    far: NDArray[np.intp]
    families: Families


@cache
def _layout() -> _Layout:
    """Work the layout out once."""
    every = byte_model().labels
    languages = evidence().near
    near = tuple(languages)
    kin = {*near, *_KIN}
    close = [column for column, lang in enumerate(every) if lang in kin]
    known = [lang if lang in every else languages[lang].like for lang in near]
    stems = [one.like or lang for lang, one in languages.items()]
    place = [close.index(every.index(lang)) for lang in known]
    return _Layout(
        near=near,
        columns=np.array(place),
        prior=np.array([one.prior for one in languages.values()], np.float32),
        kin={
            column: tuple(other for other in alike if other != column)
            for column, stem in enumerate(stems)
            if len(alike := [o for o, one in enumerate(stems) if one == stem]) > 1
        },
        every=every,
        twins=tuple(
            (every.index(lang), column)
            for column, lang in enumerate(every)
            if every.index(lang) < column
        ),
        far=np.flatnonzero([lang not in kin for lang in every]),
        families=families(byte_model(), close),
    )
