"""The lemma of a word, from the lexicon of simplemma.

Imported and read only when a prompt lets a keyword change its form: a language costs
2 to 10 MB and up to half a second, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Final


# buenas, buena, bueno: a lemma may have a lemma itself
_STEPS: Final = 3


@cache
def _entries(lang: str) -> Mapping[str, str]:
    """Return the lexicon of a language, empty for one that simplemma does not have."""
    from simplemma.strategies.dictionaries import LOW_MEMORY_DICTIONARY_FACTORY

    try:
        return LOW_MEMORY_DICTIONARY_FACTORY.get_dictionary(lang)
    except ValueError:
        return {}


@lru_cache(maxsize=16384)
def lemma(word: str, lang: str) -> str | None:
    """Return the lemma of a word in small letters, ``None`` for an unknown one."""
    return _entries(lang).get(word)


@lru_cache(maxsize=4096)
def lemmas(word: str, lang: str) -> tuple[str, ...]:
    """Return the lemma of a word, the lemma of that one, and so on.

    Empty for an unknown word; the last of them is its own lemma.
    """
    found: list[str] = []
    for _ in range(_STEPS):
        step = lemma(word, lang)
        if step is None or step in found:
            break
        found.append(step)
        word = step
    return tuple(found)
