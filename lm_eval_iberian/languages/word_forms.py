"""The forms of a word that a licence lets through: its plural, its feminine, its verb.

The pack says how the end of a word changes, simplemma's lexicon whether the result is
the same word: ``banca`` ends like a feminine of ``banco``, and has a lemma of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from lm_eval_iberian.languages.conjugation import (
    infinitives_of,
    is_infinitive,
    is_verb_form,
)
from lm_eval_iberian.languages.folding import fold, without_accents
from lm_eval_iberian.languages.keyword_rules import FormRules
from lm_eval_iberian.languages.lexicon import lemma, lemmas
from lm_eval_iberian.languages.profile import LanguageProfile


# What a prompt may let a keyword change.
NUMBER: Final = "number"
GENDER: Final = "gender"
VERB: Final = "verb"
# every form of the word: the three above and whatever else has its lemma
EVERY: Final = "every"
Licence = frozenset[str]
NO_LICENCE: Final[Licence] = frozenset()
FULL_LICENCE: Final[Licence] = frozenset({NUMBER, GENDER, VERB, EVERY})

# a longer compound is no word, and has too many forms to list
_HYPHENS: Final = 3
_ACCENTS: Final = {"a": "á", "e": "é", "i": "í", "o": "ó", "u": "ú"}
_GRAVE: Final = {"a": "à", "e": "è", "o": "ò"}


def is_open(word: str, profile: LanguageProfile, licence: Licence) -> bool:
    """Tell whether a licence lets through more forms of a word than can be listed."""
    if EVERY in licence:
        return True
    return VERB in licence and bool(infinitives_of(word, profile))


@lru_cache(maxsize=4096)
def listed_forms(
    word: str, profile: LanguageProfile, licence: Licence
) -> tuple[str, ...]:
    """Return a folded word and its forms of other number and gender, as licensed."""
    forms = [word]
    number = bool(licence & {NUMBER, EVERY})
    gender = bool(licence & {GENDER, EVERY})
    if gender:
        for base in [word, *_singulars(word, profile)]:
            for other in _other_genders(base, profile):
                if base == word or number:
                    forms.append(other)
                if base != word:  # a plural becomes another plural
                    forms += _plurals(other, profile)
    if number:
        for form in tuple(forms):
            forms += _plurals(form, profile)
            forms += _singulars(form, profile)
    return tuple(dict.fromkeys(forms))


@lru_cache(maxsize=65536)
def is_form(word: str, found: str, profile: LanguageProfile, licence: Licence) -> bool:
    """Tell whether a folded word is a form of another under an open licence."""
    if found in listed_forms(word, profile, licence):
        return True
    strangers = profile.keywords.forms.strangers
    if (word, found) in strangers or (found, word) in strangers:
        return False
    verbs: tuple[str, ...] = ()
    if VERB in licence:
        verbs = infinitives_of(word, profile)
    elif EVERY in licence:  # of a noun the nouns alone: casa, not casó
        verbs = (word,) if is_infinitive(word, profile) else ()
    if any(is_verb_form(verb, found, profile) for verb in verbs):
        return True
    return EVERY in licence and _have_one_lemma(word, found, profile)


# --- number


@lru_cache(maxsize=8192)
def _plurals(word: str, profile: LanguageProfile) -> tuple[str, ...]:
    """Return what may be the plural of a word, and is no other word."""
    rules = profile.keywords.forms
    listed = [many for one, many in rules.irregular_plurals if one == word]
    if word in rules.only_irregular:
        return tuple(listed)
    made = [*_made_plurals(word, rules), *_compound_plurals(word, profile)]
    return (*listed, *(m for m in made if (word, m) not in rules.strangers))


def _compound_plurals(word: str, profile: LanguageProfile) -> Iterator[str]:
    """Make the plurals of a compound whose first part changes: obras-primas."""
    first, hyphen, rest = word.partition("-")
    if hyphen and rest and word.count("-") <= _HYPHENS:
        for many in _plurals(first, profile):
            yield f"{many}-{rest}"
            yield from (f"{many}-{others}" for others in _plurals(rest, profile))


def _made_plurals(word: str, rules: FormRules) -> Iterator[str]:
    """Make plurals by the rules for the longest ending that a word has."""
    ends = [end for end, _ in (*rules.plurals, *rules.shifting_plurals)]
    fitting = [end for end in ends if _has_ending(word, end)]
    if not fitting:
        return
    longest = max(fitting, key=len)
    for end, other in rules.plurals:
        if end == longest:
            yield word[: len(word) - len(end)] + other
    for end, other in rules.shifting_plurals:
        if end == longest:
            yield from _accented(without_accents(word[: len(word) - len(end)]) + other)


@lru_cache(maxsize=8192)
def _singulars(word: str, profile: LanguageProfile) -> tuple[str, ...]:
    """Return the words whose plural a word may be."""
    rules = profile.keywords.forms
    listed = [one for one, many in rules.irregular_plurals if many == word]
    if listed:
        return tuple(listed)
    made: list[str] = []
    for end, other in (*rules.plurals, *rules.shifting_plurals):
        if _has_ending(word, other):
            stem = word[: len(word) - len(other)]
            made.append(stem + end)
            if (end, other) in rules.shifting_plurals:
                made += _accented(without_accents(stem) + end)
    first, hyphen, rest = word.partition("-")
    if hyphen and rest and word.count("-") <= _HYPHENS:
        ends = (rest, *_singulars(rest, profile))
        made += [f"{one}-{end}" for one in _singulars(first, profile) for end in ends]
    made = [one for one in dict.fromkeys(made) if word in _plurals(one, profile)]
    if not made or lemma(word, profile.code) == word:
        return ()  # mes is no plural of me
    # bases is the plural of base: bas is no word
    known = [one for one in made if lemma(one, profile.code) == one]
    return tuple(known or made)


# --- gender


@lru_cache(maxsize=8192)
def _other_genders(word: str, profile: LanguageProfile) -> tuple[str, ...]:
    """Return the other gender of a singular, where it is the same word."""
    rules = profile.keywords.forms
    found = [he for he, she in rules.irregular_genders if she == word]
    found += [she for he, she in rules.irregular_genders if he == word]
    for end, other in (*rules.genders, *rules.sure_genders):
        sure = (end, other) in rules.sure_genders
        if _has_ending(word, end):
            she = word[: len(word) - len(end)] + other
            if _is_pair(word, she, profile, sure):
                found.append(she)
        if _has_ending(word, other):
            he = word[: len(word) - len(other)] + end
            if _is_pair(he, word, profile, sure):
                found.append(he)
    return tuple(dict.fromkeys(found))


def _is_pair(he: str, she: str, profile: LanguageProfile, sure: bool) -> bool:
    """Tell whether two words that end like one in two genders are one."""
    rules = profile.keywords.forms
    if (he, she) in rules.strangers:
        return False
    if sure or he in rules.gendered or _is_participle(he, profile):
        return True
    if rules.adverb and lemma(she + rules.adverb, profile.code):
        return True  # only an adjective makes an adverb: ancha, anchamente
    his = {he, *_nominal(he, profile)}
    # a plural of both tells nothing
    plurals = set(_made_plurals(she, rules)) - set(_made_plurals(he, rules))
    return any(his & set(_nominal(form, profile)) for form in (she, *plurals))


def _is_participle(word: str, profile: LanguageProfile) -> bool:
    """Tell whether a word is the participle of a verb."""
    return any(
        word.endswith(end) and is_infinitive(word[: -len(end)] + infinitive, profile)
        for end, infinitive in profile.keywords.forms.participles
    )


# --- the lexicon


def _have_one_lemma(word: str, found: str, profile: LanguageProfile) -> bool:
    """Tell whether two words are forms of a third that is no verb."""
    ours = {word, *_nominal(word, profile)}
    return bool(ours & set(_nominal(found, profile)))


def _nominal(word: str, profile: LanguageProfile) -> tuple[str, ...]:
    """Return the lemmas of a word without verbs: cuenta may be of contar, too."""
    ends = tuple(end for end, _ in profile.keywords.forms.verb_signs)
    return tuple(
        fold(found)
        for found in lemmas(word, profile.code)
        if found == word or not ends or not found.endswith(ends)
    )


# --- spelling


def _has_ending(word: str, end: str) -> bool:
    """Tell whether a word has an ending, and something before it."""
    return word.endswith(end) and len(word) >= len(end) + 1


def _accented(text: str) -> Iterator[str]:
    """Yield a text, and the text with an accent on each of its vowels in turn."""
    yield text
    for place, letter in enumerate(text):
        for marks in (_ACCENTS, _GRAVE):
            if letter in marks:
                yield text[:place] + marks[letter] + text[place + 1 :]
