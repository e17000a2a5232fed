"""The shipped twins: how many, parallel, and in the schema of the real datasets."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.jsonl import read_jsonl
from lm_eval_iberian.paths import data
from lm_eval_iberian.tasks import minis
from lm_eval_iberian.tasks.benchmark_catalogue import Benchmark, benchmark, benchmarks
from lm_eval_iberian.tasks.benchmarks import load
from lm_eval_iberian.tasks.subsets import answered, local_only


pytestmark = pytest.mark.slow

LANGUAGES = ("eu", "gl", "ca", "es", "en")
ALL = [(found.family, found.lang) for found in benchmarks()]
COUNTS = {
    "belebele": (24, 24),
    "bertaqa": (12, 12),
    "cola": (110, 10),
    "eus_exams": (8, 8),
    "eus_proficiency": (8, 8),
    "eus_reading": (4, 4),
    "eus_trivia": (8, 8),
    "flores": (30, 30),
    "openbookqa": (5, 3),
    "parafrases": (6, 4),
    "xstorycloze": (4, 2),
}


def rows(family: str, lang: str) -> list[dict[str, Any]]:
    return [row for _, row in read_jsonl(data() / family / "mini" / f"{lang}.jsonl")]


@pytest.mark.parametrize(("family", "lang"), ALL)
def test_as_many_as_promised(family: str, lang: str) -> None:
    wanted, found = benchmark(family, lang), load(family, lang, "mini")
    counts = (len(found[wanted.test]), len(found[wanted.fewshot]))
    assert counts == ((60, 60) if (family, lang) == ("cola", "eu") else COUNTS[family])


@pytest.mark.parametrize(("family", "lang"), ALL)
def test_the_schema_is_the_real_one(
    family: str, lang: str, fake_hub: list[tuple[str, str | None, str]]
) -> None:
    wanted = benchmark(family, lang)
    real, mini = load(family, lang, "hub"), load(family, lang, "mini")
    assert set(real) == set(mini) == {wanted.test, wanted.fewshot}
    columns = (*wanted.columns, *(["exam"] if family == "eus_exams" else []))
    for column in columns:
        theirs = real[wanted.test].features[column]
        ours = mini[wanted.test].features[column]
        if (family, column) != ("eus_trivia", "difficulty"):
            assert ours == theirs, column


@pytest.mark.parametrize(("family", "lang"), ALL)
def test_examples_are_never_scored(family: str, lang: str) -> None:
    wanted, found = benchmark(family, lang), load(family, lang, "mini")
    scored, examples = list(found[wanted.test]), list(found[wanted.fewshot])
    if wanted.test != wanted.fewshot:
        assert not [row for row in examples if row in scored]


@pytest.mark.parametrize(("family", "lang"), ALL)
def test_two_loads_are_the_same(family: str, lang: str) -> None:
    first, second = (load(family, lang, "mini") for _ in range(2))
    assert {k: list(v) for k, v in first.items()} == {
        k: list(v) for k, v in second.items()
    }


@pytest.mark.parametrize("lang", LANGUAGES)
def test_minimal_pairs_are_pairs(lang: str) -> None:
    pairs = rows("cola", lang)
    assert [pair["pair"] for pair in pairs] == list(range(1, 61))
    sentences = [pair[key] for pair in pairs for key in ("acceptable", "unacceptable")]
    assert len(set(sentences)) == 120
    assert all(text == text.strip() and " " in text for text in sentences)
    phenomena = Counter(pair["phenomenon"] for pair in pairs)
    assert 8 <= len(phenomena) <= 15
    assert min(phenomena.values()) >= 3


@pytest.mark.parametrize("lang", ["gl", "ca", "es", "en"])
def test_half_of_the_judged_sentences_are_acceptable(lang: str) -> None:
    wanted, found = benchmark("cola", lang), load("cola", lang, "mini")
    label = wanted.columns[1]
    for split in wanted.splits:
        labels = found[split][label]
        assert sum(labels) * 2 == len(labels)
        assert len(set(labels[::2])) == 2, "right always comes first"


def test_belebele_is_parallel() -> None:
    keys = ("link", "question_number", "correct_answer_num")
    versions = [
        [tuple(row[key] for key in keys) for row in rows("belebele", lang)]
        for lang in LANGUAGES
    ]
    assert all(version == versions[0] for version in versions)
    assert len({link for link, _, _ in versions[0]}) == 12
    spread = Counter(right for _, _, right in versions[0])
    assert set(spread) == set("1234")
    assert max(spread.values()) <= 9


@pytest.mark.parametrize("lang", LANGUAGES)
def test_belebele_has_one_passage_for_two_questions(lang: str) -> None:
    found = rows("belebele", lang)
    for first, second in zip(found[::2], found[1::2], strict=True):
        assert first["flores_passage"] == second["flores_passage"]
        assert first["question"] != second["question"]
    for row in found:
        answers = [row[f"mc_answer{i}"] for i in range(1, 5)]
        assert len(set(answers)) == 4


def test_flores_is_parallel() -> None:
    versions = {lang: rows("flores", lang) for lang in LANGUAGES}
    for found in versions.values():
        assert [row["id"] for row in found] == list(range(1, 61))
        assert len({row["sentence"] for row in found}) == 60
    for together in zip(*versions.values(), strict=True):
        assert len({row["sentence"] for row in together}) == 5


@pytest.mark.parametrize("lang", LANGUAGES)
def test_stories_have_their_right_end_now_first_now_second(lang: str) -> None:
    wanted, found = benchmark("xstorycloze", lang), load("xstorycloze", lang, "mini")
    right = wanted.columns[-1]
    assert set(found[wanted.test][right]) == {1, 2}


def test_what_has_no_answer_is_left_out() -> None:
    exams = load("eus_exams", "eu", "mini")["test"]
    assert len(answered(exams)) == 6
    assert all(row["answer"] in range(4) for row in answered(exams))


@pytest.mark.parametrize("lang", ["eu", "en"])
def test_local_questions_are_named_as_in_the_real_set(lang: str) -> None:
    found = load("bertaqa", lang, "mini")["test"]
    assert set(found["group"]) == {"Euskal gaiak", "Gai orokorrak"}
    assert len(local_only(found)) == 8


def test_bertaqa_is_parallel() -> None:
    basque, english = rows("bertaqa", "eu"), rows("bertaqa", "en")
    for one, other in zip(basque, english, strict=True):
        assert (one["id"], one["answer"]) == (other["id"], other["answer"])


def shipped_in(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> Benchmark:
    path = folder / "gl.jsonl"
    path.write_text(text, "utf-8")
    monkeypatch.setattr(Benchmark, "mini_file", lambda self, lang=None: path)
    return benchmark("parafrases", "gl")


def test_a_row_that_lacks_a_column_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = shipped_in(tmp_path, '{"Frase": "a"}\n{"Frase": "b"}\n', monkeypatch)
    with pytest.raises(DataError, match=r"gl\.jsonl, split 'test', row 1, lacks Par"):
        minis.from_mini(wanted)


def test_an_empty_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = shipped_in(tmp_path, "", monkeypatch)
    with pytest.raises(DataError, match=r"gl\.jsonl, split 'test', has no rows"):
        minis.from_mini(wanted)


def test_unknown_names_are_told_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"'belebelle'\. Did you mean belebele"):
        load("belebelle", "eu")
    with pytest.raises(UnknownNameError, match="language of parafrases 'pt'"):
        load("parafrases", "pt")
    with pytest.raises(UnknownNameError, match="kind of data 'paper'"):
        load("cola", "eu", "paper")
