"""The passages of prose in ``data/demo/<lang>/prose.jsonl``."""

from __future__ import annotations

from dataclasses import dataclass

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.jsonl import read_jsonl
from lm_eval_iberian.paths import data


SPLITS = ("train", "heldout")


@dataclass(frozen=True)
class Passage:
    """One paragraph; the same number has the same topic in every language."""

    id: str
    topic: str
    split: str
    text: str


def languages() -> tuple[str, ...]:
    """Return the languages that have prose and a grammar."""
    return tuple(sorted(path.parent.name for path in data().glob("demo/*/prose.jsonl")))


def passages(lang: str, split: str) -> list[Passage]:
    """Return a language's passages of ``train`` or ``heldout``, in file order.

    Raises:
        UnknownNameError: No such language or split.
        DataError: A line is not a passage, with file and line.
    """
    if lang not in languages():
        raise UnknownNameError("language of the demo", lang, languages())
    if split not in SPLITS:
        raise UnknownNameError("split", split, SPLITS)
    path = data() / "demo" / lang / "prose.jsonl"
    found = []
    for number, row in read_jsonl(path):
        fields = {name: row.get(name) for name in ("id", "topic", "split", "text")}
        if not all(isinstance(v, str) and v for v in fields.values()):
            raise DataError(f"{path}, line {number}: needs texts {', '.join(fields)}")
        found.append(Passage(**{k: str(v) for k, v in fields.items()}))
    return [passage for passage in found if passage.split == split]
