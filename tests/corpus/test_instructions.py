from __future__ import annotations

from itertools import islice

import pytest

from lm_eval_iberian.corpus.instructions import pairs
from lm_eval_iberian.errors import UnknownNameError
from lm_eval_iberian.ifeval import check


def test_every_answer_follows_its_instruction() -> None:
    for pair in islice(pairs("train", "test"), 440):
        if pair.instruction_id == "none":
            continue
        verdict = check(
            pair.instruction_id, pair.kwargs, pair.answer, lang="en", prompt=pair.prompt
        )
        assert verdict.followed, (pair, verdict.reason)


def test_a_plain_answer_follows_hardly_any_instruction() -> None:
    """Else the demo's score would say nothing."""
    found = list(islice(pairs("train", "test"), 440))
    plain = next(p.answer for p in found if p.instruction_id == "none")
    followed = {
        p.instruction_id
        for p in found
        if p.instruction_id != "none"
        and check(p.instruction_id, p.kwargs, plain, lang="en").followed
    }
    assert followed <= {"punctuation:no_comma"}


def test_held_out_requests_are_new() -> None:
    train = {p.prompt for p in islice(pairs("train", "a"), 3000)}
    heldout = {p.prompt for p in islice(pairs("heldout", "a"), 300)}
    assert not train & heldout


def test_the_same_key_gives_the_same_pairs() -> None:
    assert list(islice(pairs("train", "a"), 30)) == list(
        islice(pairs("train", "a"), 30)
    )


def test_an_unknown_split() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean train"):
        next(pairs("trian", "a"))
