"""Finds a word in a text: as it is, or as a stem with the language's endings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from os.path import commonprefix
from typing import Final

from lm_eval_iberian.languages.folding import fold
from lm_eval_iberian.languages.profile import LanguageProfile
from lm_eval_iberian.languages.rules import KeywordRules, Pairs


_LONGEST_ENDING: Final = 30
_DEPTH: Final = 3
_VOWELS: Final = "aeiou"
# the raised dot of pel·lícula is inside a word: it holds no "lícula"
_NO_LETTER_BEFORE: Final = r"(?<![^\W_])(?<![^\W_]·)"
_NO_LETTER_AFTER: Final = r"(?![^\W_])(?!·[^\W_])"


def occurrences(
    term: str, text: str, profile: LanguageProfile, *, inflected: bool = False
) -> list[str]:
    """Return every place where a text uses a term, as it stands there (folded).

    Neither letter case, composition nor quote shape matters; the term is never a
    pattern. With ``match = "word"`` it must stand alone between non-letters, and
    ``inflected`` lets its end change (``canciones`` uses ``canción``); with ``match =
    "stem"`` it may carry the endings of the language (``basoan`` uses ``baso``;
    ``amatxo`` does not use ``ama``).
    """
    wanted = fold(term).strip()
    if not wanted:
        return []
    name = term.strip()[0].isupper()
    found = _matches(wanted, fold(text), profile, inflected=inflected, name=name)
    return list(found)


@lru_cache(maxsize=1024)
def allows_inflection(prompt: str, profile: LanguageProfile) -> bool:
    """Tell whether a prompt says that other forms of a word count too."""
    asked = fold(prompt)
    return any(cue in asked for cue in _inflection_cues(profile))


@lru_cache(maxsize=64)
def _inflection_cues(profile: LanguageProfile) -> tuple[str, ...]:
    """Return the cues of a pack, folded."""
    return tuple(map(fold, profile.keywords.inflection_cues))


def starts_with(term: str, text: str, profile: LanguageProfile) -> bool:
    """Tell whether a text begins with a term, by the rule of ``occurrences``."""
    wanted, given = fold(term).strip(), fold(text).lstrip()
    if not wanted:
        return False
    given = given[: len(wanted) + 99]
    return next(_matches(wanted, given, profile, at_start=True), "") != ""


def _matches(
    term: str,
    text: str,
    profile: LanguageProfile,
    *,
    at_start: bool = False,
    inflected: bool = False,
    name: bool = False,
) -> Iterator[str]:
    """Yield the uses of a folded term in a folded text."""
    rules = profile.keywords
    pattern, core, sign = _pattern(term, rules, inflected)
    if sign not in text:
        return
    found = [pattern.match(text)] if at_start else pattern.finditer(text)
    for match in found:
        if match is None or _is_other(match[0], term, rules):
            continue
        if _fits(term, core, match["rest"], rules, name):
            yield match[0]


@lru_cache(maxsize=4096)
def _pattern(
    term: str, rules: KeywordRules, inflected: bool
) -> tuple[re.Pattern[str], str, str]:
    """Compile the search for a term.

    Returns:
        The pattern; the part of the term that it spells; what its first word begins
        with in all its forms, without which nothing is found.
    """
    stem = rules.match == "stem" and term[-1].isalnum()
    core = term
    if stem and len(term) > 2 and term[-1] in rules.dropped_finals:
        core = term[:-1]
    pairs = rules.inflections if inflected else ()
    forms = [_forms(word, pairs) for word in core.split()]
    body = r"\s+".join(map(_any_of, forms))
    before = _NO_LETTER_BEFORE if term[0].isalnum() else ""
    after = _NO_LETTER_AFTER if term[-1].isalnum() else ""
    rest = rf"-?[^\W_]{{0,{_LONGEST_ENDING}}}" if stem else ""
    pattern = re.compile(f"{before}{body}(?P<rest>{rest}){after}")
    return pattern, core, commonprefix(forms[0])  # noqa: RUF071 (no paths)


def _forms(word: str, inflections: Pairs) -> list[str]:
    """Return a word and what its end may change to."""
    forms = [word]
    for end, other in inflections:
        if word.endswith(end) and len(word) > len(end):
            forms.append(word[: -len(end)] + other)
    return forms


def _any_of(forms: list[str]) -> str:
    """Return the pattern of any of the forms."""
    options = "|".join(map(re.escape, forms))
    return f"(?:{options})" if forms[1:] else options


def _is_other(found: str, term: str, rules: KeywordRules) -> bool:
    """Tell whether a form belongs to another word that only begins like the term."""
    return any(
        found.startswith(w) and not term.startswith(w) for w in rules.other_words
    )


def _fits(term: str, core: str, rest: str, rules: KeywordRules, name: bool) -> bool:
    """Tell whether what follows the core makes a form of the term."""
    missing = term[len(core) :]
    if rest.startswith(missing):
        ending = rest[len(missing) :]
        # a hyphen joins an ending (SMS-ak) or the next part of a compound
        return ending.startswith("-") or _inflected(term, ending, rules, _DEPTH)
    if name and core[-1] in _VOWELS and _begins(core, rest, rules.name_forms, rules):
        return True
    return _begins(core, rest, rules.dropped_forms, rules)


def _begins(
    core: str, ending: str, forms: tuple[str, ...], rules: KeywordRules
) -> bool:
    """Tell whether an ending is one of the forms, or one that takes more endings."""
    return ending in forms or any(
        ending.startswith(form)
        and _inflected(core + form, ending[len(form) :], rules, _DEPTH - 1)
        for form in forms
        if form in rules.chaining
    )


def _inflected(base: str, ending: str, rules: KeywordRules, depth: int) -> bool:
    """Tell whether an ending is made of the forms that may follow the base."""
    if not ending:
        return True
    if depth == 0:
        return False
    if base[-1] in rules.doubled_finals:
        soft = base.split()[-1] in rules.undoubled
        if ending[0] == base[-1] and not soft:
            base, ending = base + ending[0], ending[1:]
        elif ending[0] in _VOWELS and not soft:
            return False
    for endings in rules.endings:
        if base[-1].isalpha() and base[-1] not in endings.after:
            continue
        if ending in endings.forms:
            return True
        for form in rules.chaining:
            if form in endings.forms and ending.startswith(form):
                left = ending[len(form) :]
                if _inflected(base + form, left, rules, depth - 1):
                    return True
    return False
