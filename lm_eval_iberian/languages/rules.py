"""The parts of a language pack, each with the conditions it must meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lm_eval_iberian.errors import DataError


Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class WordRules:
    """What holds the parts of one word together."""

    joiners: tuple[str, ...]
    number_joiners: tuple[str, ...]
    suffix_joiners: tuple[str, ...]
    elisions: tuple[str, ...]

    def __post_init__(self) -> None:
        for joiner in (*self.joiners, *self.number_joiners):
            if len(joiner) != 1 or joiner.isalnum() or joiner.isspace():
                raise DataError(f"a joiner must be one mark, not {joiner!r}")
        if extra := set(self.suffix_joiners) - set(self.joiners):
            raise DataError(f"suffix_joiners {sorted(extra)} are not among the joiners")
        for elision in self.elisions:
            if not elision.endswith("'") or elision != elision.lower():
                raise DataError(
                    f"elision {elision!r} must be in small letters and end in '"
                )


@dataclass(frozen=True)
class SentenceRules:
    """Which full stops do not end a sentence.

    An abbreviation that is also a word (``also_words``) counts as one only where a
    number stands before it, a word of ``citing`` before it and a number after it, or a
    capital letter begins it inside a sentence. ``lettered`` are nouns with a letter
    after them, which is no initial: vitamin C. ``finals`` are the letters that end
    the language's words; another one ends an abbreviation. Without any, nothing can be
    told by them.
    """

    before_word: tuple[str, ...]
    before_number: tuple[str, ...]
    closing: tuple[str, ...]
    starters: tuple[str, ...]
    arabic_ordinals: bool
    roman_ordinals: bool
    months: tuple[str, ...] = ()
    also_words: tuple[str, ...] = ()
    citing: tuple[str, ...] = ()
    lettered: tuple[str, ...] = ()
    finals: str = ""

    def __post_init__(self) -> None:
        if self.months and not self.arabic_ordinals:
            raise DataError("months matter only where arabic_ordinals is true")
        every = (*self.before_word, *self.before_number, *self.closing)
        for item in every:
            if every.count(item) > 1:
                raise DataError(f"abbreviation {item!r} stands twice")
            if item != item.lower() or item.endswith(".") or not item:
                raise DataError(
                    f"abbreviation {item!r} must be in small letters and without its "
                    "last full stop"
                )
        if extra := set(self.also_words) - set(every):
            raise DataError(f"also_words {sorted(extra)} are no abbreviations here")


@dataclass(frozen=True)
class QuoteRules:
    """Quotation marks in pairs, and those that are double."""

    pairs: Pairs
    double: Pairs

    def __post_init__(self) -> None:
        if extra := set(self.double) - set(self.pairs):
            raise DataError(f"double quotes {sorted(extra)} are not among the pairs")


@dataclass(frozen=True)
class PostscriptRules:
    """The spellings of each postscript mark, by its letters."""

    families: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class SectionRules:
    """The usual section keywords, and where their number stands."""

    keywords: tuple[str, ...]
    number_positions: tuple[str, ...]

    def __post_init__(self) -> None:
        if not set(self.number_positions) <= {"before", "after"}:
            raise DataError("number_positions may hold 'before' and 'after'")
        if not self.number_positions:
            raise DataError("number_positions is empty")


@dataclass(frozen=True)
class ConstrainedRules:
    """The options of a constrained answer, and how such an option begins.

    ``nothing_more``: how a prompt forbids anything besides the option;
    ``conjunctions``: what stands before the last option of a list, first the usual
    word for or; ``alternatives``: the words for or alone; ``answering``: verbs beside
    two words that are the options (answer yes or no); ``between``: what stands before
    two words to choose between.
    """

    options: tuple[str, ...]
    stems: tuple[str, ...]
    nothing_more: tuple[str, ...] = ()
    conjunctions: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()
    answering: tuple[str, ...] = ()
    between: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.options) < 2:
            raise DataError("options must hold at least two answers")


@dataclass(frozen=True)
class OpeningRules:
    """Words that may stand before a first word without changing it."""

    negligible_words: tuple[str, ...]


@dataclass(frozen=True)
class CaseRules:
    """What a prompt calls capital and small letters, and the answer.

    Without words about the answer every language that a prompt names is asked for.
    """

    cues: tuple[str, ...]
    answering: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)  # caches are keyed by identity
class PromptWords:
    """How prompts say numbers, limits and languages.

    A number is written as in ``numbers``, with one of ``endings``; a limit is a cue
    before its number, or behind it (``…_after``). A cue that begins with a hyphen is
    the end of a word. Without any, prompts have digits alone.
    """

    endings: tuple[str, ...] = ()
    negations: tuple[str, ...] = ()
    negations_after: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    at_least: tuple[str, ...] = ()
    more_than: tuple[str, ...] = ()
    less_than: tuple[str, ...] = ()
    at_most: tuple[str, ...] = ()
    at_least_after: tuple[str, ...] = ()
    more_than_after: tuple[str, ...] = ()
    less_than_after: tuple[str, ...] = ()
    at_most_after: tuple[str, ...] = ()
    numbers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    languages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number in self.numbers:
            if not number.isdecimal():
                raise DataError(f"numbers: {number!r} is no number")


@dataclass(frozen=True)
class LetterRules:
    """Which letters are one letter when a prompt has one counted.

    Attributes:
        with_marks: Whether a letter with an accent or another mark counts as the plain
            one.
        own: Letters with a mark that are letters of their own, and count for no other.
        plain_cues: How a prompt asks for the plain letter alone.
        either_cues: How a prompt says that both count.
    """

    with_marks: bool = False
    own: tuple[str, ...] = ()
    plain_cues: tuple[str, ...] = ()
    either_cues: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for letter in self.own:
            if len(letter) != 1 or letter != letter.lower():
                raise DataError(f"own must hold single small letters, not {letter!r}")


@dataclass(frozen=True)
class CharacterRules:
    """The characters that instruction types of other sets than Google's count.

    A language has no such type for what is left empty.

    Attributes:
        question: The mark that closes a question; before it the one that opens it, if
            the language must have that.
        exclamation: The same of an exclamation.
        enie: The letter ñ, where it is one of the alphabet.
        accented: The vowels with a written accent.
        diaeresis: The letters with a diaeresis.
        cedilla: The letter ç.
        tilde: The letters with a tilde over them.
        crase: Words that a grave accent makes of two: à, àquela.
    """

    question: str = ""
    exclamation: str = ""
    enie: str = ""
    accented: str = ""
    diaeresis: str = ""
    cedilla: str = ""
    tilde: str = ""
    crase: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for marks in (self.question, self.exclamation):
            if len(marks) > 2 or any(map(str.isalnum, marks)):
                raise DataError(f"a closing mark, or an opening one too, not {marks!r}")
        letters = (self.enie, self.accented, self.diaeresis, self.cedilla, self.tilde)
        for letter in "".join((*letters, *self.crase)):
            if not letter.isalpha() or letter != letter.lower():
                raise DataError(f"characters must be small letters, not {letter!r}")
