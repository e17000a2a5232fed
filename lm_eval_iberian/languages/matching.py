"""Finds a word in a text: as it is, or as a stem with the language's endings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from os.path import commonprefix
from typing import Final

from lm_eval_iberian.languages.folding import fold
from lm_eval_iberian.languages.keyword_rules import KeywordRules
from lm_eval_iberian.languages.profile import LanguageProfile
from lm_eval_iberian.languages.word_forms import (
    NO_LICENCE,
    Licence,
    is_form,
    is_open,
    listed_forms,
)


_LONGEST_ENDING: Final = 30
_DEPTH: Final = 3
_SHORTEST_STEM: Final = 3
_VOWELS: Final = "aeiou"
# the raised dot of pel·lícula is inside a word: it holds no "lícula"
_NO_LETTER_BEFORE: Final = r"(?<![^\W_])(?<![^\W_]·)"
_ANY_WORD: Final = r"([^\W_]+(?:·[^\W_]+)*)"
_NO_LETTER_AFTER: Final = r"(?![^\W_])(?!·[^\W_])"


def occurrences(
    term: str,
    text: str,
    profile: LanguageProfile,
    *,
    licence: Licence = NO_LICENCE,
) -> list[str]:
    """Return every place where a text uses a term, as it stands there (folded).

    Neither letter case, composition nor quote shape matters; the term is never a
    pattern. With ``match = "word"`` it must stand alone between non-letters, in itself
    or in a form that the ``licence`` lets through (``canciones`` uses ``canción`` in
    another number); with ``match = "stem"`` it may carry the endings of the language
    (``basoan`` uses ``baso``; ``amatxo`` does not use ``ama``).
    """
    wanted = fold(term).strip()
    if not wanted:
        return []
    name = term.strip()[0].isupper()
    if profile.keywords.match == "word":
        if name and not term.isupper():  # a name has no plural; CD has CDs
            licence = NO_LICENCE
        return list(_word_matches(wanted, fold(text), profile, licence))
    if name:
        return list(_stem_matches(wanted, fold(text), profile, written=text))
    stem = _without_article(wanted, profile.keywords)
    return list(_stem_matches(wanted, fold(text), profile, stem=stem))


def starts_with(term: str, text: str, profile: LanguageProfile) -> bool:
    """Tell whether a text begins with a term, by the rule of ``occurrences``."""
    wanted, given = fold(term).strip(), fold(text).lstrip()
    if not wanted:
        return False
    given = given[: len(wanted) + 99]
    if profile.keywords.match == "word":
        return _word_pattern(wanted, profile, NO_LICENCE)[0].match(given) is not None
    found = _stem_matches(wanted, given, profile, at_start=True)
    if wanted in profile.keywords.undeclined:  # gainerakoak begins with another word
        return next(found, "") == wanted
    return next(found, "") != ""


# --- words, and the forms that a licence lets through


def _word_matches(
    term: str, text: str, profile: LanguageProfile, licence: Licence
) -> Iterator[str]:
    """Yield the uses of a folded term in a folded text."""
    if not licence and term.isalnum():
        yield from _as_it_is(term, text)
        return
    pattern, sign, free = _word_pattern(term, profile, licence)
    if sign not in text:
        return
    for match in pattern.finditer(text):
        found = match.groups()
        if all(
            is_form(word, other, profile, licence)
            for word, other in zip(free, found, strict=True)
        ):
            yield match[0]


def _as_it_is(word: str, text: str) -> Iterator[str]:
    """Yield a word as often as a text holds it between non-letters."""
    at = text.find(word)
    while at >= 0:
        end = at + len(word)
        before, after = text[max(at - 2, 0) : at], text[end : end + 2]
        if not (_goes_on(before[::-1]) or _goes_on(after)):
            yield word
        at = text.find(word, end)


def _goes_on(beside: str) -> bool:
    """Tell whether a word goes on: by a letter, or by a raised dot and a letter."""
    return beside.removeprefix("·")[:1].isalnum()


@lru_cache(maxsize=4096)
def _word_pattern(
    term: str, profile: LanguageProfile, licence: Licence
) -> tuple[re.Pattern[str], str, tuple[str, ...]]:
    """Compile the search for a word or a phrase.

    Returns:
        The pattern; what its first word begins with in all its forms, without which
        nothing is found; the words whose forms cannot be listed, in the order of the
        groups that catch them.
    """
    parts, free, signs = [], [], []
    for word in term.split():
        # the small words of a phrase stay as they are: fines de semana
        licensed = licence if len(word) > 2 or word == term else NO_LICENCE
        if is_open(word, profile, licensed):
            free.append(word)
            signs.append("")
            parts.append(_ANY_WORD)
            continue
        forms = listed_forms(word, profile, licensed) if licensed else (word,)
        signs.append(commonprefix(forms))  # noqa: RUF071 (no paths)
        parts.append(_any_of(forms))
    before = _NO_LETTER_BEFORE if term[0].isalnum() else ""
    after = _NO_LETTER_AFTER if term[-1].isalnum() else ""
    body = r"\s+".join(parts)
    pattern = re.compile(f"{before}{body}{after}")
    return pattern, signs[0], tuple(free)


def _any_of(forms: Sequence[str]) -> str:
    """Return the pattern of any of the forms."""
    options = "|".join(map(re.escape, forms))
    return f"(?:{options})" if forms[1:] else options


# --- stems, and the endings that they carry


def _stem_matches(
    term: str,
    text: str,
    profile: LanguageProfile,
    *,
    at_start: bool = False,
    written: str = "",
    stem: str = "",
) -> Iterator[str]:
    """Yield the uses of a folded term in a folded text.

    ``written`` is the text as it stands where the term may be a name: a name takes
    other endings, and begins with a capital letter there, too. ``stem`` is the term
    without its article.
    """
    rules = profile.keywords
    if written:
        for end, soft in rules.softened_names:
            if term.endswith(end):
                yield from _softened(term[: -len(end)] + soft, text, profile)
    pattern, core, sign = _stem_pattern(stem or term, profile)
    if sign not in text:
        return
    found = [pattern.match(text)] if at_start else pattern.finditer(text)
    for match in found:
        if match is None or _is_other(match[0], term, rules):
            continue
        name = bool(written) and match[0] not in written
        rest = match["rest"]
        if _fits(term, core, rest, rules, name) or (
            stem and _declines(term, stem, rest, rules)
        ):
            yield match[0]


def _without_article(term: str, rules: KeywordRules) -> str:
    """Return the stem of a word that is given with its article: etorkizuna.

    Where its -a may as well be its own (hondartza), no form of the stem is a word. An
    empty text is returned where there is no article.
    """
    article = next((a for a in rules.articles if term.endswith(a)), "")
    if not article or term in rules.undeclined or term in rules.undivided:
        return ""
    stem = term.removesuffix(article)
    if len(stem.split(" ")[-1]) < _SHORTEST_STEM or stem[-1] in rules.dropped_finals:
        return ""
    doubled = stem[-1] in rules.doubled_finals and stem[-1] == stem[-2]
    return stem[:-1] if doubled else stem


def _declines(term: str, stem: str, rest: str, rules: KeywordRules) -> bool:
    """Tell whether a form is one of a word that was given with its article.

    Of a plural (sinonimoak) the plural cases are, of a singular all.
    """
    if term.endswith(rules.plural_articles):
        left = rest.removeprefix(term[len(stem) : -2])  # the r of txakurrak
        return _begins(stem, left, rules.dropped_forms, rules)
    if not rest:  # etorkizun hobea
        return len(stem) > _SHORTEST_STEM
    # ikasten is the verb's own form, no case of ikastea
    return rest != "n" and _inflected(stem, rest, rules, _DEPTH)


def _softened(core: str, text: str, profile: LanguageProfile) -> Iterator[str]:
    """Yield the forms of a name whose end is softened: Zarautz, Zarauzko."""
    forms = profile.keywords.softened_forms
    for match in _stem_pattern(core, profile)[0].finditer(text):
        if _begins(core, match["rest"], forms, profile.keywords):
            yield match[0]


@lru_cache(maxsize=4096)
def _stem_pattern(
    term: str, profile: LanguageProfile
) -> tuple[re.Pattern[str], str, str]:
    """Compile the search for a stem.

    Returns:
        The pattern; the part of the term that it spells; its first word.
    """
    stem = term[-1].isalnum()
    core = term
    if stem and len(term) > 2 and term[-1] in profile.keywords.dropped_finals:
        core = term[:-1]
    words = core.split()
    before = _NO_LETTER_BEFORE if term[0].isalnum() else ""
    after = _NO_LETTER_AFTER if stem else ""
    rest = rf"-?[^\W_]{{0,{_LONGEST_ENDING}}}" if stem else ""
    body = r"\s+".join(map(re.escape, words))
    pattern = re.compile(f"{before}{body}(?P<rest>{rest}){after}")
    return pattern, core, words[0]


def _is_other(found: str, term: str, rules: KeywordRules) -> bool:
    """Tell whether a form belongs to another word that only begins like the term."""
    if not found.startswith(rules.other_words):
        return False
    listed = found in rules.other_words
    if not listed and found.removeprefix(term) in rules.sure_endings:
        return False  # musikarik is of musika, musikari another word
    return any(
        found.startswith(w) and not term.startswith(w) for w in rules.other_words
    )


def _fits(term: str, core: str, rest: str, rules: KeywordRules, name: bool) -> bool:
    """Tell whether what follows the core makes a form of the term."""
    missing = term[len(core) :]
    if rest.startswith(missing):
        ending = rest[len(missing) :]
        # a hyphen joins an ending (SMS-ak) or the next part of a compound
        return ending.startswith("-") or _inflected(term, ending, rules, _DEPTH, name)
    if name:  # Anek is a form of Ane; Bizkaiko of Bizkaia, Ameriketan of Amerika
        forms = rules.name_forms if core[-1] in _VOWELS else ()
        return _begins(core, rest, (*forms, *rules.plural_name_forms), rules)
    if missing not in rules.dropped_finals:
        return False
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


def _inflected(
    base: str, ending: str, rules: KeywordRules, depth: int, name: bool = False
) -> bool:
    """Tell whether an ending is made of the forms that may follow the base."""
    if not ending:
        return True
    if depth == 0:
        return False
    word = base.rsplit(maxsplit=1)[-1]
    if base[-1] in rules.doubled_finals:
        soft = word in rules.undoubled
        if ending[0] == base[-1] and not soft:
            base, ending = base + ending[0], ending[1:]
        elif ending[0] in _VOWELS and not soft:
            return False
    for endings in rules.endings:
        if base[-1].isalpha() and base[-1] not in endings.after:
            continue
        if (endings.names and not name) or not word.endswith(endings.only or ""):
            continue
        if ending in endings.forms:
            return True
        for form in rules.chaining:
            if form in endings.forms and ending.startswith(form):
                left = ending[len(form) :]
                if _inflected(base + form, left, rules, depth - 1):
                    return True
    return False
