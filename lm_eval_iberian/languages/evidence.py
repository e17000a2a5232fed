"""Function words and endings as evidence for a language, beside the byte model's.

Short texts are where close languages are mixed up, and where one "unha" or "dels"
settles the matter. A mark (word, ending, letter) of function_words.toml is one more
Naive Bayes feature: likely in the languages that list it, and less likely by a fixed
factor in those that do not. The factors are the same for all marks of a kind and all
languages; there is nothing in them to fit to a text.

A language that is like another in this file (Asturian like Spanish) has all the words
of that one, too, at a small price: its own list cannot hold all that they share.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.languages.mark_counts import (
    Floats,
    Found,
    MarkCounts,
    count_marks,
)
from lm_eval_iberian.toml import read_toml


_KINDS: Final = (
    "words", "common", "said", "rare", "endings", "initials", "letters", "foreign",
)  # fmt: skip
# Log-odds against a language that lacks a mark; half of it where the word exists, but
# is rare. Of 12, 18 and 24, this leaves the fewest passages in a wrong language.
_LACKS: Final = 18.0
_RARE: Final = 9.0
# against a language for a mark that only the language that it is like is known to have
_SHARED: Final = 6.0
# against a language to whose spelling a letter is foreign: what is in Portuguese
# letters is not Galician, however near its words are
_FOREIGN: Final = 36.0
_DESCRIPTION: Final[Mapping[str, tuple[type, ...]]] = {
    "name": (str,),
    "prior": (float, int),
    "like": (str,),
}
_ENDING: Final = "~"
_INITIAL: Final = "<"
_LETTER: Final = "^"
_PREFIX: Final = {
    "endings": _ENDING,
    "initials": _INITIAL,
    "letters": _LETTER,
    "foreign": _LETTER,
}
_WEIGHTS: Final = {"rare": _RARE, "foreign": _FOREIGN}
_LONGEST_ENDING: Final = 8
_LONGEST_INITIAL: Final = 2
# an ending of more languages than this stands in names too ("-an", "-on")
_FEW: Final = 3
# a hyphen before a clitic and an apostrophe after an elided word belong to it
_TOKEN: Final = re.compile(r"-?[^\W\d_]{1,40}(?:'(?=[^\W\d_]))?")
# signs that open a question or an exclamation are marks too, and no words
_SIGN: Final = re.compile("[¿¡]")
_REMEMBERED: Final = 50_000
# Marks of all languages, by which words are counted: a piece has one word, if it has
# neither.
_NO_WORD: Final = ""
_ONE_MORE: Final = " "


class _Seen(dict[str, tuple[int, ...]]):
    """The marks of pieces met before; those of a new one are read."""

    def __init__(self, read: Callable[[str], tuple[int, ...]]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, piece: str) -> tuple[int, ...]:
        if len(self) >= _REMEMBERED:
            self.clear()
        self[piece] = found = self._read(piece)
        return found


@dataclass(frozen=True, eq=False)
class Weighed:
    """The evidence in a text.

    Attributes:
        score: Log-likelihood, by part and language; the last row is of all the parts.
        telling: How many words of the text show that it is running text, by language.
        words: How many words the text has.
        counts: The marks in the text, and in which of its parts.
        tells: Whether each of these marks shows running text, by mark and language.
    """

    score: Floats
    telling: Floats
    words: int
    counts: MarkCounts
    tells: NDArray[np.bool_]

    def telling_in(self, part: int, column: int) -> int:
        """Return how many different marks show running text in one part."""
        here = self.counts.logs[part] > 0
        return int(np.count_nonzero(here & self.tells[:, column]))


@dataclass(frozen=True)
class NearLanguage:
    """A language of the file.

    Attributes:
        name: Its English name.
        prior: Its log-odds where a text has no mark at all, and may be in several.
        like: The language whose words it has, too, and which it is to the byte model
            if that does not know it; empty for none.
    """

    name: str = ""
    prior: float = 0.0
    like: str = ""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Marks of languages, and what each takes from the languages without it.

    Attributes:
        near: What is known of each language, by code.
        index: The row of each mark.
        against: Log-odds against each language, by mark.
        telling: Whether a mark that a language lists shows that there is running text,
            by mark and language: function words do, and endings of few languages;
            letters stand in names too.
        letters: Finds the letters that are marks.
        languages: The codes, in the order of the columns of ``against``.
        seen: The marks of pieces met before.
    """

    near: Mapping[str, NearLanguage]
    index: Mapping[str, int]
    against: Floats
    telling: NDArray[np.bool_]
    letters: re.Pattern[str]
    languages: tuple[str, ...] = field(init=False)
    seen: dict[str, tuple[int, ...]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "languages", tuple(self.near))
        object.__setattr__(self, "seen", _Seen(self.read))

    def score(self, parts: Sequence[str]) -> Weighed:
        """Weigh the marks in the parts of a text, and in all of them together."""
        found, pieces = self.find(parts)
        return self.weigh(count_marks(*found, len(parts)), pieces)

    def find(self, parts: Sequence[str]) -> tuple[Found, int]:
        """Return the marks in the parts, and how many pieces between white space."""
        known = self.seen.__getitem__
        split = [part.replace("’", "'").split() for part in parts]
        marks = [[*chain.from_iterable(map(known, pieces))] for pieces in split]
        owner = np.arange(len(parts)).repeat([*map(len, marks)])
        flat = np.fromiter(chain.from_iterable(marks), np.intp, len(owner))
        return (flat, owner), sum(map(len, split))

    def weigh(self, counts: MarkCounts, pieces: int) -> Weighed:
        """Weigh marks that were counted, in so many pieces."""
        against = self.against.take(counts.distinct, axis=0)
        telling = self.telling.take(counts.distinct, axis=0)
        # the two by which words are counted are the last of all marks
        last = counts.distinct[-2:].tolist()
        unusual = dict(zip(last, counts.totals[-2:].tolist(), strict=True))
        none, more = (
            unusual.get(self.index[mark], 0) for mark in (_NO_WORD, _ONE_MORE)
        )
        return Weighed(
            score=-counts.logs @ against,
            telling=counts.totals.astype(np.float32) @ telling.astype(np.float32),
            words=pieces - none + more,
            counts=counts,
            tells=telling,
        )

    def read(self, piece: str) -> tuple[int, ...]:
        """Return the marks in a piece of text without white space."""
        signs = [self.index[m] for m in _SIGN.findall(piece) if m in self.index]
        words = _TOKEN.findall(piece)
        if not words:
            return (*signs, self.index[_NO_WORD])
        more = (self.index[_ONE_MORE],) * (len(words) - 1)
        return (*signs, *chain.from_iterable(map(self._marks, words)), *more)

    def _marks(self, word: str) -> tuple[int, ...]:
        """Return the marks in a word: itself, or its ends and its letters."""
        for form in (word, word.lstrip("-")):
            if form in self.index:
                return (self.index[form],)
        found = {self.index[_LETTER + m] for m in self.letters.findall(word)}
        longest = len(form) - 2
        endings = (_ENDING + form[-n:] for n in _down(longest, _LONGEST_ENDING))
        initials = (_INITIAL + form[:n] for n in _down(longest, _LONGEST_INITIAL))
        for ends in (endings, initials):
            mark = next(filter(self.index.__contains__, ends), None)
            if mark is not None:
                found.add(self.index[mark])
        return tuple(sorted(found))


