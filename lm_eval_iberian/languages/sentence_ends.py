"""Where the sentences of a line end, by the rules of a language.

A full stop also closes an abbreviation, an initial or an ordinal: the word before it
and the word after it tell. Each step looks at a bounded piece of the text, so the time
grows with the length of the text and with nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Final, NamedTuple

from lm_eval_iberian.languages.profile import LanguageProfile


Span = tuple[int, int]
# more signs, or letters, than this are no end of a sentence, and no abbreviation
_REACH: Final = 40
_TOKEN: Final = re.compile(r"\S+")
_MARK: Final = re.compile(
    r"([.!?…]{1,40})([^\s\w,;:\[]*)(?:\[\d{1,3}\])*(?=\s+[^\s,;]|\s*$)"
)
_FOLLOWING: Final = re.compile(r"[^\W_]+(?:[-'’·.][^\W_]+)*\.?")
_JOINT: Final = re.compile(r"-|['’](?=[^\W\d_])(?![A-ZÀ-Þ])")
_NAME: Final = re.compile(r"\s+[A-ZÀ-Þ][^\W\d_A-ZÀ-Þ]")
_ENUMERATOR: Final = re.compile(r"\W*(?:\d{1,3}(?:\.\d{1,3})*|[a-z])\W*")
_NUMBER: Final = re.compile(r"\d[\d.,:/-]*[^\W\d_]{0,2}")
_DAY: Final = re.compile(r"0?[1-9]|[12]\d|3[01]")
_ACRONYM: Final = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
_ROMAN: Final = re.compile(r"(?=[IVXL])(?:XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_CITATIONS: Final = re.compile(r"(?<=\S)(?:\[\d{1,3}\]){1,9}\.?$")
_QUOTES: Final = "\"'”’»)"
_ASIDE: Final = "-–—,;"
_OPENING: Final = " \t\"'«“”‘([{*_¿¡:)]»" + _ASIDE
# signs alone that begin with one of these belong to the word after them
_FORWARD: Final = "«“‘([{¿¡<#-–—"


class _Token(NamedTuple):
    """A word with the signs around it, and the mark that may end its sentence."""

    start: int
    end: int
    word: str
    mark: str = ""
    quoted: bool = False

    @property
    def is_initial(self) -> bool:
        return len(self.word) == 1 and self.word.isalpha()

    @property
    def is_number(self) -> bool:
        return bool(_NUMBER.fullmatch(self.word))


class _Next(NamedTuple):
    """What follows a mark: signs, a word, and whether a capital follows that one."""

    signs: str
    word: str
    names: bool

    @property
    def is_small(self) -> bool:
        """Whether it begins small; iPhone and eBay may begin a sentence."""
        return self.word[:1].islower() and not self.word[1:2].isupper()

    @property
    def is_initial(self) -> bool:
        return len(self.word) == 2 and self.word[0].isalpha() and self.word[1] == "."

    @property
    def stem(self) -> str:
        """The word up to its first joint: SMS in SMS-ak, l in l'aigua, not in L'Oréal."""
        return _JOINT.split(self.word)[0].rstrip(".")


@dataclass(frozen=True)
class _Lexicon:
    """The words of a pack; abbreviations stand without the spaces inside them."""

    elisions: tuple[str, ...]
    before_word: frozenset[str]
    before_number: frozenset[str]
    closing: frozenset[str]
    starters: frozenset[str]
    months: tuple[str, ...]
    months_inflect: bool
    arabic_ordinals: bool
    roman_ordinals: bool
    postscripts: frozenset[str]

    def starts(self, after: _Next) -> bool:
        """Tell whether a word with a capital often opens a sentence: The, not La Paz."""
        if after.is_initial or after.is_small or (after.names and len(after.stem) < 4):
            return False
        return after.stem.lower() in self.starters

    def counts(self, after: _Next) -> bool:
        """Tell whether a word is a number; the pronoun I is none."""
        stem = after.stem
        return stem[:1].isdigit() or (
            bool(stem) and bool(_ROMAN.fullmatch(stem)) and not self.starts(after)
        )

    def without_elision(self, word: str) -> str:
        """Return a word in small letters without the article joined to it: l'av."""
        word = word.lower().replace("’", "'")
        return next(
            (word.removeprefix(e) for e in self.elisions if word.startswith(e)), word
        )

    def is_month(self, word: str) -> bool:
        word = word.lower()
        if self.months_inflect:
            return word.startswith(self.months)
        return word in self.months


