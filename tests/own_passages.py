"""Passages of text by language, all written for this project.

Those in the five languages are the small benchmarks' and the answers' own; their
neighbours' stand in ``cases/languages/passages.jsonl``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from lm_eval_iberian.jsonl import read_jsonl


DATA = Path(__file__).parents[1] / "data"
NEIGHBOURS = Path(__file__).parent / "cases" / "languages" / "passages.jsonl"
LANGUAGES = ("eu", "gl", "ca", "es", "en")
# where a language's text stands, and in which fields
FIELDS = {
    "flores/mini": ("sentence",),
    "cola/mini": ("acceptable",),
    "belebele/mini": ("flores_passage", "question"),
}
BUCKETS = {"short": 60, "medium": 200}


def own_passages() -> list[dict[str, str]]:
    """Return rows with ``lang``, ``bucket`` (short, medium, long) and ``text``."""
    found: dict[tuple[str, str], None] = {}  # a passage has several questions
    for lang in LANGUAGES:
        for folder, names in FIELDS.items():
            for _, row in read_jsonl(DATA / folder / f"{lang}.jsonl"):
                found |= {(lang, row[name]): None for name in names}
    for _, row in read_jsonl(NEIGHBOURS):
        found[row["lang"], row["text"]] = None
    return [
        {"lang": lang, "bucket": bucket(text), "text": text} for lang, text in found
    ]


def bucket(text: str) -> str:
    """Return the name of a length, as the benchmark of languages knows it."""
    fitting = (name for name, most in BUCKETS.items() if len(text) <= most)
    return next(fitting, "long")


def draw(texts: Sequence[str], key: str) -> str:
    """Choose by a key alone."""
    digest = hashlib.sha256(key.encode()).digest()
    return texts[int.from_bytes(digest[:6], "big") % len(texts)]
