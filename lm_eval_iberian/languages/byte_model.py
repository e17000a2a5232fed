"""py3langid 0.4.0's Naive Bayes over byte sequences, for many parts of a text at once.

The same scores as ``py3langid.langid.LanguageIdentifier``, which walks its automaton
byte by byte. The state after a byte depends on the last six bytes only (the longest
sequence in the model), so all positions of a text are walked at once, in six steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Final

import numpy as np
from numpy.typing import NDArray


Floats = NDArray[np.float32]
_LONGEST_FEATURE: Final = 6
_FEW: Final = 4096


@dataclass(frozen=True, eq=False)
class ByteModel:
    """The tables of the model.

    Attributes:
        labels: Language codes; two languages have two columns (two scripts).
        priors: Log-probability of each label.
        weights: Log-probability of each feature in each label.
        moves: Next state by row and byte.
        rows: Where each state's row begins in ``moves``.
        features: The feature that each state completes, or -1.
    """

    labels: tuple[str, ...]
    priors: Floats
    weights: Floats
    moves: NDArray[np.uint32]
    rows: NDArray[np.int32]
    features: NDArray[np.int32]

    def score(self, parts: Sequence[bytes]) -> Floats:
        """Return the log-posterior, by part and label; the last row is of them all."""
        found = self.features.take(self._states(b"".join(parts)))
        ends = np.fromiter(accumulate(map(len, parts)), np.intp, len(parts))
        hits = np.flatnonzero(found >= 0)
        owner = ends.searchsorted(hits, side="right")
        distinct, counts = count_marks(found.take(hits), owner, len(parts))
        return log1p(counts) @ self.weights.take(distinct, axis=0) + self.priors

    def _states(self, text: bytes) -> NDArray[np.uint32]:
        """Return the automaton's state after each byte."""
        letters = np.frombuffer(text, np.uint8).astype(np.int32)
        states: NDArray[np.uint32] = self.moves.take(letters + self.rows[0])
        before = np.zeros_like(states)
        for _ in range(_LONGEST_FEATURE - 1):
            before[1:] = states[:-1]
            states = self.moves.take(self.rows.take(before) + letters)
        return states


def count_marks(
    found: NDArray[np.integer], owner: NDArray[np.intp], parts: int
) -> tuple[NDArray[np.integer], NDArray[np.intp]]:
    """Count marks by part.

    Args:
        found: The marks.
        owner: The part of each.
        parts: How many parts there are.

    Returns:
        The different marks in order, and their counts: a row for each part, and one
        more, the last, with the sums.
    """
    distinct, column = np.unique(found, return_inverse=True)
    size = (parts + 1, len(distinct))
    flat = np.bincount(owner * size[1] + column, minlength=size[0] * size[1])
    counts = flat.reshape(size)
    counts[:-1].sum(axis=0, out=counts[-1])
    return distinct, counts


def log1p(counts: NDArray[np.intp]) -> Floats:
    """Return the logarithm of counts and 1; looked up, as most are small."""
    known = _logarithms()
    if counts.max(initial=0) < len(known):
        return known.take(counts)
    return np.log1p(counts.astype(np.float32))


@cache
def _logarithms() -> Floats:
    return np.log1p(np.arange(_FEW, dtype=np.float32))


@cache
def byte_model() -> ByteModel:
    """Load the tables that py3langid brings; its own global model is left alone."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model = LanguageIdentifier.from_model_file(MODEL_FILE)
    return ByteModel(
        labels=tuple(model.nb_classes),
        priors=np.asarray(model.nb_pc, np.float32),
        weights=np.asarray(model.nb_ptc, np.float32),
        moves=np.frombuffer(model.tk_nextmove, np.uint32),
        rows=np.asarray(model.tk_row, np.int32) << 8,
        features=np.asarray(model.tk_output, np.int32),
    )
