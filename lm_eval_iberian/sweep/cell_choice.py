"""The cells that ``--only key=value`` asks for."""

from __future__ import annotations

from collections.abc import Iterable

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.sweep.sweep_cell import SweepCell


def chosen(cells: Iterable[SweepCell], only: Iterable[str]) -> list[SweepCell]:
    """Return the cells that ``key=value`` asks for; of several keys, all must hold.

    Raises:
        DataError: It is no key with a value.
        UnknownNameError: There is no such key or value.
    """
    found = list(cells)
    for text in only:
        key, sign, value = text.partition("=")
        known = sorted({name for cell in found for name in _facets(cell)})
        if not sign:
            raise DataError(f"--only takes KEY=VALUE, found {text!r}")
        if key not in known:
            raise UnknownNameError("key of --only", key, known)
        values = {one for cell in found for one in _facets(cell).get(key, ())}
        if value not in values:
            raise UnknownNameError(f"value of --only {key}", value, values)
        found = [cell for cell in found if value in _facets(cell).get(key, ())]
    return found


def _facets(cell: SweepCell) -> dict[str, tuple[str, ...]]:
    return {
        "id": (cell.id,),
        "model": (cell.model,),
        "role": (cell.role,),
        "language": cell.languages,
        "suite": (cell.suite,),
        "group": (cell.group,),
        "task": cell.tasks,
        "run": (str(cell.run),),
        **({"method": (cell.method,)} if cell.method else {}),
        **{name: (text,) for name, text in cell.values.items()},
    }
