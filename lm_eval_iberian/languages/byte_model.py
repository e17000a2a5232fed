"""py3langid 0.4.0's Naive Bayes over byte sequences, for many parts of a text at once.

The same scores as ``py3langid.langid.LanguageIdentifier``, which walks its automaton
byte by byte. The state after a byte depends on the last six bytes only (the longest
sequence in the model), so all positions of a text are walked at once, in six steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lm_eval_iberian.languages.mark_counts import (
    Floats,
    Found,
    MarkCounts,
    count_marks,
)


_LONGEST_FEATURE: Final = 6


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
        counts = self.count(parts)
        return counts.logs @ self.weights.take(counts.distinct, axis=0) + self.priors

    def count(self, parts: Sequence[bytes]) -> MarkCounts:
        """Count the features of each part and of them all."""
        return count_marks(*self.find(parts), len(parts))

    def find(self, parts: Sequence[bytes]) -> Found:
        """Return the features in each part; one may begin in the part before."""
        found = self.features.take(self._states(b"".join(parts)))
        hits = np.flatnonzero(found >= 0)
        owner = np.arange(len(parts)).repeat([*map(len, parts)])
        return found.take(hits), owner.take(hits)

    def _states(self, text: bytes) -> NDArray[np.uint32]:
        """Return the automaton's state after each byte."""
        letters = np.frombuffer(text, np.uint8).astype(np.int32)
        states = np.zeros(len(letters), np.uint32)
        if not len(letters):
            return states
        second = letters[1:]
        places = (letters[:-1] << 8) | second
        row = np.empty(len(letters), np.int32)
        row[0] = self.next_rows[self.rows[0] + letters[0]]
        # numpy copies what it gathers where it may have to stop; no place is out of it
        self.after_two.take(places, out=row[1:], mode="clip")
        for _ in range(_LONGEST_FEATURE - 3):
            np.add(row[:-1], second, out=places)
            self.next_rows.take(places, out=row[1:], mode="clip")
        states[0] = self.moves[self.rows[0] + letters[0]]
        self.moves.take(row[:-1] + second, out=states[1:], mode="clip")
        return states

    @cached_property
    def next_rows(self) -> NDArray[np.int32]:
        """Where the row of the next state begins, by row and byte."""
        return self.rows.take(self.moves)

    @cached_property
    def after_two(self) -> NDArray[np.int32]:
        """Where the row begins of the state after each two bytes at the beginning."""
        first = self.next_rows[self.rows[0] : self.rows[0] + 256]
        return self.next_rows.take(first[:, None] + np.arange(256)).reshape(-1)


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
