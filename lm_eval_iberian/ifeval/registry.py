"""The one registry of instruction types, by Google's ids."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.ifeval import (
    casing,
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


_FAMILIES: Final = (
    keywords, language, length, content, format, combination, startend, casing,
    punctuation,
)  # fmt: skip
# The BSC's Spanish and Catalan sets (M-IFEval) have types of their own, unchecked here:
# prompts leave them out.
LEFT_OUT: Final = frozenset(
    {
        "punctuation:question_marks",
        "punctuation:exclamation_marks",
        "special_character:enie",
        "special_character:tildes",
        "special_character:dieresis",
    }
)

_CASE: Final = re.compile(r"change_case:([a-z]+)_(capital|lowercase)")


def resolve(instruction_id: str) -> Instruction:
    """Return the instruction type of an id.

    A language prefix (``eu:``) is dropped, and the case checks may carry any language's
    name (``change_case:spanish_capital``).

    Raises:
        UnknownNameError: No such instruction; the message holds the nearest.
    """
    if not isinstance(instruction_id, str):
        raise UnknownNameError("instruction", repr(instruction_id), INSTRUCTIONS)
    name = _canonical(instruction_id)
    if name not in INSTRUCTIONS:
        raise UnknownNameError("instruction", instruction_id, INSTRUCTIONS)
    return INSTRUCTIONS[name]


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


def _registered() -> Mapping[str, Instruction]:
    """Return the types of all families by id.

    Raises:
        DataError: No prompt would ever reach a type: prompts leave its id out, another
            type has it, or it is one more name of another.
    """
    found: dict[str, Instruction] = {}
    for family in _FAMILIES:
        for item in family.INSTRUCTIONS:
            where = f"{family.__name__}: {item.id!r}"
            if item.id in LEFT_OUT:
                raise DataError(f"{where} is in LEFT_OUT; take it out there")
            if _canonical(item.id) != item.id:
                raise DataError(f"{where} is read as {_canonical(item.id)!r}")
            if item.id in found:
                raise DataError(f"{where} is another type already")
            found[item.id] = item
    return MappingProxyType(found)


INSTRUCTIONS: Final = _registered()
