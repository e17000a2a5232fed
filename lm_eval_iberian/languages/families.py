"""Tells, for little, that a text is in no language of the rest of the world.

The byte model has some 130 languages besides the neighbours that are mostly asked for.
A family of them is weighed as one: with each mark as likely as it is in the likeliest
of the family, it scores at least what each of them would. If no family reaches the
neighbours, no language of it does, and their scores need not be worked out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lm_eval_iberian.languages.byte_model import ByteModel
from lm_eval_iberian.languages.mark_counts import Floats, MarkCounts


# Alike in the byte model, so that a family scores little more than its best language.
# What is in none of them is a family of its own: nothing but speed hangs on the lists.
_FAMILIES: Final = (
    ("am ar ary arz as ba be bg bn dz el fa fuv gom grc gu hbo he hi hy ja ka kk km kn "
    "ko ky ln lo mk ml mn mr my ne or pa ps ru sa sdh si sr ta te tg th tt ug uk ur uz "
    "uzs vi wuu yue zh"),
    "ace fo is mt om sq", "af fy lb nl", "az crh so tk tr tr tk uz vo zxx", "br cy",
    "bs cs hr hu pl sk sl sr", "da nn no sv", "eo lt ltg lv", "et fi mg se", "ga gd",
    "gcf gcr wa", "gug qu", "guw ig lg xh zu", "ha kik rw sw yo", "ht kab ku",
    "id jv ms tl", "lij vec", "nso sn st",
)  # fmt: skip
# a language in two scripts has the sum of two columns: twice the higher at most
_TWINS: Final = float(np.log(2.0))
# far more than the scores of two ways to add can differ by
_ROUNDING: Final = 0.05


@dataclass(frozen=True, eq=False)
class Families:
    """The weights of some languages, and of all others by family.

    Attributes:
        close: How many of the columns are languages of their own.
        weights: Log-probability of each feature, by column.
        priors: Log-probability of each column.
    """

    close: int
    weights: Floats
    priors: Floats

    def score(self, counts: MarkCounts) -> tuple[Floats, Floats]:
        """Return the scores of the languages and of the families, by part."""
        weights = self.weights.take(counts.distinct, axis=0)
        scores: Floats = counts.logs @ weights + self.priors
        return scores[:, : self.close], scores[:, self.close :]


def families(model: ByteModel, close: Sequence[int]) -> Families:
    """Group all the columns of the byte model but the close ones."""
    groups: dict[str, list[int]] = {}
    for column, label in enumerate(model.labels):
        if column not in close:
            names = (f for f in _FAMILIES if label in f.split())
            groups.setdefault(next(names, label), []).append(column)
    own = [[column] for column in close]
    columns = [*own, *groups.values()]

    def likeliest(table: Floats) -> Floats:
        highest: Floats = np.stack([table[..., c].max(axis=-1) for c in columns], -1)
        return np.ascontiguousarray(highest)

    return Families(len(close), likeliest(model.weights), likeliest(model.priors))


def in_reach(close: Floats, others: Floats) -> NDArray[np.intp]:
    """Return the rows in which another language may have half of the probability.

    It has less where the close ones together have more than it.

    Args:
        close: Tempered scores of the close languages, by row.
        others: The same of families of all the others.
    """
    best = others.max(axis=1) + (_TWINS + _ROUNDING)
    top = close.max(axis=1)
    rows = np.flatnonzero(best >= top)
    if not len(rows):
        return rows
    top = top.take(rows)
    odds = np.exp(close.take(rows, axis=0) - top[:, None])
    together = top + np.log(odds.sum(axis=1))
    reached: NDArray[np.intp] = rows[best.take(rows) >= together]
    return reached
