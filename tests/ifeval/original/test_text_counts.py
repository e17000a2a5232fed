"""What is counted by a short way is what nltk's tokenisers count, piece by piece."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st
from own_passages import own_passages

from lm_eval_iberian.ifeval.original import text as counts


PIECES = [
    "NASA", "U.S.", "a", "I", "'", "''", '"', "``", ".", "...", "!", "?", ")", "(", "]",
    " ", "\n", "CANNOT", "GIMME", "gonna ", "'TIS", "N'T", "n't", "'S", "'s", "'LL",
    ",", ":", "--", "—", "**", "«", "’", "Ⓐ", "É", "e\u0301", "Bc", "3", "B.", "Mr.",
    "e.g. ", "p.m. ", "\u00a0", "{", "MORE'N", "word. ", "Next", "कि",
]  # fmt: skip
ANY = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
PASSAGES = [passage["text"] for passage in own_passages()]


@settings(max_examples=400)
@given(ANY)
@example("JAMES'S. CANNOT (NATO) said: I'LL go.")
@example("A.'B is not 'B. and 'Tn't")
def test_capitals_are_counted_as_sentence_by_sentence(text: str) -> None:
    assert counts.count_capitals(text) == counts.capitals_by_sentence(text)


@settings(max_examples=300)
@given(ANY)
def test_words_are_counted_as_by_nltk(text: str) -> None:
    assert counts.count_words(text) == len(counts._word_tokenizer().tokenize(text))


@settings(max_examples=300)
@given(ANY)
def test_a_plain_end_is_one_by_the_rules_too(text: str) -> None:
    splitter = counts._punkt()
    for _, context in splitter._match_potential_end_contexts(text):
        by_rules = type(splitter).text_contains_sentbreak(splitter, context)
        assert splitter.text_contains_sentbreak(context) == by_rules


def test_passages_are_counted_alike() -> None:
    for text in [*PASSAGES, *map(str.upper, PASSAGES)]:
        assert counts.count_capitals(text) == counts.capitals_by_sentence(text)
        assert counts.count_words(text) == len(counts._word_tokenizer().tokenize(text))
