"""The forms of a verb: irregular ones from the lexicon, regular ones from the pack."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from lm_eval_iberian.languages.folding import without_accents
from lm_eval_iberian.languages.lexicon import lemma, lemmas
from lm_eval_iberian.languages.profile import LanguageProfile
from lm_eval_iberian.languages.rules import Pairs


_VOWELS: Final = "aeiou"


@lru_cache(maxsize=1024)
def infinitives_of(word: str, profile: LanguageProfile) -> tuple[str, ...]:
    """Return the infinitive that a word is, or those of the verbs it is a form of.

    Where no ending tells a verb (English) every word counts as one.
    """
    rules = profile.keywords.forms
    if not rules.verb_signs:
        return tuple(dict.fromkeys((word, *lemmas(word, profile.code))))
    if is_infinitive(word, profile):
        return (word,)
    return tuple(v for v in lemmas(word, profile.code) if is_infinitive(v, profile))


@lru_cache(maxsize=1024)
def is_infinitive(word: str, profile: LanguageProfile) -> bool:
    """Tell whether a word is the infinitive of a verb, or may be one in English."""
    rules = profile.keywords.forms
    if not rules.verb_signs:
        return True
    if any(verb == word for verb, _ in rules.verb_forms):
        return True
    for end, sign in rules.verb_signs:
        if word.endswith(end):
            stem = word[: len(word) - len(end)]
            for other in {stem + sign, without_accents(stem) + sign}:
                if lemma(other, profile.code) == word:
                    return True
    return False


def is_verb_form(verb: str, found: str, profile: LanguageProfile) -> bool:
    """Tell whether a word is a form of a verb, alone or with pronouns behind it."""
    if _is_conjugated(verb, found, profile):
        return True
    if not found.endswith(profile.keywords.forms.clitics):
        return False
    for clitic in profile.keywords.forms.clitics:
        if found.endswith(clitic) and len(found) >= len(clitic) + 2:
            head = found[: len(found) - len(clitic)]
            if _is_conjugated(verb, head, profile):
                return True
            if _is_conjugated(verb, without_accents(head), profile):
                return True  # dándole: dando
    return False


def _is_conjugated(verb: str, found: str, profile: LanguageProfile) -> bool:
    if verb in lemmas(found, profile.code) or found in _irregular(verb, profile):
        return True
    if found not in _conjugation(verb, profile):
        return False
    # cared ends like a form of car, and is one of care
    certain = bool(profile.keywords.forms.verb_signs)
    return certain or lemma(found, profile.code) in (None, found)


def _irregular(verb: str, profile: LanguageProfile) -> tuple[str, ...]:
    """Return the listed forms of a verb."""
    for name, forms in profile.keywords.forms.verb_forms:
        if name == verb:
            return forms
    return ()


@lru_cache(maxsize=256)
def _conjugation(verb: str, profile: LanguageProfile) -> frozenset[str]:
    """Return the regular forms of a verb, among some that no verb has.

    Canto is a noun in the lexicon, and a form of cantar all the same.
    """
    rules = profile.keywords.forms
    forms = {verb}
    for end, endings in rules.conjugation:
        if verb.endswith(end):
            stem = verb[: len(verb) - len(end)]
            stems = {stem, *_changed(stem, rules.stem_changes)}
            forms.update(one + other for one in stems for other in endings)
    return frozenset(forms)


def _changed(stem: str, changes: Pairs) -> Iterator[str]:
    """Yield a stem with its last vowel changed."""
    for place in range(len(stem) - 1, -1, -1):
        if stem[place] in _VOWELS:
            for vowel, other in changes:
                if vowel == stem[place]:
                    yield stem[:place] + other + stem[place + 1 :]
            return
