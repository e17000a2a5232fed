"""The forms of a word that a licence lets through: its plural, its feminine, its verb.

The pack says how the end of a word changes, simplemma's lexicon whether the result is
the same word: ``banca`` ends like a feminine of ``banco``, and has a lemma of its own.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from lm_eval_iberian.languages.folding import fold
from lm_eval_iberian.languages.keyword_rules import FormRules
from lm_eval_iberian.languages.lexicon import lemma, lemmas
from lm_eval_iberian.languages.profile import LanguageProfile
from lm_eval_iberian.languages.rules import Pairs


# What a prompt may let a keyword change.
NUMBER: Final = "number"
GENDER: Final = "gender"
VERB: Final = "verb"
# every form of the word: the three above and whatever else has its lemma
EVERY: Final = "every"
Licence = frozenset[str]
NO_LICENCE: Final[Licence] = frozenset()
FULL_LICENCE: Final[Licence] = frozenset({NUMBER, GENDER, VERB, EVERY})

_ACCENTS: Final = {"a": "á", "e": "é", "i": "í", "o": "ó", "u": "ú"}
_GRAVE: Final = {"a": "à", "e": "è", "o": "ò"}
_VOWELS: Final = "aeiou"


def is_open(word: str, profile: LanguageProfile, licence: Licence) -> bool:
    """Tell whether a licence lets through more forms of a word than can be listed."""
    if EVERY in licence:
        return True
    return VERB in licence and bool(_infinitives(word, profile, licence))


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
    if licence & {VERB, EVERY}:
        for infinitive in _infinitives(word, profile, licence):
            if _is_verb_form(infinitive, found, profile):
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
    made = [many for many in _made_plurals(word, rules)]
    return tuple([*listed, *(m for m in made if (word, m) not in rules.strangers)])


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
            yield from _accented(_bare(word[: len(word) - len(end)]) + other)


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
                made += _accented(_bare(stem) + end)
    made = [one for one in dict.fromkeys(made) if word in _plurals(one, profile)]
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
        word.endswith(end) and _is_infinitive(word[: -len(end)] + infinitive, profile)
        for end, infinitive in profile.keywords.forms.participles
    )


# --- verbs


@lru_cache(maxsize=1024)
def _infinitives(
    word: str, profile: LanguageProfile, licence: Licence
) -> tuple[str, ...]:
    """Return the infinitive that a keyword is, or that of the verb it is a form of."""
    rules = profile.keywords.forms
    if not rules.verb_signs:  # no ending tells a verb
        return tuple(dict.fromkeys((word, *lemmas(word, profile.code))))
    if _is_infinitive(word, profile):
        return (word,)
    if EVERY in licence:
        return ()
    return tuple(v for v in lemmas(word, profile.code) if _is_infinitive(v, profile))


@lru_cache(maxsize=1024)
def _is_infinitive(word: str, profile: LanguageProfile) -> bool:
    """Tell whether a word is the infinitive of a verb."""
    rules = profile.keywords.forms
    if any(verb == word for verb, _ in rules.verb_forms):
        return True
    for end, sign in rules.verb_signs:
        if word.endswith(end):
            stem = word[: len(word) - len(end)]
            for other in {stem + sign, _bare(stem) + sign}:
                if lemma(other, profile.code) == word:
                    return True
    return False


def _is_verb_form(verb: str, found: str, profile: LanguageProfile) -> bool:
    """Tell whether a word is a form of a verb, alone or with pronouns behind it."""
    if _is_conjugated(verb, found, profile):
        return True
    if not found.endswith(profile.keywords.forms.clitics):
        return False
    for clitic in profile.keywords.forms.clitics:
        if found.endswith(clitic) and len(found) >= len(clitic) + 2:
            head = found[: len(found) - len(clitic)]
            if any(_is_conjugated(verb, base, profile) for base in {head, _bare(head)}):
                return True
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


def _bare(text: str) -> str:
    """Return a text without accents on its vowels; ñ, ç and ü are letters."""
    parts = unicodedata.normalize("NFD", text)
    kept = "".join(c for c in parts if c not in "\u0300\u0301")
    return unicodedata.normalize("NFC", kept)


def _accented(text: str) -> Iterator[str]:
    """Yield a text, and the text with an accent on each of its vowels in turn."""
    yield text
    for place, letter in enumerate(text):
        for marks in (_ACCENTS, _GRAVE):
            if letter in marks:
                yield text[:place] + marks[letter] + text[place + 1 :]
