from __future__ import annotations

import pytest

from lm_eval_iberian.corpus.prose import languages, passages
from lm_eval_iberian.errors import UnknownNameError


@pytest.mark.parametrize("lang", languages())
def test_the_splits_share_no_passage(lang: str) -> None:
    train, heldout = passages(lang, "train"), passages(lang, "heldout")
    assert (len(train), len(heldout)) == (48, 12)
    assert not {p.text for p in train} & {p.text for p in heldout}
    assert len({p.id for p in train + heldout}) == 60


def test_the_same_number_has_the_same_topic_everywhere() -> None:
    topics = {
        lang: [(p.id.split("-")[1], p.topic) for p in passages(lang, "heldout")]
        for lang in languages()
    }
    assert len({tuple(found) for found in topics.values()}) == 1


@pytest.mark.parametrize("lang", languages())
def test_passages_have_the_length_they_were_asked_for(lang: str) -> None:
    for passage in passages(lang, "train") + passages(lang, "heldout"):
        assert 55 <= len(passage.text.split()) <= 105, passage.id
        assert "\n" not in passage.text


def test_unknown_names() -> None:
    with pytest.raises(UnknownNameError, match="Available: en, eu, gl"):
        passages("pt", "train")
    with pytest.raises(UnknownNameError, match="Did you mean heldout"):
        passages("eu", "held-out")
