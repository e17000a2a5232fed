"""Which cell a slot is given next: of the merge that it has, or of models it has."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from lm_eval_iberian.sweep.sweep_cell import SweepCell


class SweepQueue:
    """The cells that wait, those of one merge together.

    Args:
        cells: The cells, in the order of the specification.
    """

    def __init__(self, cells: Iterable[SweepCell]) -> None:
        self._groups: dict[str, deque[SweepCell]] = {}
        for cell in cells:
            self._groups.setdefault(cell.subject, deque()).append(cell)
        self._parts = {
            subject: group[0].parts for subject, group in self._groups.items()
        }
        self._at: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._groups)

    def take(self, slot: str) -> SweepCell:
        """Return the next cell of a slot, which waits no longer.

        A slot goes on with its merge; then it takes one that nobody is at, of the
        models that it has if there is one; then it helps with the longest that is left.

        Raises:
            IndexError: None waits.
        """
        if not self._groups:
            raise IndexError("no cell waits")
        mine = self._at.get(slot)
        subject = mine if mine in self._groups else self._next(slot)
        self._at[slot] = subject
        cell = self._groups[subject].popleft()
        if not self._groups[subject]:
            del self._groups[subject]
        return cell

    def _next(self, slot: str) -> str:
        others = {subject for name, subject in self._at.items() if name != slot}
        have = self._parts.get(self._at.get(slot, ""), frozenset())

        def rank(subject: str) -> tuple[bool, int, int]:
            taken = subject in others
            length = -len(self._groups[subject]) if taken else 0
            return taken, length, -len(have & self._parts[subject])

        return min(self._groups, key=rank)
