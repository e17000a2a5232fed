"""Reads a TOML table into a frozen dataclass and names whatever does not fit."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from lm_eval_iberian.errors import DataError


T = TypeVar("T")


def build(cls: type[T], table: Mapping[str, Any], where: str) -> T:
    """Make a ``cls`` of a table whose keys are the fields of ``cls``.

    A field with a default may be left out.

    Args:
        cls: A dataclass whose fields are ``str``, ``bool``, tuples, string mappings or
            dataclasses of the same kind.
        table: What the file holds.
        where: The file and the key of the table, for messages.

    Raises:
        DataError: A key is unknown or missing, or a value has another type.
    """
    every = dataclasses.fields(cls)  # type: ignore[arg-type]
    fields = {field.name for field in every}
    needed = {
        f.name for f in every if f.default is f.default_factory is dataclasses.MISSING
    }
    for key in table:
        if key not in fields:
            known = ", ".join(sorted(fields))
            raise DataError(f"{where}: unknown key {key!r}; it may hold {known}.")
    if missing := sorted(needed - table.keys()):
        raise DataError(f"{where}: missing key {missing[0]!r}.")
    hints = get_type_hints(cls)
    values = {
        key: _value(hints[key], table[key], f"{where}: {key}") for key in sorted(table)
    }
    try:
        return cls(**values)
    except DataError as error:
        raise DataError(f"{where}: {error}") from None


def _value(wanted: Any, found: Any, where: str) -> Any:
    """Convert one value to the type its field is annotated with."""
    if dataclasses.is_dataclass(wanted) and isinstance(found, dict):
        return build(wanted, found, where)  # type: ignore[arg-type]
    if get_origin(wanted) is tuple and isinstance(found, list):
        return _items(get_args(wanted), found, where)
    if get_origin(wanted) is not None and isinstance(found, dict):
        inner = get_args(wanted)[1]
        pairs = {k: _value(inner, v, f"{where}.{k}") for k, v in found.items()}
        return types.MappingProxyType(pairs)
    if wanted in (str, bool) and type(found) is wanted:
        return found
    name = getattr(wanted, "__name__", str(wanted))
    raise DataError(f"{where} must be {name}, not {found!r}.")


def _items(kinds: tuple[Any, ...], found: list[Any], where: str) -> tuple[Any, ...]:
    """Convert a list to a tuple of one kind, or of one kind per place."""
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = (kinds[0],) * len(found)
    if len(kinds) != len(found):
        raise DataError(f"{where} must hold {len(kinds)} values, not {found!r}.")
    pairs = zip(kinds, found, strict=True)
    return tuple(_value(k, v, f"{where}[{i}]") for i, (k, v) in enumerate(pairs))
