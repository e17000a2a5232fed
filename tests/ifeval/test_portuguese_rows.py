"""The Portuguese rows of Marco-Bench-MIF, where they are; no row is written here."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest
from file_server import serving

from lm_eval_iberian.download import MIRROR
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.ifeval.consistency import inconsistencies, is_listed, listed
from lm_eval_iberian.ifeval.data import Reading, paper_source, read_set
from lm_eval_iberian.ifeval.instruction import Answer
from lm_eval_iberian.ifeval.language import asked_language
from lm_eval_iberian.ifeval.options import offered
from lm_eval_iberian.languages import load_profile


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def place(
    reference: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """Where a mirror with the layout of the source has the file."""
    rows = reference / "marco" / "pt.jsonl"
    if not rows.is_file():
        pytest.skip(f"NO PORTUGUESE ROWS: {rows} is absent")
    address = paper_source("pt").locate("pt")
    place = tmp_path / "served" / address.split("/", 3)[3]
    place.parent.mkdir(parents=True)
    place.write_bytes(rows.read_bytes())
    handler = functools.partial(Quiet, directory=str(tmp_path / "served"))
    with serving(handler) as url:
        monkeypatch.setenv(MIRROR, url)
        yield place


@pytest.fixture
def reading(place: Path) -> Reading:
    return read_set("pt")


def test_the_whole_file_loads_as_it_is_pinned(reading: Reading) -> None:
    assert len(reading.prompts) == 541
    assert reading.version is not None
    assert reading.version.instructions == 1349
    assert reading.missing == ""


def test_another_file_is_refused(place: Path) -> None:
    place.write_bytes(place.read_bytes() + b"\n")
    with pytest.raises(DataError, match="it has 245,425 bytes, pinned are 245,424"):
        read_set("pt")


def test_every_repair_finds_its_fault(reading: Reading) -> None:
    assert {o.status for o in reading.outcomes} == {"applied", "noted"}
    assert reading.idle == ()


def test_every_finding_has_been_judged(reading: Reading) -> None:
    known = listed("pt", "paper")
    found = [f for prompt in reading.prompts for f in inconsistencies(prompt)]
    assert [finding for finding in found if not is_listed(finding, known)] == []
    idle = [e for e in known if not any(is_listed(f, [e]) for f in found)]
    assert idle == []


def test_the_language_that_a_prompt_asks_for_is_the_one_checked(
    reading: Reading,
) -> None:
    """Told by the pack from the prompt alone, in 24 languages."""
    profile = load_profile("pt")
    checked = {
        prompt.key: kwargs["language"]
        for prompt in reading.prompts
        for kwargs in prompt.kwargs
        if "language" in kwargs
    }
    read = {
        prompt.key: asked_language(Answer("", profile, prompt.prompt))
        for prompt in reading.prompts
    }
    assert len(set(checked.values())) == 24
    assert read == checked


def test_the_options_are_those_of_the_prompt(reading: Reading) -> None:
    profile = load_profile("pt")
    found = {
        prompt.key: offered(Answer("", profile, prompt.prompt))
        for prompt in reading.prompts
        if "detectable_format:constrained_response" in prompt.instruction_ids
    }
    assert len(found) == 10
    for options in found.values():
        told = [option.removeprefix("A ").lower() for option in options]
        assert told == [
            f"minha resposta é {word}." for word in ("sim", "não", "talvez")
        ]


def test_lm_eval_gets_them(place: Path) -> None:
    from lm_eval_iberian.tasks.ifeval import load

    assert len(load("pt")["test"]) == 541
