"""Function words: what a mark says, and that the lists are sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.languages.byte_model import byte_model
from lm_eval_iberian.languages.evidence import evidence, read_evidence


FOUND = evidence()
OURS = ("eu", "gl", "ca", "es", "en")


def against(text: str) -> dict[str, float]:
    row = FOUND.score([text]).score[0]
    return {lang: -float(n) for lang, n in zip(FOUND.languages, row, strict=True)}


@pytest.mark.parametrize(
    ("text", "best"),
    [
        ("unha", {"gl"}),
        ("amb els", {"ca"}),
        ("muy", {"es"}),
        ("não", {"pt"}),
        ("l'a", {"an", "ca", "fr", "it", "oc", "ast"}),
        ("de que", {"gl", "pt", "es", "an", "ast", "ca", "fr", "oc"}),
        ("nacións", {"gl"}),
        ("etxeetatik", {"eu"}),
        ("syzzy", {"es", "ast", "ca", "en", "fr"}),
        ("xonca", {"gl", "ast", "ca", "eu"}),
        ("lloncu", {"ast"}),
        ("123 ...", set(FOUND.languages)),
    ],
)
def test_marks_count_against_the_languages_without_them(
    text: str, best: set[str]
) -> None:
    scores = against(text)
    least = min(scores.values())
    assert {lang for lang, score in scores.items() if score == least} == best


def test_a_rare_word_counts_half() -> None:
    scores = against("el")
    assert scores["es"] == 0 < scores["gl"] < scores["pt"]


def test_a_language_like_another_has_its_words_at_a_small_price() -> None:
    assert FOUND.near["ast"].like == "es"
    scores = against("abuelo")
    assert scores["es"] == 0 < scores["ast"] < scores["gl"]
    telling = FOUND.score(["abuelo"]).telling
    assert not telling[FOUND.languages.index("ast")]


def test_each_language_has_a_name() -> None:
    assert all(language.name for language in FOUND.near.values())


def test_parts_and_the_whole() -> None:
    weighed = FOUND.score(["o can e a gata", "the dog and the cat"])
    assert weighed.score.shape == (3, len(FOUND.languages))
    assert weighed.words == 10
    assert weighed.telling[FOUND.languages.index("en")] >= 3
    alone = FOUND.score(["o can e a gata"]).score
    np.testing.assert_array_equal(weighed.score[0], alone[0])


def test_nothing_has_no_evidence() -> None:
    assert not FOUND.score([""]).score.any()


@pytest.mark.parametrize("lang", OURS)
def test_each_of_our_languages_has_marks_of_its_own(lang: str) -> None:
    column = FOUND.languages.index(lang)
    only = FOUND.against.copy()
    only[:, column] = np.inf
    mine = (FOUND.against[:, column] == 0) & (only.min(axis=1) > 0)
    assert mine.sum() >= 50


def test_the_languages_are_known_to_the_byte_model_but_asturian() -> None:
    assert set(FOUND.languages) - set(byte_model().labels) == {"ast"}


def test_marks_are_in_small_letters() -> None:
    assert [mark for mark in FOUND.index if mark != mark.lower()] == []


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    from lm_eval_iberian.languages import evidence as module

    fresh = module.read_evidence(Path(module.__file__).with_name("function_words.toml"))
    monkeypatch.setattr(module, "_REMEMBERED", 5)
    for number in range(40):
        fresh.score(["word" + "a" * number])
    assert len(fresh.seen) <= 6


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[eu]\nverbs = "da"', r"lists\.toml: eu: 'verbs' is no list"),
        ("[eu]\nwords = 1", r"lists\.toml: eu: 'words' is no list"),
        ("[eu", r"lists\.toml is not TOML"),
        ("eu = 1", r"lists\.toml: eu: a table of lists"),
        (
            '[eu]\nprior = "low"',
            r"lists\.toml: eu: 'prior' is 'low', and must be float",
        ),
        ('[eu]\nlike = "es"', r"lists\.toml: eu: like 'es', which has no lists"),
    ],
)
def test_wrong_lists_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "lists.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(DataError, match=message):
        read_evidence(path)
