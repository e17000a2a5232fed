"""What is found by a short way is what the long way finds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from own_passages import own_passages

from lm_eval_iberian.languages import ranking, running_text
from lm_eval_iberian.languages.byte_model import byte_model
from lm_eval_iberian.languages.families import families
from lm_eval_iberian.languages.folding import compose
from lm_eval_iberian.languages.mark_counts import count_marks
from lm_eval_iberian.languages.running_text import chunks


# not of our languages, and those a family of which comes near to ours
FOREIGN = [
    "сегодня утром мы с сестрой ходили на рынок за рыбой и хлебом",
    "jutros smo sestra i ja išle na pijacu po ribu i hleb",
    "bugun ertalab opam bilan bozorga baliq va non olgani bordik",
    "vi gik på markedet med min søster i morges for at købe fisk",
    "sta matina semu annati ô mercatu cu me soru",
    "今朝、妹と一緒に市場へ行って魚を買いました。",
    "Rex, Bobby, Luna, Milo, Coco, Kiwi, Max, Toby, Bella, Simba",
]
PASSAGES = [passage["text"] for passage in own_passages()]
TEXTS = [*FOREIGN, *PASSAGES, "\n\n".join(FOREIGN), "x" * 4000]
PIECES = [
    "\n", "\n\n", " ", "\t", "> ", "- ", "**", "# ", "1. ", "12) ", "```", "~~~", "`",
    "[", "]", "http://", "www.", "a", "é", "Word", "ñu ", "。", "！", "…", ". ", "! ",
    "\r", "\x0b", "\u2028", "_", "|", "<b>", "\\", "=", "x" * 90, "क", "ि", "\u00a0",
    "Lorem ipsum dolor sit amet. ",
]  # fmt: skip
ANY = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


def ranked(text: str, wanted: str | None) -> ranking.Ranking | None:
    parts = chunks(running_text.running_text(text))
    return ranking.rank(parts, wanted) if parts else None


def names(found: ranking.Ranking) -> list[str | None]:
    return [part.language if part else None for part in found.parts]


@pytest.mark.parametrize("wanted", ["eu", "en", "sw", None])
def test_languages_out_of_reach_change_nothing(
    monkeypatch: pytest.MonkeyPatch, wanted: str | None
) -> None:
    short = [ranked(text, wanted) for text in TEXTS]
    monkeypatch.setattr(ranking, "in_reach", lambda close, _: np.arange(len(close)))
    for text, found in zip(TEXTS, short, strict=True):
        long = ranked(text, wanted)
        assert found is not None
        assert long is not None
        assert found.whole.language == long.whole.language
        assert names(found) == names(long)
        assert found.share == pytest.approx(long.share, abs=1e-5)


def test_most_passages_need_no_other_language(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []
    in_reach = ranking.in_reach

    def counted(*scores: ranking.Floats) -> np.ndarray:
        rows = in_reach(*scores)
        opened.append(len(rows))
        return rows

    monkeypatch.setattr(ranking, "in_reach", counted)
    for text in PASSAGES:
        ranked(text, "eu")
    assert opened.count(0) > 0.8 * len(PASSAGES)


def test_a_family_scores_no_less_than_its_languages() -> None:
    model = byte_model()
    close = [model.labels.index(lang) for lang in ("eu", "es", "en")]
    found = families(model, close)
    for text in TEXTS:
        counts = model.count([text.encode()])
        own, others = found.score(counts)
        every = model.score([text.encode()])
        np.testing.assert_allclose(own, every[:, close], rtol=1e-4)
        rest = np.delete(every, close, axis=1)
        assert (others.max(axis=1) >= rest.max(axis=1) - 0.05).all()


@given(
    st.lists(
        st.tuples(st.integers(0, 9) | st.integers(0, 2**20), st.integers(0, 4)),
        max_size=40,
    )
)
def test_marks_are_counted_as_one_by_one(found: list[tuple[int, int]]) -> None:
    found.sort(key=lambda pair: pair[1])
    marks, owner = (np.array([p[at] for p in found], np.intp) for at in (0, 1))
    counts = count_marks(marks, owner, 5)
    one_by_one = Counter(mark for mark, _ in found)
    assert counts.distinct.tolist() == sorted(one_by_one)
    assert counts.totals.tolist() == [one_by_one[m] for m in sorted(one_by_one)]
    by_part = Counter(found)
    for column, mark in enumerate(counts.distinct.tolist()):
        expected = [by_part[mark, part] for part in range(5)] + [one_by_one[mark]]
        np.testing.assert_allclose(np.expm1(counts.logs[:, column]), expected, 1e-5)


def plainly(text: str) -> str:
    """Clean a text with one pattern after the other."""
    text = running_text.sample(running_text.without_fences(compose(text).lower()))
    text = re.sub(r"(?:https?://|www\.)\S+", " ", text)
    marker = r"^[ \t>]{0,40}(?:[-*+•]|#{1,6}|\d{1,3}[.)])[ \t]+"
    text = re.sub(marker, "", text, flags=re.MULTILINE)
    code = r"`[^`\n]{1,300}`"
    for noise in (rf"\[[^\[\]\n]{{0,300}}\]|{code}", code):
        prose = re.sub(noise, " ", text)
        if sum(map(running_text._is_letter, prose)) >= running_text.MIN_LETTERS:
            break
    return re.sub(r"[*_#`|<>{}\\~=]+", " ", prose).strip()


def chunked_plainly(text: str) -> list[str]:
    """Cut a text at every sentence end, and put the pieces together again."""
    parts, held = [], ""
    for line in text.split("\n"):
        if not line.strip() and len(held) >= 40:
            parts.append(held)
            held = ""
        for piece in re.split(r"(?<=[.!?…])\s+|(?<=[。！？।])", line):
            long = re.findall(r"\S.{1,160}(?=\s|$)|\S.{0,160}", piece)
            for short in long if len(piece) > 320 else [piece] * bool(piece.strip()):
                if len(held) >= 40 and len(short) >= 80:
                    parts.append(held)
                    held = ""
                held = f"{held} {short}" if held else short
                if len(held) >= 80:
                    parts.append(held)
                    held = ""
    return [*parts, held] if held else parts


@settings(max_examples=300, deadline=None)
@given(ANY)
@example("```\nonly code here\n```")
@example("[all of it stands in brackets, and has no other letter]")
@example("1. one\n  - two\n\n> 3) three")
def test_text_is_cleaned_as_by_one_pattern_after_the_other(text: str) -> None:
    assert running_text.running_text(text) == plainly(text)


@settings(max_examples=300, deadline=None)
@given(ANY)
@example("one two. " * 60)
@example("一。二！ 三 。\n四")
def test_text_is_cut_as_at_every_sentence_end(text: str) -> None:
    assert chunks(text) == chunked_plainly(text)


@pytest.mark.parametrize("of", [running_text.running_text, str])
def test_passages_are_cleaned_and_cut_alike(of: Callable[[str], str]) -> None:
    for text in TEXTS:
        assert running_text.running_text(text) == plainly(text)
        assert chunks(of(text)) == chunked_plainly(of(text))


@given(ANY, st.integers(1, 70))
def test_letters_are_counted_to_the_limit(text: str, limit: int) -> None:
    every = sum(map(running_text._is_letter, text))
    assert running_text.count_letters(text, limit) == min(every, limit)
