"""Which forms of its keywords a prompt lets count, read from its words.

A cue ("en singular o en plural", "conjugado") counts where it speaks of the keywords:
in the sentence that names them, after them or close before, or in the sentence after
that. An essay about plurals licenses none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import Final, NamedTuple

from lm_eval_iberian.languages.folding import compose, fold
from lm_eval_iberian.languages.profile import LanguageProfile
from lm_eval_iberian.languages.word_forms import (
    EVERY,
    GENDER,
    NUMBER,
    VERB,
    Licence,
    listed_forms,
)


# how far before a keyword, in letters, a cue may stand: any form of the word «run»
_REACH: Final = 45
# a sentence after the keywords is about them only if it is short
_SHORT: Final = 14
_BOUNDARY: Final = re.compile(r"(?<=[.!?…])[\"'»”’)*_]*\s+(?![^\W\d_A-ZÀ-Þ])|\n+")
_ITEM: Final = re.compile(r"\s*(?:[-*•+–—]|\d{1,2}[.)])\s+\S")
_OPEN_END: Final = (":", ",", ";")
_CLAUSE: Final = re.compile(r"[,;:()«»“”\"]|\s[-–—]\s")
_NEXT_WORD: Final = re.compile(r"[^\W_]{0,30} [^\W_]{1,30}")
_OF_WHAT: Final = re.compile(r"\w*\s*([^\W_]*)['\s]\s*(.{0,40})")
_QUOTED: Final = re.compile(r"[«\"'*_`]+([^«»\"*_`\n]{1,60}?)[»\"'*_`]+")
_OPENING: Final = "«\"'*_`"


class Sentence(NamedTuple):
    """A sentence of a prompt: folded, with the places where it names keywords."""

    text: str
    named: tuple[int, ...]


@lru_cache(maxsize=1024)
def licence_of(
    prompt: str, terms: tuple[str, ...], profile: LanguageProfile
) -> Licence:
    """Return which other forms of some keywords a prompt says are as good.

    Args:
        prompt: What was asked.
        terms: The keywords of one instruction.
        profile: The language of the prompt.
    """
    text = fold(prompt)
    found = set(_given(text, terms, profile))
    if not _any_cue(profile).search(text):
        return frozenset(found)
    after = False
    for sentence in _sentences(prompt, terms, profile):
        named = sentence.named
        if after and not named and len(sentence.text.split()) <= _SHORT:
            sentence = Sentence(sentence.text, (0,))
        if sentence.named and not _words(profile.keywords.cues.refusals, sentence.text):
            found.update(_licensed(sentence, terms, profile))
        after = bool(named)
    return frozenset(found)


def _given(text: str, terms: Sequence[str], profile: LanguageProfile) -> Iterator[str]:
    """Yield what a prompt licenses by naming another form: «perro» (o «perros»)."""
    alternative = _alternative(profile)
    for term in map(fold, terms):
        for place in _places(text, term):
            given = alternative.match(text, place + len(term))
            if given is None or given[1] == term:
                continue
            for kind in (NUMBER, GENDER):
                if given[1] in listed_forms(term, profile, frozenset({kind})):
                    yield kind


def _licensed(
    sentence: Sentence, terms: Sequence[str], profile: LanguageProfile
) -> Iterator[str]:
    """Yield what the cues of a sentence license for the keywords that it names."""
    for kind, pattern in _cues(profile):
        for cue in pattern.finditer(sentence.text):
            if kind == EVERY and _is_partitive(sentence, cue, profile):
                continue
            if _speaks_of(sentence, cue, terms, profile):
                yield kind


def _speaks_of(
    sentence: Sentence,
    cue: re.Match[str],
    terms: Sequence[str],
    profile: LanguageProfile,
) -> bool:
    """Tell whether a cue stands by the keywords, not by others, nor in a topic."""
    text, at, rules = sentence.text, cue.start(), profile.keywords.cues
    before = [place for place in sentence.named if place <= at]
    start = max(before, default=0)
    if before:
        others = [quoted for place, quoted in _quoted(text[:at]) if place > start]
        if not all(_is_ours(quoted, terms) for quoted in others):
            return False
    else:
        between = text[cue.end() : min(sentence.named)]
        if len(between) > _REACH or set(between.split()) & set(rules.conjunctions):
            return False
    for boundary in _CLAUSE.finditer(text, start, at):
        start = boundary.end()
    following = _NEXT_WORD.match(text, cue.end())  # plural verbs
    end = following.end() if following else cue.end()
    return not _words(rules.topics, text[start:end])


def _sentences(
    prompt: str, terms: Sequence[str], profile: LanguageProfile
) -> Iterator[Sentence]:
    """Yield the sentences of a prompt, folded, with the keywords that they name.

    Where a keyword stands in quotes only these places count; where none is named, the
    places where the prompt says "word".
    """
    whole = list(map(fold, _joined(compose(prompt))))
    ways = (_quoted_places, _plain_places)
    for way in ways:
        places = [way(sentence, terms) for sentence in whole]
        if any(places):
            break
    else:
        places = [tuple(_name_places(sentence, profile)) for sentence in whole]
        if not any(places):
            places = [(0,) for _ in whole]
    yield from map(Sentence, whole, places)


def _joined(text: str) -> list[str]:
    """Split a prompt into sentences; a list belongs to what introduces it."""
    parts: list[str] = []
    start = 0
    for boundary in [*_BOUNDARY.finditer(text), None]:
        end = boundary.start() if boundary else len(text)
        part = text[start:end]
        start = boundary.end() if boundary else end
        if not part.strip():
            continue
        if parts and (parts[-1].endswith(_OPEN_END) or _ITEM.match(part)):
            parts[-1] += " " + part.strip()
        else:
            parts.append(part.strip())
    return parts


def _quoted_places(sentence: str, terms: Sequence[str]) -> tuple[int, ...]:
    return tuple(
        place
        for term in terms
        for place in _places(sentence, term)
        if place and sentence[place - 1] in _OPENING
    )


def _plain_places(sentence: str, terms: Sequence[str]) -> tuple[int, ...]:
    return tuple(place for term in terms for place in _places(sentence, term))


def _places(sentence: str, term: str) -> Iterator[int]:
    """Yield where a sentence holds a term as a word."""
    wanted = fold(term).strip()
    at = sentence.find(wanted) if wanted else -1
    while at >= 0:
        end = at + len(wanted)
        if not (sentence[at - 1 : at].isalnum() or sentence[end : end + 1].isalnum()):
            yield at
        at = sentence.find(wanted, end)


def _name_places(sentence: str, profile: LanguageProfile) -> Iterator[int]:
    pattern = _pattern_of(profile.keywords.cues.names)
    yield from (match.start() for match in pattern.finditer(sentence))


def _quoted(text: str) -> Iterator[tuple[int, str]]:
    """Yield what stands in quotes, and where."""
    for match in _QUOTED.finditer(text):
        yield match.start(), match[1].strip()


def _is_ours(quoted: str, terms: Sequence[str]) -> bool:
    """Tell whether a quoted word may be a form of a keyword: «perros» of perro."""
    for term in map(fold, terms):
        length = max(min(len(term), len(quoted)) // 2, 1)
        if quoted[:length] == term[:length]:
            return True
    return False


def _is_partitive(
    sentence: Sentence, cue: re.Match[str], profile: LanguageProfile
) -> bool:
    """Tell whether a form is one of something else: any form of poetry."""
    rules = profile.keywords.cues
    following = _OF_WHAT.match(sentence.text, cue.end())
    if following is None or following[1] not in rules.partitives:
        return False
    if following.start(2) in sentence.named:  # any form of go
        return False
    rest = following[2]
    of_keyword = (*rules.names, *rules.pronouns)
    return rest[:1] not in _OPENING and not _words(of_keyword, rest[:16])


@cache
def _cues(profile: LanguageProfile) -> tuple[tuple[str, re.Pattern[str]], ...]:
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
def _any_cue(profile: LanguageProfile) -> re.Pattern[str]:
    """Compile all cues, inside of words too: first letters are found fast."""
    rules = profile.keywords.cues
    cues = (*rules.number, *rules.gender, *rules.verb, *rules.every)
    return re.compile("|".join(map(_spelled, cues)) or "(?!)")


@cache
def _alternative(profile: LanguageProfile) -> re.Pattern[str]:
    """Compile a word for or and the next word; nothing matches without such words."""
    joints = profile.keywords.cues.alternatives
    either = "|".join(re.escape(fold(joint)) for joint in joints) or "(?!)"
    return re.compile(rf"\W{{0,4}}\b(?:{either})\b\W{{1,4}}([^\W_]{{1,40}})")


@cache
def _pattern_of(cues: tuple[str, ...]) -> re.Pattern[str]:
    """Compile cues, each from the beginning of a word; nothing matches without any."""
    longest_first = sorted(map(_spelled, cues), key=len, reverse=True)
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(longest_first)})" if cues else r"(?!)")


def _spelled(cue: str) -> str:
    """Return the pattern of a cue, however it is spaced."""
    return r"\s+".join(map(re.escape, fold(cue).split()))


def _words(cues: tuple[str, ...], text: str) -> bool:
    return _pattern_of(cues).search(text) is not None
