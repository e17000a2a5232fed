"""Types of other sets than Google's: questions, ñ, accents, ç, by language."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import pytest
import tables
from timing import seconds

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.ifeval import INSTRUCTIONS, check
from lm_eval_iberian.ifeval.registry import KNOWN
from lm_eval_iberian.languages.rules import CharacterRules


ROWS = tables.read("ifeval_characters")


@pytest.mark.parametrize("row", tables.named(ROWS))
def test_verdict(row: dict[str, Any]) -> None:
    kwargs, prompt = row["kwargs"], row.get("prompt")
    verdict = check(row["id"], kwargs, row["response"], lang=row["lang"], prompt=prompt)
    assert verdict.followed is row["expected"], verdict.reason


def test_every_type_has_cases_of_both_kinds() -> None:
    kinds = Counter((row["id"], row["expected"]) for row in ROWS)
    for name in KNOWN.keys() - INSTRUCTIONS.keys():
        assert kinds[name, True] >= 2, name
        assert kinds[name, False] >= 2, name


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["¿", "¿\n", "¿ a", "a?", "a..", "¡ \n\n", "ñáü "])
def test_time_is_bounded(unit: str) -> None:
    answer = unit * (200_000 // len(unit))
    for row in {row["id"]: row for row in ROWS if row["lang"] == "es"}.values():
        judge = partial(check, row["id"], row["kwargs"], answer, lang="es")
        assert seconds(judge, 2) < 2, row["id"]


@pytest.mark.parametrize(
    ("lang", "has"),
    [
        ("en", ""),
        ("es", "question exclamation enie accented diaeresis"),
        ("gl", "question exclamation enie accented diaeresis"),
        ("ca", "question exclamation accented diaeresis cedilla"),
        ("eu", "question exclamation enie diaeresis"),
        ("pt", "question exclamation accented cedilla tilde crase"),
    ],
)
def test_a_language_without_such_characters_refuses_in_a_sentence(
    lang: str, has: str
) -> None:
    kwargs = {
        "special_character:enie": {"let_frequency": 1},
        "special_character:dieresis": {"let_frequency": 1},
        "special_character:tildes": {"num_words": 1, "relation": "at least"},
        "keywords:cedilha_frequency": {"count": 1},
    }
    for name in KNOWN.keys() - INSTRUCTIONS.keys():
        given = kwargs.get(name, {})
        if KNOWN[name].character in has.split():
            assert check(name, given, "a", lang=lang).reason
            continue
        with pytest.raises(
            DataError, match=r"pack names no '\w+' in its \[characters\]"
        ):
            check(name, given, "a", lang=lang)


@pytest.mark.parametrize(
    "table",
    [
        {"question": "¿??"},
        {"exclamation": "a"},
        {"enie": "Ñ"},
        {"accented": "á é"},
        {"crase": ("à!",)},
    ],
)
def test_a_pack_with_wrong_characters_is_refused(table: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"mark|small letters"):
        CharacterRules(**table)
