"""Where the sentences of a line end, by the rules of a language.

A full stop also closes an abbreviation, an initial or an ordinal: the word before it
and the word after it tell. Each step looks at a bounded piece of the text, so the time
grows with the length of the text and with nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Final

from lm_eval_iberian.languages.profile import LanguageProfile
from lm_eval_iberian.languages.tokens import OPENING, Next, Token, Tokens, following


Span = tuple[int, int]
_REACH: Final = 40
_ENUMERATOR: Final = re.compile(r"\W*(?:\d{1,3}(?:\.\d{1,3})*|[a-z])\W*")
_STOP: Final = re.compile("[.!?…]")
_SPACE: Final = re.compile(r"\s")
_FIRST: Final = frozenset("1aAiI")
# no abbreviation that a pack lacks is longer
_LONGEST: Final = 6
_VOWEL: Final = re.compile("[aeiouyàáèéíïòóúü]", re.IGNORECASE)
# no word ends so where only some letters end one, but for plurals: clubs
_CLUSTER: Final = re.compile("[^aeiouyáéíóúü]{2}(?<!s)$")
_DAY: Final = re.compile(r"0?[1-9]|[12]\d|3[01]")
_ROMAN: Final = re.compile(r"(?=[IVXL])(?:XL|L?X{0,3})(?:IX|IV|V?I{0,3})")


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
    also_words: frozenset[str]
    citing: frozenset[str]
    lettered: frozenset[str]
    finals: str
    arabic_ordinals: bool
    roman_ordinals: bool
    postscripts: frozenset[str]

    def knows(self, name: str) -> bool:
        """Tell whether a word is an abbreviation."""
        return (
            name in self.before_word
            or name in self.closing
            or name in self.before_number
        )

    def starts(self, after: Next) -> bool:
        """Tell whether a word with a capital often opens a sentence.

        A short one before a name does not: ``C. La Paz``.
        """
        if after.is_initial or after.is_small or (after.names and len(after.stem) < 4):
            return False
        return after.stem.lower() in self.starters

    def counts(self, after: Next) -> bool:
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
    shown = text.strip()
    stop = _STOP.search(shown)
    if stop is None or not _SPACE.search(shown, stop.end()):
        if shown:  # nothing ends but the text
            start = text.find(shown[0])
            yield start, start + len(shown)
        return
    words = Tokens(text)
    spans = words.spans
    lexicon = _lexicon(profile)
    case = _Case(text, words, lexicon)
    start = spans[0][0]
    first = 0
    for place in words.marked():
        token, following_start = words[place], spans[place + 1][0]
        held = [words[at] for at in range(max(first, place - 3), place + 1)]
        after = following(text, following_start)
        if not _opens(text, start, token, lexicon) and _ends(
            held, after, case, lexicon
        ):
            yield start, token.end
            start, first = following_start, place + 1
    yield start, spans[-1][1]


@dataclass(frozen=True, eq=False)
class _Case:
    """How a text uses capital letters; most texts need not be asked."""

    text: str
    words: Tokens
    lexicon: _Lexicon

    @cached_property
    def cased(self) -> bool:
        """Whether it has some."""
        return self.text != self.text.lower()

    @cached_property
    def begins_capital(self) -> bool:
        """Whether its sentences begin with one, as far as can be seen."""
        large, small = self._begins
        return self.cased and large >= small and self.text != self.text.upper()

    @cached_property
    def surely(self) -> bool:
        """Whether more of them do than stops stand before a small letter."""
        large, small = self._begins
        return self.begins_capital and large > small

    @cached_property
    def _begins(self) -> tuple[int, int]:
        """How often a capital follows an end, and a small letter a plain word."""
        large, small = int(self.words[0].word[:1].isupper()), 0
        for place in self.words.marked():
            token, (after, end, _) = self.words[place], self.words.spans[place + 1]
            begins = self.text[after : min(end, after + _REACH)].lstrip(OPENING)[:1]
            if begins.isupper():
                large += 1
            elif begins.islower() and token.mark == ".":
                small += _is_plain(token, self.lexicon)
        return large, small


def _is_plain(token: Token, lexicon: _Lexicon) -> bool:
    """Tell whether a word is neither an abbreviation nor a number."""
    if token.is_initial or token.is_acronym or token.is_number:
        return False
    return not lexicon.knows(lexicon.without_elision(token.word))


def _opens(text: str, start: int, token: Token, lexicon: _Lexicon) -> bool:
    """Tell whether a full stop belongs to a list number or to a postscript's mark."""
    if token.mark != ".":
        return False
    head = text[start : min(token.end, start + _REACH)]
    letters = "".join(filter(str.isalpha, head)).upper()
    if letters in lexicon.postscripts or _ENUMERATOR.fullmatch(head):
        return True
    before = text[max(start, token.start - _REACH) : token.start].rstrip()
    # a list begins with the first number: Pan: 1. Mestura. A price may be any: Pan: 3.
    return before.endswith(":") and token.word in _FIRST


