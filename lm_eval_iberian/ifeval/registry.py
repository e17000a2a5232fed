"""The one registry of instruction types, by Google's ids."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from lm_eval_iberian.errors import UnknownNameError
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
INSTRUCTIONS: Final[Mapping[str, Instruction]] = MappingProxyType(
    {item.id: item for family in _FAMILIES for item in family.INSTRUCTIONS}
)

# What published datasets put before an id, and call the case checks, besides the packs.
_PREFIXES: Final = frozenset({"en", "es", "ca", "eu", "gl", "pt", "fr", "ja"})
_CASE_LANGUAGES: Final = frozenset(
    {"basque", "galician", "catalan", "spanish", "portuguese", "french", "english"}
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
    prefix, colon, rest = instruction_id.partition(":")
    known = _PREFIXES.union(available_languages())
    name = rest if colon and ":" in rest and prefix in known else instruction_id
    match = _CASE.fullmatch(name)
    if match and match[1] in _case_languages():
        return f"change_case:english_{match[2]}"
    return name


@cache
def _case_languages() -> frozenset[str]:
    """Return the language names that the ids of the case checks may carry."""
    packs = {load_profile(lang).name.lower() for lang in available_languages()}
    return _CASE_LANGUAGES | packs
