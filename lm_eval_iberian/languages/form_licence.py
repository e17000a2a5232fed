"""Which forms of its keywords a prompt lets count, read from its words.

A cue ("en singular o en plural", "conjugado") counts where it speaks of the keywords:
in the sentence that names them, after them or close before, or in the sentence after
that. An essay about plurals licenses none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from lm_eval_iberian.languages.folding import fold
from lm_eval_iberian.languages.profile import LanguageProfile
from lm_eval_iberian.languages.word_forms import (
    EVERY,
    GENDER,
    NO_LICENCE,
    NUMBER,
    VERB,
    Licence,
)


# how far before a keyword, in letters, a cue may stand: any form of the word «run»
_REACH: Final = 45
# a sentence after the keywords is about them only if it is short
_SHORT: Final = 14
_BOUNDARY: Final = re.compile(r"(?<=[.!?…])[\"'»)*_]*\s+|\n+")
_ITEM: Final = re.compile(r"\s*(?:[-*•+–—]|\d{1,2}[.)])\s+\S")
_OPEN_END: Final = (":", ",", ";")
_CLAUSE: Final = re.compile(r"[,;:()«»“”\"]|\s[-–—]\s")
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
    cues = _cues(profile)
    text = fold(prompt)
    if not any(pattern.search(text) for _, pattern in cues):
        return NO_LICENCE
    found: set[str] = set()
    after: Sentence | None = None
    for sentence in _sentences(text, terms, profile):
        if sentence.named:
            near = sentence
        elif after is not None and len(sentence.text.split()) <= _SHORT:
            near = Sentence(sentence.text, (0,))
        else:
            near = None
        if near is not None and not _is_taken_back(near.text, profile):
            found.update(_licensed(near, terms, profile))
        after = sentence if sentence.named else None
    return frozenset(found)


def _licensed(
    sentence: Sentence, terms: Sequence[str], profile: LanguageProfile
) -> Iterator[str]:
    """Yield what the cues of a sentence license for the keywords that it names."""
    for kind, pattern in _cues(profile):
        for cue in pattern.finditer(sentence.text):
            if kind == EVERY and _is_partitive(sentence.text, cue, profile):
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
    if before:
        nearest = max(before)
        if any(
            place > nearest and not _is_ours(quoted, terms)
            for place, quoted in _quoted(text[:at])
        ):
            return False
    elif not any(0 < place - at <= _REACH + len(cue[0]) for place in sentence.named):
        return False
    start = max(before, default=0)
    for boundary in _CLAUSE.finditer(text, start, at):
        start = boundary.end()
    clause = text[start : cue.end()]
    return not _words(profile.keywords.cues.topics, clause)


def _sentences(
    text: str, terms: Sequence[str], profile: LanguageProfile
) -> Iterator[Sentence]:
    """Yield the sentences of a folded prompt with the keywords that they name.

    Where a keyword stands in quotes only these places count; where none is named, the
    places where the prompt says "word".
    """
    whole = _joined(text)
    ways = (_quoted_places, _plain_places)
    for way in ways:
        places = [way(sentence, terms) for sentence in whole]
        if any(places):
            break
    else:
        places = [tuple(_name_places(sentence, profile)) for sentence in whole]
        if not any(places):
            places = [(0,) for _ in whole]
    for sentence, named in zip(whole, places, strict=True):
        if named:
            named = (*named, *_name_places(sentence, profile))
        yield Sentence(sentence, tuple(sorted(named)))


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
    if wanted:
        pattern = rf"(?<![^\W_]){re.escape(wanted)}(?![^\W_])"
        yield from (match.start() for match in re.finditer(pattern, sentence))


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


def _is_taken_back(sentence: str, profile: LanguageProfile) -> bool:
    """Tell whether a sentence says that other forms do not count."""
    return _words(profile.keywords.cues.refusals, sentence)


def _is_partitive(sentence: str, cue: re.Match[str], profile: LanguageProfile) -> bool:
    """Tell whether a form is one of something else: any form of poetry."""
    rules = profile.keywords.cues
    following = re.match(r"\w*\s*([^\W_]*)['\s]\s*(.{0,40})", sentence[cue.end() :])
    if following is None or following[1] not in rules.partitives:
        return False
    rest = following[2]
    return rest[:1] not in _OPENING and not _words(rules.names, rest[:16])


@lru_cache(maxsize=64)
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


@lru_cache(maxsize=256)
def _pattern_of(cues: tuple[str, ...]) -> re.Pattern[str]:
    """Compile cues, each from the beginning of a word; nothing matches without any."""
    spelled = (r"\s+".join(map(re.escape, fold(cue).split())) for cue in cues)
    longest_first = sorted(spelled, key=len, reverse=True)
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(longest_first)})" if cues else r"(?!)")


def _words(cues: tuple[str, ...], text: str) -> bool:
    return _pattern_of(cues).search(text) is not None
