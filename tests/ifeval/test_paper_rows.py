"""The rows of the paper's own files that can be read here, where they are.

They are served as a mirror would serve them; no row of them is written here.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from file_server import serving

from lm_eval_iberian.download import MIRROR, source
from lm_eval_iberian.health import Generation
from lm_eval_iberian.ifeval import score_row
from lm_eval_iberian.ifeval.answer_forms import GivenAnswer
from lm_eval_iberian.ifeval.answers import Answers
from lm_eval_iberian.ifeval.consistency import inconsistencies, is_listed, listed
from lm_eval_iberian.ifeval.data import Prompt, Reading, read_set
from lm_eval_iberian.ifeval.pairing import Asked, match, score_answers
from lm_eval_iberian.ifeval.published_rows import decoded


ROWS = {"eu": 135, "gl": 118, "ca": 42, "es": 41}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def rows(reference: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows as they stand in their files, by language."""
    folder = reference / "iber_ifeval"
    if not folder.is_dir():
        pytest.skip(f"NO ROWS OF THE PAPER: {folder} is absent")
    return {
        lang: [json.loads(line) for line in (folder / f"{lang}.jsonl").open("rb")]
        for lang in ROWS
    }


@pytest.fixture
def mirror(
    reference: Path,
    rows: object,
    tmp_path: Path,
    own_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """A local server with the layout of the source; it holds links to the rows."""
    for lang in ROWS:
        address = source("iber-ifeval").locate(lang)
        place = tmp_path / "served" / address.split("/", 3)[3]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to((reference / "iber_ifeval" / f"{lang}.jsonl").resolve())
    handler = functools.partial(Quiet, directory=str(tmp_path / "served"))
    with serving(handler) as url:
        monkeypatch.setenv(MIRROR, url)
        yield


@pytest.fixture
def readings(mirror: None) -> dict[str, Reading]:
    return {lang: read_set(lang) for lang in ROWS}


def prompt_of(readings: dict[str, Reading], lang: str, key: int) -> Prompt:
    return next(p for p in readings[lang].prompts if p.key == key)


def test_they_load_and_are_called_a_part(readings: dict[str, Reading]) -> None:
    assert {lang: len(r.prompts) for lang, r in readings.items()} == ROWS
    for lang, reading in readings.items():
        assert f"541 IFEval prompts in {lang}" in reading.missing
        assert reading.version is None


def test_every_repair_whose_row_is_there_applies(
    readings: dict[str, Reading], rows: dict[str, list[dict[str, Any]]]
) -> None:
    for lang, reading in readings.items():
        keys = {row["key"] for row in rows[lang]}
        there = [o for o in reading.outcomes if o.key in keys]
        assert there
        assert {o.status for o in there} <= {"applied", "noted"}
        assert reading.idle == ()


def test_what_was_published_is_untouched(
    readings: dict[str, Reading], rows: dict[str, list[dict[str, Any]]]
) -> None:
    for lang, reading in readings.items():
        raw = {row["key"]: row for row in rows[lang]}
        for prompt in reading.prompts:
            row = decoded(raw[prompt.key])
            assert prompt.published_prompt == row["prompt"]
            assert list(prompt.published[0]) == row["instruction_id_list"]
            assert list(prompt.published[1]) == row["kwargs"]


def test_lm_eval_gets_them(mirror: None, rows: dict[str, list[dict[str, Any]]]) -> None:
    from lm_eval_iberian.tasks.ifeval import load

    for lang in ROWS:
        docs = load(lang=lang, which="paper", pretrained="ignored")["test"]
        wanted = {row["key"] for row in rows[lang] if row["prompt"] is not None}
        assert {doc["key"] for doc in docs} == wanted


def test_nothing_is_found_that_nobody_has_judged(readings: dict[str, Reading]) -> None:
    for lang, reading in readings.items():
        known = listed(lang, "paper")
        found = [f for prompt in reading.prompts for f in inconsistencies(prompt)]
        assert [one for one in found if not is_listed(one, known)] == []


@pytest.mark.parametrize(
    ("lang", "key", "word"),
    [("gl", 2889, "educado"), ("gl", 3025, "deserto")],
)
def test_a_word_that_is_asked_for_is_checked(
    readings: dict[str, Reading], lang: str, key: int, word: str
) -> None:
    prompt = prompt_of(readings, lang, key)
    assert prompt.instruction_ids[-1] == "keywords:existence"
    assert prompt.kwargs[-1] == {"keywords": [word]}


@pytest.mark.parametrize("lang", ROWS)
def test_no_answer_keeps_both_limits_of_1174(
    readings: dict[str, Reading], lang: str
) -> None:
    prompt = prompt_of(readings, lang, 1174)
    letters = prompt.instruction_ids.index("keywords:letter_frequency")
    obedient = "Ooo, *o oo* o *ooo*."
    verdicts = [
        score_row(prompt, obedient, scoring=scoring).strict[letters].followed
        for scoring in ("repaired", "original")
    ]
    assert verdicts == [True, False]
    for scoring in ("repaired", "original"):
        score = score_row(prompt, obedient, scoring=scoring)
        assert score.satisfiable[letters] is False
        assert sum(score.satisfiable) == len(score.satisfiable) - 1


def verdict(prompt: Prompt, response: str, asked: str | None) -> bool:
    """Score an answer that came with a text."""
    given = GivenAnswer(prompt.key, asked, response, Generation(), "a, line 1")
    answers = Answers(Path("a.jsonl"), (given,))
    wanted = Asked((prompt,), prompt.lang, "the paper's prompts")
    scores = score_answers(wanted, match(wanted, answers))
    return all(v.followed for v in scores["repaired"][0].strict)


@pytest.mark.parametrize(
    ("lang", "key", "response"),
    [
        ("gl", 3751, "A miña resposta é pode pode ser."),
        ("eu", 1332, "India: 7 egun.\n\n*******\n\nTxina: 7 egun."),
    ],
)
def test_an_answer_to_the_published_text_does_not_lose_by_a_repaired_one(
    readings: dict[str, Reading], lang: str, key: int, response: str
) -> None:
    prompt = prompt_of(readings, lang, key)
    assert verdict(prompt, response, prompt.published_prompt)
    template = f"<|user|> {prompt.published_prompt} <|assistant|>"
    assert verdict(prompt, response, template)


def test_the_repaired_form_counts_for_both_and_the_other_for_one(
    readings: dict[str, Reading],
) -> None:
    prompt = prompt_of(readings, "gl", 3751)
    published = "A miña resposta é pode pode ser."
    assert not verdict(prompt, published, prompt.prompt)
    assert not verdict(prompt, published, None)  # which text it was is not known
    for asked in (prompt.published_prompt, prompt.prompt, None):
        assert verdict(prompt, "A miña resposta é pode ser.", asked)
        assert not verdict(prompt, "Non o sei.", asked)
