"""Multiple choice by letter where questions have two, three or four candidates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lm_eval_iberian.errors import DataError


_LETTERS = "ABCD"


def letters(doc: Mapping[str, Any]) -> list[str]:
    """Return as many letters as a question has candidates.

    Raises:
        DataError: It has fewer than two or more than four.
    """
    count = len(doc["candidates"])
    if not 2 <= count <= len(_LETTERS):
        raise DataError(f"A question has {count} candidates: {doc['question']!r}")
    return list(_LETTERS[:count])


def question(doc: Mapping[str, Any]) -> str:
    """Word a question in Basque: ``Galdera``, the candidates, ``Erantzuna``."""
    candidates = zip(letters(doc), doc["candidates"], strict=True)
    lines = [f"{letter}: {text}" for letter, text in candidates]
    return "\n".join([f"Galdera: {doc['question']}", *lines, "Erantzuna:"])


def question_on_passage(doc: Mapping[str, Any]) -> str:
    """Word a question on a passage in Basque."""
    return f"Pasartea: {doc['context']}\n\n{question(doc)}"