def _ends(held: Sequence[Token], after: Next, case: _Case, lexicon: _Lexicon) -> bool:
    """Tell whether a sentence ends at the mark of the last word held."""
    token = held[-1]
    if after.is_small and (token.quoted or after.is_aside):
        return False
    if token.mark != ".":
        strong = "!" in token.mark or "?" in token.mark
        return strong or (after.word[:1].isalpha() and not after.is_small)
    known = _ends_abbreviation(held, after, case, lexicon)
    if known is not None:
        return known
    if token.is_initial or (token.is_acronym and token.word.isupper()):
        return _ends_initial(held, after, lexicon)
    if token.is_number:
        return _ends_number(held, after, case.cased, lexicon)
    if _is_roman_ordinal(token.word, case.cased, lexicon):
        return lexicon.starts(after)
    if not after.is_small:
        return True
    return not (token.is_acronym or _looks_shortened(held, case, lexicon))


def _looks_shortened(held: Sequence[Token], case: _Case, lexicon: _Lexicon) -> bool:
    """Tell whether a word that no pack has is an abbreviation: Fac. de, Rvdm. i."""
    word = held[-1].word
    if not case.begins_capital or not word.isalpha() or len(word) > _LONGEST:
        return False
    if case.surely or not _VOWEL.search(word):
        return True
    if lexicon.finals and (
        word[-1].lower() not in lexicon.finals or _CLUSTER.search(word)
    ):
        return True
    inside = len(held) > 1 and not held[-2].mark and word[:1].isupper()
    return inside and len(word) < 4 and not _VOWEL.match(word[-1])


def _names(
    held: Sequence[Token], after: Next, case: _Case, lexicon: _Lexicon
) -> list[str]:
    """Return the last word, and it with the abbreviated ones before it: uu, ee.uu.

    Initials of a person are no such words. Before a number or a small letter, or
    behind a comma, they are none of a person: P. K. 48001; Mobles Gil, S. A.
    """
    named = not (after.is_small or after.word[:1].isdigit())
    last = held[-1].word
    names = [lexicon.without_elision(last)]
    for token in reversed(held[:-1]):
        if token.mark != ".":
            break
        initials = token.is_initial and token.word.isupper() and last.isupper()
        before = case.text[max(0, token.start - 2) : token.start].rstrip()
        if initials and named and not before.endswith(","):
            break
        names.append(f"{lexicon.without_elision(token.word)}.{names[-1]}")
    return names[::-1]


def _ends_abbreviation(
    held: Sequence[Token], after: Next, case: _Case, lexicon: _Lexicon
) -> bool | None:
    """Tell whether a sentence ends after an abbreviation; None after another word."""
    number = after.word[:1].isdigit()
    if lexicon.roman_ordinals or len(after.stem) > 1:
        number = lexicon.counts(after)
    initial = held[-1].is_initial and held[-1].word.isupper()
    for name in _names(held, after, case, lexicon):
        if name in lexicon.also_words and not _is_shortened(
            name, held, after, case, lexicon
        ):
            continue
        if f"{name}.{after.word.lower().rstrip('.')}" in lexicon.closing:
            return False
        if name in lexicon.before_number and lexicon.counts(after):
            return False
        if name in lexicon.before_word:
            plain = after._replace(names=False) if "." in name else after
            return lexicon.starts(plain)
        if name in lexicon.closing and (len(name) > 1 or not initial):
            return not (after.is_small or number)
    return None


def _is_shortened(
    name: str, held: Sequence[Token], after: Next, case: _Case, lexicon: _Lexicon
) -> bool:
    """Tell whether what may be a word is an abbreviation: 12 mar., Col. Roma."""
    token, before = held[-1], held[-2] if len(held) > 1 else None
    if before is not None and before.is_number and not before.mark:
        return True
    counts = lexicon.counts(after)
    if name in lexicon.before_number and counts:
        elided = lexicon.without_elision(token.word) != token.word.lower()
        if before is None and not elided:
            return name not in lexicon.starters
        if elided or token.opened or (before and before.word.lower() in lexicon.citing):
            return True
    capital = token.word[:1].isupper() and token.word[1:].islower()
    if name in lexicon.closing or not (capital and case.begins_capital):
        return False
    if before is None:
        return after.word[:1].isupper()
    return not before.mark or lexicon.knows(before.word.lower())


def _ends_initial(held: Sequence[Token], after: Next, lexicon: _Lexicon) -> bool:
    """Tell whether a sentence ends after a letter: plan B, 20 m, but not J. Bach."""
    if after.is_small or after.is_initial or after.is_bracketed_number:
        return False
    if len(held) > 1 and (_is_counted(held, lexicon) or _is_lettered(held, lexicon)):
        return True
    if held[-1].word.isupper():
        return not after.word[:1].isupper() or lexicon.starts(after)
    return after.word[:1].isupper() or (len(held) > 1 and held[-2].is_number)


def _is_lettered(held: Sequence[Token], lexicon: _Lexicon) -> bool:
    """Tell whether the last letter is no initial: vitamina C, 3.º B."""
    before = held[-2]
    ordinal = before.is_number and before.word[-1] in "ºª"
    return ordinal or (not before.mark and before.word.lower() in lexicon.lettered)


def _is_counted(held: Sequence[Token], lexicon: _Lexicon) -> bool:
    """Tell whether the last letter is a Roman number after an abbreviation: s. V."""
    before, letter = held[-2:]
    counts = before.mark == "." and before.word.lower() in lexicon.before_number
    return counts and bool(_ROMAN.fullmatch(letter.word))


def _ends_number(
    held: Sequence[Token], after: Next, cased: bool, lexicon: _Lexicon
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
        also_words=joined(rules.also_words),
        citing=frozenset(rules.citing),
        lettered=frozenset(rules.lettered),
        finals=rules.finals,
    )
