"""Repairs rows of the paper's prompts, and tells which entries found their fault."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from lm_eval_iberian.ifeval.repair_actions import ACTIONS, Row
from lm_eval_iberian.ifeval.repair_entries import Repair, Repairs


Status = Literal["applied", "not found", "no such key", "noted"]


@dataclass(frozen=True)
class Outcome:
    """What became of an entry in one row, or of a rule in all of them.

    Attributes:
        repair: The entry.
        key: The row; ``None`` for a rule.
        status: ``not found``: the row does not have the fault.
        rows: How many rows were changed.
    """

    repair: Repair
    key: int | None
    status: Status
    rows: int


@dataclass
class Mending:
    """Applies repairs row by row and remembers what they did."""

    repairs: Repairs
    _applied: Counter[tuple[int, int | None]] = field(default_factory=Counter)
    _keys: set[int] = field(default_factory=set)

    def mend(self, row: Row) -> Row | None:
        """Return the row repaired, or as it is, or ``None`` where it is dropped.

        A row whose fields are not of the right type is left for its reader to refuse.
        """
        key = row.get("key")
        if isinstance(key, int):
            self._keys.add(key)
        for number, repair in enumerate(self.repairs.entries):
            if repair.keys and key not in repair.keys:
                continue
            if not _there(repair, row):
                continue
            if repair.action == "drop":
                self._applied[number, key] += 1
                return None
            mended = ACTIONS[repair.action](row, repair.values)
            if mended is not None:
                row = mended
                self._applied[number, key if repair.keys else None] += 1
        return row

    def outcomes(self) -> tuple[Outcome, ...]:
        """Return what every entry did so far, in the order of the entries."""
        return tuple(
            Outcome(repair, key, self._status(number, repair, key), rows)
            for number, repair in enumerate(self.repairs.entries)
            for key in (repair.keys or (None,))
            for rows in (self._applied[number, key],)
        )

    def _status(self, number: int, repair: Repair, key: int | None) -> Status:
        if key is not None and key not in self._keys:
            return "no such key"
        if repair.action == "note":
            return "noted"
        return "applied" if self._applied[number, key] else "not found"


def _there(repair: Repair, row: Row) -> bool:
    """Tell whether a row's prompt is one that the entry is about."""
    text = row.get("prompt") or ""
    if repair.values.get("blank"):
        return not str(text).strip()
    return repair.values.get("where", "") in str(text)
