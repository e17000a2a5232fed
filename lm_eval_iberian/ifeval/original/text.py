"""A text as the original sees it; its words and sentences by nltk, in every language.

The sentence model that lm-eval downloads does not come with the project: its licence is
unclear. The algorithm is the same, nltk's Punkt, the parameters are our own lists
(``sentences.toml``). Words depend on nltk alone, so on its version too, as in lm-eval.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache, cached_property, lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

from lm_eval_iberian.toml import read_toml


# junk may hold more, and no prompt asks for so many
_MOST_SENTENCES: Final = 10_000
# nltk's flags of an orthographic context: where a word was seen, and in which case
_FIRST_UPPER: Final = 1 << 1
_INSIDE_UPPER: Final = 1 << 2
_INSIDE_LOWER: Final = 1 << 5
# a letter, or one in a circle, that no small letter of its token follows: without one
# the tokeniser, which is slow, finds no token in capitals
_CAPITAL: Final = re.compile(
    "[^\\W\\d_a-z](?!(?!n't)[a-z])|[\u24b6-\u24cf\U0001f130-\U0001f189]"
)
# a sentence that may end inside, or a clitic before a sign that may be the last; what
# is long may be anything
_HANGS_ON_SENTENCE: Final = re.compile(r"[.!?][^\w\s]{1,200}\w|'.*[.']|.{200}")
# "gimme" is two tokens
_SHORTEST_CONTRACTION: Final = 5
_WORD: Final = re.compile(r"\w+")
# a word, an end and what follows: a new sentence, unless it is an abbreviation
_PLAIN_END: Final = re.compile(r"([^\W\d_]{2,40})[.!?]\s+\S")


class Text:
    """A text as the original sees it: untouched, thoughts included.

    What is costly is measured once, and only if a checker asks for it.
    """

    def __init__(self, value: str) -> None:
        self.value = value

    @cached_property
    def lowered(self) -> str:
        """The text in small letters."""
        return self.value.lower()

    @cached_property
    def words(self) -> int:
        """The number of words."""
        return count_words(self.value)

    @cached_property
    def sentences(self) -> int:
        """The number of sentences."""
        return count_sentences(self.value)

    @cached_property
    def capitals(self) -> int:
        """The number of words in capital letters."""
        return count_capitals(self.value)


def count_words(text: str) -> int:
    r"""Return the number of runs of ``\w``, as nltk's tokeniser sees it."""
    if text.isascii() or all(map(_is_plain, set(text))):
        return len(_WORD.findall(text))
    return len(_word_tokenizer().tokenize(text))


@lru_cache(maxsize=4096)
def _is_plain(character: str) -> bool:
    r"""Tell whether ``re`` and the engine of nltk agree on ``\w``."""
    return bool(_WORD.findall(character) == _word_tokenizer().tokenize(character))


def count_sentences(text: str) -> int:
    """Return the number of sentences by the English model, 10,000 at most."""
    return sum(1 for _ in islice(_punkt().span_tokenize(text), _MOST_SENTENCES))


def count_capitals(text: str) -> int:
    """Return the number of tokens of which every cased letter is a capital.

    White space parts tokens, so only the pieces between it that hold capitals are read.
    What they are cut into may hang on where a sentence ends: then all is read.
    """
    pieces = [*chain.from_iterable(map(_capital_pieces, text.split("\n")))]
    if any(map(_HANGS_ON_SENTENCE.search, pieces)):
        return capitals_by_sentence(text)
    plain = [p for p in pieces if len(p) < _SHORTEST_CONTRACTION and p.isalpha()]
    short = set(plain)
    others = " ".join(piece for piece in pieces if piece not in short)
    return sum(map(str.isupper, plain)) + _read_capitals(others)


def capitals_by_sentence(text: str) -> int:
    """Count them as the original does, sentence by sentence."""
    tokenize = _token_splitter().tokenize
    sentences = _punkt().span_tokenize(text)
    tokens = (tokenize(text[start:end]) for start, end in sentences)
    return sum(map(str.isupper, chain.from_iterable(tokens)))


@lru_cache(maxsize=2048)  # the variants of an answer share most of their lines
def _capital_pieces(line: str) -> tuple[str, ...]:
    return tuple(filter(_CAPITAL.search, line.split()))


@lru_cache(maxsize=64)
def _read_capitals(pieces: str) -> int:
    """Count the tokens in capitals of pieces that do not end their sentence."""
    return sum(map(str.isupper, _token_splitter().tokenize(f"{pieces} x")))


@cache
def _punkt() -> Any:
    """Make the sentence splitter; nltk is slow to import, so only now."""
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer

    lists = read_toml(Path(__file__).with_name("sentences.toml"))
    parameters = PunktParameters()
    parameters.ortho_context = Counter()  # nltk's would keep every word ever asked for
    parameters.abbrev_types.update(lists["abbreviations"])
    parameters.sent_starters.update(lists["starters"])
    for word in lists["common"]:
        parameters.ortho_context[word] = _FIRST_UPPER | _INSIDE_LOWER
    for word in lists["in_names"]:
        parameters.ortho_context[word] = _FIRST_UPPER | _INSIDE_LOWER | _INSIDE_UPPER
    splitter = PunktSentenceTokenizer(parameters)
    by_rules = lru_cache(maxsize=8192)(splitter.text_contains_sentbreak)

    def breaks(context: str) -> bool:
        plain = _PLAIN_END.match(context)
        if plain and plain[1].lower() not in parameters.abbrev_types:
            return True
        return bool(by_rules(context))

    splitter.text_contains_sentbreak = breaks
    return splitter


@cache
def _token_splitter() -> Any:
    """Make the tokeniser behind nltk's ``word_tokenize``."""
    from nltk.tokenize import NLTKWordTokenizer

    return NLTKWordTokenizer()


@cache
def _word_tokenizer() -> Any:
    """Make the tokeniser by which words are counted."""
    from nltk.tokenize import RegexpTokenizer

    return RegexpTokenizer(r"\w+")