def sentence_spans(text: str, profile: LanguageProfile) -> Iterator[Span]:
    """Yield where each sentence of a text without line ends begins and ends.

    Signs that stand alone after an end (an emoji) belong to the sentence before them.
    """
    tokens = _tokens(text)
    if not tokens:
        return
    lexicon = _lexicon(profile)
    cased = text != text.lower()
    start = tokens[0].start
    held: list[_Token] = []
    for token, following in pairwise(tokens):
        held = [*held[-3:], token]
        if not token.mark:
            continue
        after = _next(text[following.start : following.start + _REACH])
        if not _opens(text, start, token, lexicon) and _ends(
            held, after, cased, lexicon
        ):
            yield start, token.end
            start, held = following.start, []
    yield start, tokens[-1].end


def _tokens(text: str) -> list[_Token]:
    """Return the words; signs alone belong to the word before them."""
    spans: list[tuple[int, int, int]] = []
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        last = _last_letter(text, start, end)
        if last < 0 and spans and text[start] not in _FORWARD:
            spans[-1] = (spans[-1][0], end, spans[-1][2])
        else:
            spans.append((start, end, last))
    while len(spans) > 1 and spans[-1][2] < 0:
        end = spans.pop()[1]
        spans[-1] = (spans[-1][0], end, spans[-1][2])
    return [_token(text, *span) for span in spans]


def _last_letter(text: str, start: int, end: int) -> int:
    """Return the place of the last letter or digit, -1 without one.

    Numbers of notes are left out: ``so.[11] It``.
    """
    note = _CITATIONS.search(text, max(start, end - _REACH), end)
    for place in range((note.start() if note else end) - 1, start - 1, -1):
        if text[place].isalnum():
            return place
    return -1


def _token(text: str, start: int, end: int, last: int) -> _Token:
    """Read the word of a token, and the mark after it."""
    if last < 0:
        return _Token(start, end, "")
    word = text[max(start, last - _REACH) : last + 1].lstrip(_OPENING)
    match = _MARK.search(text, last + 1, min(end, last + _REACH))
    if match is None:
        return _Token(start, end, word)
    if match.start() > last + 1 and word.isalpha():
        word = ""  # in C++. the full stop is not that of an initial
    return _Token(start, end, word, match[1], any(c in _QUOTES for c in match[2]))


def _next(text: str) -> _Next:
    """Read the beginning of what follows a mark."""
    bare = text.lstrip(_OPENING)
    signs = text[: len(text) - len(bare)]
    match = _FOLLOWING.match(bare)
    if match is None:
        return _Next(signs, bare[:1], False)
    return _Next(signs, match[0], bool(_NAME.match(bare, match.end())))


def _opens(text: str, start: int, token: _Token, lexicon: _Lexicon) -> bool:
    """Tell whether a full stop belongs to a list number or to a postscript's mark."""
    if token.mark != ".":
        return False
    head = text[start : min(token.end, start + _REACH)]
    letters = "".join(filter(str.isalpha, head)).upper()
    if letters in lexicon.postscripts or _ENUMERATOR.fullmatch(head):
        return True
    before = text[max(start, token.start - _REACH) : token.start].rstrip()
    return before.endswith(":") and bool(_ENUMERATOR.fullmatch(token.word))


def _ends(held: Sequence[_Token], after: _Next, cased: bool, lexicon: _Lexicon) -> bool:
    """Tell whether a sentence ends at the mark of the last word held."""
    token = held[-1]
    if after.is_small and (token.quoted or any(c in _ASIDE for c in after.signs)):
        return False
    if token.mark != ".":
        strong = "!" in token.mark or "?" in token.mark
        return strong or (after.word[:1].isalpha() and not after.is_small)
    known = _ends_abbreviation(held, after, lexicon)
    if known is not None:
        return known
    if token.is_initial or (token.word.isupper() and _ACRONYM.fullmatch(token.word)):
        return _ends_initial(held, after, lexicon)
    if token.is_number:
        return _ends_number(held, after, cased, lexicon)
    if _is_roman_ordinal(token.word, cased, lexicon):
        return lexicon.starts(after)
    return not (after.is_small and _ACRONYM.fullmatch(token.word))