def _down(longest: int, most: int) -> range:
    """Return the numbers from the lower of two down to one."""
    return range(min(longest, most), 0, -1)


@cache
def evidence() -> Evidence:
    """Return the evidence of the languages in function_words.toml."""
    return read_evidence(Path(__file__).with_name("function_words.toml"))


def read_evidence(path: Path) -> Evidence:
    """Read lists of marks by language.

    Raises:
        DataError: The file is no TOML, or has a list of an unknown kind.
    """
    table = read_toml(path)
    places = {lang: f"{path.name}: {lang}" for lang in table}
    near = {lang: _described(table[lang], places[lang]) for lang in table}
    for lang, language in near.items():
        if language.like and language.like not in near:
            said = f"like '{language.like}', which has no lists"
            raise DataError(f"{places[lang]}: {said}.")
    found = [
        (_PREFIX.get(kind, "") + mark, column, _WEIGHTS.get(kind, 0.0))
        for column, lang in enumerate(table)
        for kind, mark in _listed(table[lang], places[lang])
    ]
    # the marks of all languages come last
    marks = dict.fromkeys([*(mark for mark, *_ in found), _NO_WORD, _ONE_MORE])
    rows = {mark: row for row, mark in enumerate(marks)}
    against = np.full((len(rows), len(table)), _LACKS, np.float32)
    for mark, column, weight in found:
        against[rows[mark], column] = weight
    against[-2:] = 0.0
    letters = sorted((m[1:] for m in rows if m[:1] == _LETTER), key=len, reverse=True)
    has = against < _LACKS
    is_telling = [_is_telling(*m) for m in zip(rows, has.sum(axis=1), strict=True)]
    codes = [*table]
    is_word = np.array([mark[:1] not in _PREFIX.values() for mark in rows])
    for column, language in enumerate(near.values()):
        if language.like:
            other = has[:, codes.index(language.like)] & is_word
            against[other & ~has[:, column], column] = _SHARED
    return Evidence(
        near=near,
        index=rows,
        against=against,
        telling=has & np.array(is_telling)[:, None],
        letters=re.compile("|".join(map(re.escape, letters))),
    )


def _is_telling(mark: str, languages: int) -> bool:
    """Say whether a mark of so many languages shows that there is running text."""
    if mark[:1] == _ENDING:
        return languages <= _FEW
    return mark[:1] not in (_LETTER, _INITIAL, _NO_WORD, _ONE_MORE)


def _described(lists: object, place: str) -> NearLanguage:
    """Take what is said of a language out of its table, and leave the lists."""
    if not isinstance(lists, dict):
        raise DataError(f"{place}: a table of lists was expected, found {lists!r}.")
    said = {key: lists.pop(key) for key in _DESCRIPTION if key in lists}
    for key, value in said.items():
        if not isinstance(value, _DESCRIPTION[key]):
            wanted = " or ".join(kind.__name__ for kind in _DESCRIPTION[key])
            raise DataError(f"{place}: '{key}' is {value!r}, and must be {wanted}.")
    return NearLanguage(**said)


def _listed(lists: Mapping[str, object], place: str) -> Iterator[tuple[str, str]]:
    """Yield the kind of list and the mark, of all the lists of a language."""
    for kind, marks in lists.items():
        if kind not in _KINDS or not isinstance(marks, str):
            raise DataError(
                f"{place}: '{kind}' is no list of words; "
                f"the lists are {', '.join(_KINDS)}, each in one string."
            )
        yield from ((kind, mark) for mark in marks.split())
