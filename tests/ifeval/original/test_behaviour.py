"""What a language changes in the original scoring is data."""

from __future__ import annotations

from pathlib import Path

import pytest

from lm_eval_iberian.errors import UnknownNameError
from lm_eval_iberian.ifeval.original import judge_original
from lm_eval_iberian.ifeval.original.arguments import _tables, behaviour_of
from lm_eval_iberian.languages import read_pack


PACK = Path(__file__).parents[2] / "cases" / "languages" / "it.toml"
OPTIONS = "detectable_format:constrained_response"


def test_a_language_without_a_table_is_scored_as_english_with_its_own_options() -> None:
    profile = read_pack(PACK)
    found = behaviour_of(profile)
    english = behaviour_of("en")
    assert found.options == profile.constrained.options != english.options
    assert found.detector == "langdetect"
    assert found.case_language == "en"
    (strict,), _ = judge_original(
        [OPTIONS], [{}], found.options[0], lang=profile, prompt=None
    )
    assert strict


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(UnknownNameError):
        judge_original([OPTIONS], [{}], "Yes.", lang="xx", prompt=None)


def test_the_paper_s_languages_share_one_detector_and_one_bug() -> None:
    assert set(_tables()) == {"en", "eu", "gl", "ca", "es"}
    for lang in ("eu", "gl", "ca", "es"):
        found = behaviour_of(lang)
        assert (found.detector, found.small_test) == ("fasttext", "isupper")
        assert found.case_language == lang
        assert found.skips == {"language:response_language"}


def test_what_is_drawn_depends_on_the_prompt_alone() -> None:
    name, kwargs = "keywords:letter_frequency", {"letter": "#", "let_frequency": 1}
    reasons = {
        judge_original([name], [kwargs], "abc", lang="gl", prompt=str(number))[0]
        for number in range(40)
        for _ in range(2)
    }
    assert 20 < len(reasons) <= 40
