"""Words and sentences by nltk, as the original counts them, in every language.

The sentence model that lm-eval downloads does not come with the project: its licence is
unclear. The algorithm is the same, nltk's Punkt, the parameters are our own lists
(``sentences.toml``). Words depend on nltk alone, so on its version too, as in lm-eval.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

from lm_eval_iberian.toml import read_toml


# nltk's flags of an orthographic context: where a word was seen, and in which case
_FIRST_UPPER: Final = 1 << 1
_INSIDE_UPPER: Final = 1 << 2
_INSIDE_LOWER: Final = 1 << 5


def count_words(text: str) -> int:
    r"""Return the number of runs of ``\w``."""
    return len(_word_tokenizer().tokenize(text))


def count_sentences(text: str) -> int:
    """Return the number of sentences by the English model."""
    return sum(1 for _ in _punkt().span_tokenize(text))


def capital_words(text: str) -> tuple[str, ...]:
    """Return the tokens of which every cased letter is a capital."""
    found: list[str] = []
    for start, end in _punkt().span_tokenize(text):
        sentence = text[start:end]
        if sentence.islower():  # no capital letter: spares the tokeniser
            continue
        found.extend(t for t in _token_splitter().tokenize(sentence) if t.isupper())
    return tuple(found)


@cache
def _punkt() -> Any:
    """Make the sentence splitter; nltk is slow to import, so only now."""
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer

    lists = read_toml(Path(__file__).with_name("sentences.toml"))
    parameters = PunktParameters()
    parameters.abbrev_types.update(lists["abbreviations"])
    parameters.sent_starters.update(lists["starters"])
    for word in lists["common"]:
        parameters.ortho_context[word] = _FIRST_UPPER | _INSIDE_LOWER
    for word in lists["in_names"]:
        parameters.ortho_context[word] = _FIRST_UPPER | _INSIDE_LOWER | _INSIDE_UPPER
    return PunktSentenceTokenizer(parameters)


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
