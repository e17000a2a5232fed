"""What in a prompt lets a word change its form, and what takes that back.

A pack lists cues as they stand ("también en plural"), and the words of which others are
made: what may vary (number, gender, tense), what sets it free ("sin importar el género
ni el número", "en el tiempo que quieras") and what denies it ("evita el plural").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

from lm_eval_iberian.languages.folding import fold
from lm_eval_iberian.languages.profile import LanguageProfile
from lm_eval_iberian.languages.word_forms import (
    EVERY,
    GENDER,
    NUMBER,
    VERB,
    listed_forms,
)


# between a word that frees or denies and what it is about: small words, and its like
_SMALL: Final = r"[^\W\d_]{1,4}"
_ANY: Final = r"[^\W\d_]{1,9}"
_NONE: Final = r"(?!)"
_ADDED: Final = re.compile(r"[»\"'*_`]{0,2}\s?[(/]\s?-?([^\W\d_]{1,40})")
# of a word, gat in gato/a, no more than this is left out
_REPLACED: Final = 2
# what stands no further off belongs to it
_NEAR: Final = 20
# a word of fewer letters is whole, one of more may be a beginning: evit
_WHOLE: Final = 4


def cues_in(text: str, profile: LanguageProfile) -> Iterator[tuple[str, re.Match[str]]]:
    """Yield the cues of a folded text, each with what it lets change."""
    for kind, pattern in _listed(profile):
        for cue in pattern.finditer(text):
            yield kind, cue
    denied = _denied(profile)
    for kind, pattern in _freed(profile):
        for cue in pattern.finditer(text):
            if not denied.search(text[: cue.start()]):  # sin cambiar el género
                yield kind, cue


def refused_in(text: str, profile: LanguageProfile, forbidding: bool) -> Iterator[str]:
    """Yield what a folded text says must not change: avoid the plural.

    Where the keywords are forbidden that is what it lets pass: the plural is fine.
    """
    rules = profile.keywords.cues
    if not forbidding:
        for refusal in _pattern_of(rules.refusals).finditer(text):
            yield from _kinds_of(refusal[0], profile)
    denied = _denied(profile)
    for kind, pattern in _refused(profile, forbidding):
        for match in pattern.finditer(text):
            after = text[match.end() : match.end() + _NEAR]
            before = text[max(0, match.start() - _NEAR) : match.start()]
            if has_words(rules.topics, after):  # no uses el plural mayestático
                continue
            if not (forbidding and denied.search(before)):
                yield from (kind, EVERY)


def _kinds_of(refusal: str, profile: LanguageProfile) -> tuple[str, ...]:
    """Return what a refusal names, and with it every form; or everything."""
    kinds = [kind for kind, names in _varying(profile) if has_words(names, refusal)]
    return (*kinds, EVERY) if kinds else (NUMBER, GENDER, VERB, EVERY)


def another_form(
    text: str, end: int, term: str, profile: LanguageProfile, forbidding: bool
) -> Iterator[str]:
    """Yield what another form of a term lets change that stands right behind it.

    It stands there whole, or only its end: perro o perros, perro(s), perro/a. Where
    they are forbidden, "and" joins it as well.
    """
    given = _alternative(profile, forbidding).match(text, end)
    added = _ADDED.match(text, end)
    forms = {given[1]} if given else set()
    if added:
        kept = range(max(1, len(term) - _REPLACED), len(term) + 1)
        forms |= {added[1], *(term[:length] + added[1] for length in kept)}
    for kind in (NUMBER, GENDER):
        listed = listed_forms(term, profile, frozenset({kind})) if forms else ()
        if (forms - {term}) & set(listed):
            yield kind


def has_cue(text: str, profile: LanguageProfile) -> bool:
    """Tell whether a folded text may hold a cue."""
    return _any_cue(profile).search(text) is not None


def has_words(words: tuple[str, ...], text: str) -> bool:
    """Tell whether a folded text holds a word, or a phrase, that begins like one."""
    return _pattern_of(words).search(text) is not None


def has_topic(
    text: str, clause: tuple[int, int], cue: tuple[int, int], profile: LanguageProfile
) -> bool:
    """Tell whether a clause of a folded text has a topic that is no part of a cue."""
    pattern = _pattern_of(profile.keywords.cues.topics)
    return any(
        match.start() < cue[0] or match.end() > cue[1]
        for match in pattern.finditer(text, *clause)
    )


def uses_at_end(text: str, profile: LanguageProfile) -> bool:
    """Tell whether a folded text ends with a word for using, or avoiding, something."""
    return _using(profile).search(text) is not None


def name_pattern(profile: LanguageProfile) -> re.Pattern[str]:
    """Return the pattern of what a prompt calls a keyword."""
    return _pattern_of(profile.keywords.cues.names)


@cache
def _listed(profile: LanguageProfile) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return each kind of licence with the pattern of its cues."""
    rules = profile.keywords.cues
    kinds = (
        (NUMBER, rules.number),
        (GENDER, rules.gender),
        (VERB, rules.verb),
        (EVERY, rules.every),
    )
    return tuple((kind, _pattern_of(cues)) for kind, cues in kinds if cues)


