"""What a repair does to one row: each action returns the new row, or None.

None means that the row does not have the fault. Rows are changed by copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from lm_eval_iberian.errors import UnknownNameError
from lm_eval_iberian.ifeval.registry import resolve


Row = dict[str, Any]


def _wrap_strings(row: Row, values: Mapping[str, Any]) -> Row | None:
    """A single keyword becomes a list of one."""
    fields = values["fields"]
    kwargs = [
        {k: [v] if k in fields and isinstance(v, str) else v for k, v in kw.items()}
        for _, kw in _pairs(row)
    ]
    return row | {"kwargs": kwargs} if kwargs and kwargs != row["kwargs"] else None


def _normalise_newlines(row: Row, values: Mapping[str, Any]) -> Row | None:
    r"""Every line ends in ``\n``, in the prompt and in the request to repeat."""
    changed = _replaced(row, "\r\n", "\n") or row
    changed = _replaced(changed, "\r", "\n") or changed
    return None if changed is row else changed


def _replace_text(row: Row, values: Mapping[str, Any]) -> Row | None:
    return _replaced(row, values["from"], values["to"])


def _set(row: Row, values: Mapping[str, Any]) -> Row | None:
    for place, (name, kwargs) in enumerate(_pairs(row)):
        found = kwargs.get(values["kwarg"])
        if _same(name, values["instruction_id"]) and found == values["from"]:
            return _with_kwargs(row, place, kwargs | {values["kwarg"]: values["to"]})
    return None


def _set_id(row: Row, values: Mapping[str, Any]) -> Row | None:
    """Change the first of the instructions; all its kwargs go."""
    places = _places(row, values["from"])
    if len(places) != values.get("count", 1):
        return None
    ids = list(row["instruction_id_list"])
    ids[places[0]] = values["to"]
    return _with_kwargs(row | {"instruction_id_list": ids}, places[0], {})


def _drop_instruction(row: Row, values: Mapping[str, Any]) -> Row | None:
    places = _places(row, values["instruction_id"])
    if not places:
        return None
    return row | {
        name: [item for place, item in enumerate(row[name]) if place != places[0]]
        for name in ("instruction_id_list", "kwargs", "unsatisfiable")
        if name in row
    }


def _add_instruction(row: Row, values: Mapping[str, Any]) -> Row | None:
    pairs, new = list(_pairs(row)), values["instruction_id"]
    if not pairs or _places(row, new):
        return None
    changed: Row = {
        "instruction_id_list": [*row["instruction_id_list"], new],
        "kwargs": [*row["kwargs"], dict(values.get("kwargs", {}))],
    }
    if "unsatisfiable" in row:
        changed["unsatisfiable"] = [*row["unsatisfiable"], False]
    return row | changed


def _flag(row: Row, values: Mapping[str, Any]) -> Row | None:
    """Mark what no answer can follow."""
    wanted = values.get("instruction_id")
    flags = [wanted is None or _same(name, wanted) for name, _ in _pairs(row)]
    if not any(flags):
        return None
    before = row.get("unsatisfiable", [False] * len(flags))
    pairs = zip(flags, before, strict=True)
    return row | {"unsatisfiable": [one or other for one, other in pairs]}


def _pairs(row: Row) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield ids with kwargs; nothing where they are not what they must be."""
    ids, kwargs = row.get("instruction_id_list"), row.get("kwargs")
    if not isinstance(ids, list) or not isinstance(kwargs, list):
        return
    if len(ids) == len(kwargs) and all(isinstance(kw, dict) for kw in kwargs):
        yield from zip(map(str, ids), kwargs, strict=True)


def _places(row: Row, wanted: str) -> list[int]:
    pairs = enumerate(_pairs(row))
    return [place for place, (name, _) in pairs if _same(name, wanted)]


def _same(one: str, other: str) -> bool:
    """Tell whether two ids are one instruction type, whatever their prefixes."""
    try:
        return resolve(one).id == resolve(other).id
    except UnknownNameError:
        return one == other


def _with_kwargs(row: Row, place: int, kwargs: dict[str, Any]) -> Row:
    changed = list(row["kwargs"])
    changed[place] = kwargs
    return row | {"kwargs": changed}


def _replaced(row: Row, old: str, new: str) -> Row | None:
    prompt = row.get("prompt")
    if not isinstance(prompt, str) or old not in prompt:
        return None
    kwargs = [
        {
            k: v.replace(old, new)
            if k == "prompt_to_repeat" and isinstance(v, str)
            else v
            for k, v in kw.items()
        }
        for _, kw in _pairs(row)
    ]
    changed = {"kwargs": kwargs} if kwargs else {}
    return row | {"prompt": prompt.replace(old, new)} | changed


ACTIONS: Final[Mapping[str, Callable[[Row, Mapping[str, Any]], Row | None]]] = (
    MappingProxyType(
        {
            "wrap_string": _wrap_strings,
            "normalise_newlines": _normalise_newlines,
            "replace_text": _replace_text,
            "set": _set,
            "set_id": _set_id,
            "drop_instruction": _drop_instruction,
            "add_instruction": _add_instruction,
            "unsatisfiable": _flag,
            "note": lambda row, values: None,
        }
    )
)
