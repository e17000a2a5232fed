"""Which forms of its keywords a prompt lets count, read from its words.

A cue ("en singular o en plural", "conjugado") counts where it speaks of the keywords:
in the sentence that names them, after them or close before, or in the sentence after
that. An essay about plurals licenses none. What a cue is, ``licence_cues`` says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from lm_eval_iberian.languages.folding import compose, fold
from lm_eval_iberian.languages.licence_cues import (
    another_form,
    cues_in,
    has_cue,
    has_topic,
    has_words,
    name_pattern,
    refused_in,
    uses_at_end,
)
from lm_eval_iberian.languages.profile import LanguageProfile
from lm_eval_iberian.languages.word_forms import EVERY, NUMBER, Licence


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
    prompt: str,
    terms: tuple[str, ...],
    profile: LanguageProfile,
    *,
    forbidding: bool = False,
) -> Licence:
    """Return which other forms of some keywords a prompt says are as good.

    Args:
        prompt: What was asked.
        terms: The keywords of one instruction.
        profile: The language of the prompt.
        forbidding: Whether they must not be used: who says "avoid the plural" then
            forbids it as well, and who says that it is fine does not.
    """
    text = fold(prompt)
    found = set(_given(text, terms, profile, forbidding))
    if not has_cue(text, profile):
        return frozenset(found)
    refused: set[str] = set()
    after = False
    for sentence in _sentences(prompt, terms, profile):
        named = sentence.named
        if after and not named and len(sentence.text.split()) <= _SHORT:
            sentence = Sentence(sentence.text, (0,))
        if sentence.named:
            found.update(_licensed(sentence, terms, profile))
            refused.update(refused_in(sentence.text, profile, forbidding))
        after = bool(named)
    return frozenset(found - refused)


def _given(
    text: str, terms: Sequence[str], profile: LanguageProfile, forbidding: bool
) -> Iterator[str]:
    """Yield what a prompt licenses by naming another form: «perro» (o «perros»)."""
    for term in map(fold, terms):
        for place in _places(text, term):
            yield from another_form(text, place + len(term), term, profile, forbidding)


def _licensed(
    sentence: Sentence, terms: Sequence[str], profile: LanguageProfile
) -> Iterator[str]:
    """Yield what the cues of a sentence license for the keywords that it names."""
    for kind, cue in cues_in(sentence.text, profile):
        if kind in (EVERY, NUMBER) and _is_partitive(sentence, kind, cue, profile):
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
    text, at = sentence.text, cue.start()
    before = [place for place in sentence.named if place <= at]
    start = max(before, default=0)
    if before:
        others = [quoted for place, quoted in _quoted(text[:at]) if place > start]
        if not all(_is_ours(quoted, terms) for quoted in others):
            return False
    else:
        between = text[cue.end() : min(sentence.named)]
        if len(between) > _REACH or _joins(between, profile):
            return False
    for boundary in _CLAUSE.finditer(text, start, at):
        start = boundary.end()
    if uses_at_end(text[:at], profile):  # describe the sea without any form of "blue"
        start = at
    following = _NEXT_WORD.match(text, cue.end())  # plural verbs
    end = following.end() if following else cue.end()
    return not has_topic(text, (start, end), cue.span(), profile)


def _joins(text: str, profile: LanguageProfile) -> bool:
    """Tell whether a word for and stands in a text."""
    return not set(profile.keywords.cues.conjunctions).isdisjoint(text.split())


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
    pattern = name_pattern(profile)
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
    sentence: Sentence, kind: str, cue: re.Match[str], profile: LanguageProfile
) -> bool:
    """Tell whether a form is one of something else: any form of poetry, of words."""
    rules = profile.keywords.cues
    following = _OF_WHAT.match(sentence.text, cue.end())
    if following is None or following[1] not in rules.partitives:
        return False
    if following.start(2) in sentence.named:  # any form of go
        return False
    rest = following[2]
    if kind == NUMBER and name_pattern(profile).match(rest):
        return True
    of_keyword = (
        *(*rules.names, *rules.pronouns),
        *(*rules.number_names, *rules.gender_names, *rules.verb_names),
    )
    return rest[:1] not in _OPENING and not has_words(of_keyword, rest[:16])