def _names(held: Sequence[_Token], lexicon: _Lexicon) -> list[str]:
    """Return the last word, and it with the abbreviated ones before it: uu, ee.uu.

    Initials of a person are no such words.
    """
    names = [lexicon.without_elision(held[-1].word)]
    for token in reversed(held[:-1]):
        if token.mark != "." or (token.is_initial and token.word.isupper()):
            break
        names.append(f"{lexicon.without_elision(token.word)}.{names[-1]}")
    return names[::-1]


def _ends_abbreviation(
    held: Sequence[_Token], after: _Next, lexicon: _Lexicon
) -> bool | None:
    """Tell whether a sentence ends after an abbreviation; None after another word."""
    number = after.word[:1].isdigit()
    initial = held[-1].is_initial and held[-1].word.isupper()
    for name in _names(held, lexicon):
        if f"{name}.{after.word.lower().rstrip('.')}" in lexicon.closing:
            return False
        if name in lexicon.before_number and lexicon.counts(after):
            return False
        if name in lexicon.before_word:
            plain = after._replace(names=False) if "." in name else after
            return len(name) > 1 and lexicon.starts(plain)
        if name in lexicon.closing and (len(name) > 1 or not initial):
            return not (after.is_small or number)
    return None


def _ends_initial(held: Sequence[_Token], after: _Next, lexicon: _Lexicon) -> bool:
    """Tell whether a sentence ends after a letter: plan B, 20 m, but not J. Bach."""
    if after.is_small or after.is_initial or _is_year(after):
        return False
    if len(held) > 1 and _is_counted(held, lexicon):
        return True
    if held[-1].word.isupper():
        return not after.word[:1].isupper() or lexicon.starts(after)
    return after.word[:1].isupper() or (len(held) > 1 and held[-2].is_number)


def _is_year(after: _Next) -> bool:
    """Tell whether a year in brackets follows, as after an author's name."""
    return "(" in after.signs and after.word[:1].isdigit()


def _is_counted(held: Sequence[_Token], lexicon: _Lexicon) -> bool:
    """Tell whether the last letter is a Roman number after an abbreviation: s. V."""
    before, letter = held[-2:]
    counts = before.mark == "." and before.word.lower() in lexicon.before_number
    return counts and bool(_ROMAN.fullmatch(letter.word))


def _ends_number(
    held: Sequence[_Token], after: _Next, cased: bool, lexicon: _Lexicon
) -> bool:
    """Tell whether a sentence ends after a number, or the number is an ordinal."""
    number = held[-1].word
    if after.is_small:
        return not (cased or lexicon.arabic_ordinals)
    if not lexicon.arabic_ordinals:
        return True
    if _DAY.fullmatch(number) and lexicon.is_month(after.stem):
        return False
    if len(after.stem) < 2 or not after.stem.isupper() or lexicon.starts(after):
        return True
    if len(held) == 1 or held[-2].word.isupper():
        return len(number) > 4
    return len(number) > 3 or len(after.stem) < 5


def _is_roman_ordinal(word: str, cased: bool, lexicon: _Lexicon) -> bool:
    """Tell whether a word is a Roman number; a small one only among small letters."""
    number = word if cased else word.upper()
    return lexicon.roman_ordinals and len(word) > 1 and bool(_ROMAN.fullmatch(number))


@cache
def _lexicon(profile: LanguageProfile) -> _Lexicon:
    """Make the lexicon of a language."""
    rules = profile.sentences

    def joined(items: tuple[str, ...]) -> frozenset[str]:
        return frozenset(item.replace(" ", "").rstrip("'") for item in items)

    return _Lexicon(
        elisions=profile.words.elisions,
        before_word=joined(rules.before_word),
        before_number=joined(rules.before_number),
        closing=joined(rules.closing),
        starters=joined(rules.starters),
        months=rules.months,
        months_inflect=profile.keywords.match == "stem",
        arabic_ordinals=rules.arabic_ordinals,
        roman_ordinals=rules.roman_ordinals,
        postscripts=frozenset(profile.postscript.families),
    )
