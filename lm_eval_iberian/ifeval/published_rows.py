"""Rows of IFEval prompts as anybody publishes them, in this project's one form.

What others call columns, instruction types and relations is ``published_rows.toml``;
whether a row is what it must be, ``prompt.py`` says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.ifeval.instruction import AT_LEAST, LESS_THAN, Kwarg
from lm_eval_iberian.ifeval.registry import resolve
from lm_eval_iberian.languages import (
    PromptWords,
    available_languages,
    fold_spaces,
    load_profile,
)
from lm_eval_iberian.languages.schema import build
from lm_eval_iberian.toml import read_toml


_NUMBER: Final = re.compile(r"-?[0-9]{1,18}(?:\.0*)?")
_NUMBERS: Final = ("count", "rank")


def decoded(row: Mapping[str, Any], number: int | None = None) -> dict[str, Any]:
    """Return a row under our names, its relations in Google's words.

    Undone is what a detour over a data frame does: JSON text for lists and objects,
    null for what is not there, 3.0 or "3" for 3. At most 3 is less than 4. What fits
    none of this is left for ``parse_prompt`` to refuse.

    Args:
        row: The row as it was published.
        number: Which row of its file it is; the key of one that has none.
    """
    found = dict(row)
    for name, places in _published_names().columns.items():
        there = [value for place in places for value in _at(row, place)]
        if name not in found and there:
            found[name] = there[0]
    kwargs = _from_json(found.get("kwargs"))
    ids = _from_json(found.get("instruction_id_list"))
    if isinstance(kwargs, list):
        kwargs = [_without_nulls(_from_json(kw)) for kw in kwargs]
        if isinstance(ids, list) and len(ids) == len(kwargs):
            kwargs = [_in_our_words(*pair) for pair in zip(ids, kwargs, strict=True)]
    changed = {"instruction_id_list": ids, "kwargs": kwargs}
    if "prompt" in found:
        changed["prompt"] = _said(found["prompt"])
    key = found.get("key")
    return found | changed | {"key": number if key is None else whole_number(key)}


def in_google_s_words(name: Any, kwargs: Any) -> Any:
    """Return an instruction's kwargs with their relation in Google's words.

    At most 3 is less than 4. Where a type asks for at least so many anyway, that
    relation is left out. Kwargs of another form are returned as they are.
    """
    if not isinstance(kwargs, dict):
        return kwargs
    said = {key: one for key, value in kwargs.items() if (one := _relation(value))}
    if not said:
        return kwargs
    takes = _takes(name)
    changed = dict(kwargs)
    for key, (relation, more) in said.items():
        if key not in takes or takes[key].kind != "relation":
            continue
        counts = [
            n for n, kwarg in takes.items() if kwarg.kind == "count" and n in changed
        ]
        if not counts or type(changed[counts[0]]) is not int:  # True is no number
            continue
        changed[counts[0]] += more
        changed[key] = relation
        if relation == AT_LEAST and not takes[key].required:
            del changed[key]
    return changed


def whole_number(value: Any) -> Any:
    """Return ``1`` for ``1.0``, ``"1"`` and ``"1.0"``; what is no number, as it is."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return int(value.partition(".")[0])
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _at(row: Mapping[str, Any], place: str) -> tuple[Any, ...]:
    """Return what stands at a place, nothing where it is not there."""
    name, _, inside = place.partition(".")
    if name not in row:
        return ()
    if not inside:
        return (row[name],)
    value = _from_json(row[name])
    return _at(value, inside) if isinstance(value, Mapping) else ()


def _said(prompt: Any) -> Any:
    """Return what a single message of a user says, or a text in a list."""
    match prompt:
        case [{"role": "user", "content": str(text)}] | [str(text)]:
            return text
    return prompt


def _in_our_words(name: Any, kwargs: Any) -> Any:
    """Return kwargs with numbers for their digits and relations in Google's words."""
    if not isinstance(kwargs, dict):
        return kwargs
    if any(
        isinstance(value, str) and value.strip().isdigit() for value in kwargs.values()
    ):
        takes = _takes(name)
        kwargs = {
            key: whole_number(value)
            if key in takes and takes[key].kind in _NUMBERS
            else value
            for key, value in kwargs.items()
        }
    return in_google_s_words(name, kwargs)


def _takes(name: Any) -> Mapping[str, Kwarg]:
    """Return the kwargs of an instruction by name, none for an unknown one."""
    try:
        return {kwarg.name: kwarg for kwarg in resolve(name).kwargs}
    except UnknownNameError:
        return {}


def _from_json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (json.JSONDecodeError, RecursionError):
        return value


def _without_nulls(kwargs: Any) -> Any:
    """Drop null kwargs; 3.0 is 3, and null for all of them is none."""
    if kwargs is None:
        return {}
    if not isinstance(kwargs, dict):
        return kwargs
    return {
        k: whole_number(v) if isinstance(v, float) else v
        for k, v in kwargs.items()
        if v is not None
    }


@dataclass(frozen=True)
class _Relations:
    """Wordings of each relation."""

    at_least: tuple[str, ...]
    more_than: tuple[str, ...]
    less_than: tuple[str, ...]
    at_most: tuple[str, ...]


@dataclass(frozen=True)
class _PublishedNames:
    """The form of ``published_rows.toml``."""

    columns: Mapping[str, tuple[str, ...]]
    ids: Mapping[str, str]
    relations: _Relations


@cache
def _published_names() -> _PublishedNames:
    path = Path(__file__).with_name("published_rows.toml")
    return build(_PublishedNames, read_toml(path), path.name)


def _relation(value: Any) -> tuple[str, int] | None:
    """Return what a wording is in Google's words, and what it adds to the number."""
    if not isinstance(value, str) or len(value) > 40:
        return None
    return _relations().get(value) or _relations().get(fold_spaces(value).strip())


@cache
def _relations() -> Mapping[str, tuple[str, int]]:
    """Return Google's relation for each wording, and what it adds to the number.

    Raises:
        DataError: A wording means one thing in one language and another in the next.
    """
    found: dict[str, tuple[str, int]] = {}
    tables: list[_Relations | PromptWords] = [_published_names().relations]
    tables += (load_profile(lang).prompts for lang in available_languages())
    for table in tables:
        for kind, meaning in _MEANINGS.items():
            for wording in map(fold_spaces, getattr(table, kind)):
                if found.setdefault(wording, meaning) != meaning:
                    raise DataError(f"the relation {wording!r} has two meanings")
    return MappingProxyType(found)


_MEANINGS: Final = {
    "at_least": (AT_LEAST, 0),
    "more_than": (AT_LEAST, 1),
    "less_than": (LESS_THAN, 0),
    "at_most": (LESS_THAN, 1),
}
