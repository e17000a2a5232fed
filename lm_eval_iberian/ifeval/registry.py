"""The one registry of instruction types: Google's 25, and some of other sets."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Final

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.ifeval import (
    casing,
    characters,
    combination,
    content,
    format,
    keywords,
    language,
    length,
    punctuation,
    startend,
)
from lm_eval_iberian.ifeval.instruction import Instruction
from lm_eval_iberian.languages import available_languages, load_profile
from lm_eval_iberian.toml import read_toml


_FAMILIES: Final = (
    keywords, language, length, content, format, combination, startend, casing,
    punctuation,
)  # fmt: skip
_CASE: Final = re.compile(r"change_case:([a-z]+)_(capital|lowercase)")


def resolve(instruction_id: str) -> Instruction:
    """Return the instruction type of an id.

    A language prefix (``eu:``) is dropped, and the case checks may carry any language's
    name (``change_case:spanish_capital``).

    Raises:
        UnknownNameError: No such instruction; the message holds the nearest.
    """
    if not isinstance(instruction_id, str):
        raise UnknownNameError("instruction", repr(instruction_id), KNOWN)
    if instruction_id in KNOWN:
        return KNOWN[instruction_id]
    name = _canonical(instruction_id)
    if name not in KNOWN:
        name = _aliases().get(name, name)
    if name not in KNOWN:
        raise UnknownNameError("instruction", instruction_id, KNOWN)
    return KNOWN[name]


@lru_cache(maxsize=4096)
def why_unchecked(instruction_id: str, lang: str) -> str | None:
    """Return why nothing here checks an instruction in a language, if nothing does.

    Args:
        instruction_id: As for ``resolve``.
        lang: The code of a language; it may have no pack.

    Returns:
        The reason in a few words, or the nearest name, or nothing, where there is no
        such type; None if something checks it.
    """
    try:
        instruction = resolve(instruction_id)
    except UnknownNameError:
        near = difflib.get_close_matches(bare_id(instruction_id), KNOWN, 1, 0.75)
        return f"did you mean {near[0]}?" if near else ""
    if not instruction.character:
        return None
    if lang not in available_languages():
        return f"no pack has the language {lang!r}"
    profile = load_profile(lang)
    return characters.why_none(instruction.character, profile) or None


def bare_id(instruction_id: str) -> str:
    """Return an id without what stands before its family and its name."""
    return ":".join(instruction_id.split(":")[-2:])


def _canonical(instruction_id: str) -> str:
    """Return the id without its prefix and with Google's name of the case checks."""
    prefix, _, rest = instruction_id.partition(":")
    prefixed = ":" in rest and (prefix in available_languages() or prefix in _codes())
    name = rest if prefixed else instruction_id
    match = _CASE.fullmatch(name)
    # Google's own name is not looked up: that would read every pack on import
    if match and match[1] != "english" and match[1] in _language_names():
        return f"change_case:english_{match[2]}"
    return name


@cache
def _codes() -> frozenset[str]:
    """Return the languages that published datasets may put before an id."""
    return frozenset(load_profile("en").asked_in)


@cache
def _language_names() -> frozenset[str]:
    """Return the English names of languages, as ids carry them."""
    packs = (load_profile(lang).name.lower() for lang in available_languages())
    every = load_profile("en").prompts.languages.values()
    return frozenset(packs) | {name for names in every for name in names}


@cache
def _aliases() -> Mapping[str, str]:
    """Return our ids by those that a published set has instead."""
    table: dict[str, str] = read_toml(Path(__file__).with_name("published_rows.toml"))[
        "ids"
    ]
    return table


def _registered(families: Sequence[ModuleType]) -> Mapping[str, Instruction]:
    """Return the types of all families by id.

    Raises:
        DataError: No prompt would ever reach a type: another has its id, or it is one
            more name of another.
    """
    found: dict[str, Instruction] = {}
    for family in families:
        for item in family.INSTRUCTIONS:
            where = f"{family.__name__}: {item.id!r}"
            if _canonical(item.id) != item.id:
                raise DataError(f"{where} is read as {_canonical(item.id)!r}")
            if item.id in found:
                raise DataError(f"{where} is another type already")
            found[item.id] = item
    return MappingProxyType(found)


# Google's, which the mini sets hold and the original scorings know
INSTRUCTIONS: Final = _registered(_FAMILIES)
KNOWN: Final = _registered((*_FAMILIES, characters))