@cache
def _varying(profile: LanguageProfile) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return each kind of licence with the words for what varies."""
    rules = profile.keywords.cues
    kinds = (
        (NUMBER, rules.number_names),
        (GENDER, rules.gender_names),
        (VERB, rules.verb_names),
    )
    return tuple((kind, names) for kind, names in kinds if names)


@cache
def _freed(profile: LanguageProfile) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return each kind of licence with the pattern of words that set it free."""
    rules = profile.keywords.cues
    every = _any_of([name for _, names in _varying(profile) for name in names])
    before, after = _begun(rules.freeing), _any_of(rules.freed)
    amount = _any_of(rules.partitives)  # el número de veces que quieras
    between = rf"(?:\s+(?:{_SMALL}|(?:{every})[^\W_]{{0,2}})){{0,6}}?"
    found = []
    for kind, names in _varying(profile):
        name = rf"(?:{_any_of(names)})(?:e?s)?(?![^\W_])"
        pattern = re.compile(
            rf"(?<![^\W_])(?:{before}){between}\s+{name}"
            rf"|(?<![^\W_]){name}(?:(?!\s+(?:{amount})(?![^\W_])){between})?"
            rf",?\s+(?:{after})"
        )
        found.append((kind, pattern))
    return tuple(found)


@cache
def _refused(
    profile: LanguageProfile, forbidding: bool
) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return each kind of licence with the pattern of words that deny it.

    What is denied is named by the cues of one word: plural, femenin.
    """
    rules = profile.keywords.cues
    words = rules.permissions if forbidding else rules.denials
    denial, frees = _begun(words), _any_of(() if forbidding else rules.freeing)
    kinds = ((NUMBER, rules.number), (GENDER, rules.gender), (VERB, rules.verb))
    found = []
    for kind, cues in kinds:
        name = rf"(?:{_any_of([cue for cue in cues if cue.isalpha()])})[^\W_]{{0,4}}"
        near = rf"(?:\s+(?!{frees}){_ANY}){{0,2}}?\s+"
        behind = near if forbidding else r"\s+"
        pattern = (
            rf"(?<![^\W_])(?!{frees})(?:{denial}){near}{name}"
            rf"|(?<![^\W_]){name}{behind}(?!{frees})(?:{denial})"
        )
        found.append((kind, re.compile(pattern)))
    return tuple(found) if words else ()


@cache
def _denied(profile: LanguageProfile) -> re.Pattern[str]:
    """Compile a denial at the end of a text, perhaps with one word after it."""
    denial = _begun(profile.keywords.cues.denials)
    return re.compile(rf"(?<![^\W_])(?:{denial})(?:\s+{_ANY})?\s+\Z")


@cache
def _using(profile: LanguageProfile) -> re.Pattern[str]:
    using = _any_of(profile.keywords.cues.using)
    return re.compile(rf"(?<![^\W_])(?:{using})\s+\Z")


@cache
def _any_cue(profile: LanguageProfile) -> re.Pattern[str]:
    """Compile all cues, inside of words too: first letters are found fast."""
    rules = profile.keywords.cues
    names = [name for _, names in _varying(profile) for name in names]
    return re.compile(
        _any_of([*rules.number, *rules.gender, *rules.verb, *rules.every, *names])
    )


@cache
def _alternative(profile: LanguageProfile, joined: bool) -> re.Pattern[str]:
    """Compile a word for or and the next word; nothing matches without such words."""
    rules = profile.keywords.cues
    either = _any_of((*rules.alternatives, *(rules.conjunctions if joined else ())))
    return re.compile(rf"\W{{0,4}}\b(?:{either})\b\W{{1,4}}([^\W_]{{1,40}})")


@cache
def _pattern_of(cues: tuple[str, ...]) -> re.Pattern[str]:
    """Compile cues, each from the beginning of a word; nothing matches without any."""
    return re.compile(rf"(?<![^\W_])(?:{_any_of(cues)})")


def _begun(words: Sequence[str]) -> str:
    """Return the pattern of words, of which the longer ones may go on."""
    whole = [word for word in words if len(word) < _WHOLE]
    longer = [word for word in words if len(word) >= _WHOLE]
    return rf"(?:{_any_of(whole)})(?![^\W_])|(?:{_any_of(longer)})[^\W\d_]{{0,6}}"


def _any_of(cues: Sequence[str]) -> str:
    """Return the pattern of any of some cues, however spaced; the longest first."""
    spelled = (r"\s+".join(map(re.escape, fold(cue).split())) for cue in cues)
    return "|".join(sorted(spelled, key=len, reverse=True)) or _NONE
