"""How often a text holds a letter, as readers of its language count."""

from __future__ import annotations

import unicodedata

from lm_eval_iberian.languages.folding import compose, fold
from lm_eval_iberian.languages.profile import LanguageProfile


def count_letter(
    letter: str, text: str, profile: LanguageProfile, prompt: str = ""
) -> int:
    """Return how often a text holds a character, small or capital.

    A letter with a mark counts as the plain one where the pack says so: ó is an o of
    Galician, ñ is no n. A letter that is asked for with its mark counts with it alone.

    Args:
        letter: The character that is wanted.
        text: Where it is looked for.
        profile: The language of the task.
        prompt: What was asked; it may want the plain letter alone.
    """
    wanted = compose(letter).lower()
    text = compose(text.lower())
    rules = profile.letters
    if not rules.with_marks or _plain(wanted, profile) != wanted:
        return text.count(wanted)
    asked = fold(prompt)
    plain, either = (
        any(fold(cue) in asked for cue in cues)
        for cues in (rules.plain_cues, rules.either_cues)
    )
    if plain and not either:
        return text.count(wanted)
    return "".join(_plain(character, profile) for character in text).count(wanted)


def _plain(character: str, profile: LanguageProfile) -> str:
    """Return a letter without its marks, unless it is one of its own."""
    if character.isascii() or character in profile.letters.own:
        return character
    parts = unicodedata.normalize("NFD", character)
    return "".join(part for part in parts if not unicodedata.combining(part))
