"""Sentences from a small grammar: templates whose slots are filled from tables.

``{food.def}`` takes the form ``def`` of a row of slot ``food``; the same slot within a
template is the same row, ``{food2.def}`` another one.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.paths import data
from lm_eval_iberian.toml import read_toml


_REFERENCE = re.compile(r"\{([a-z_]+)(\d?)\.([a-z_]+)\}")


@dataclass(frozen=True)
class Slot:
    """A table: one item per row, its forms in the columns."""

    forms: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        if not self.rows or any(len(row) != len(self.forms) for row in self.rows):
            raise DataError(f"every row must have the forms {self.forms}")


@dataclass(frozen=True)
class Grammar:
    """The slots and templates of one language; templates by topic."""

    lang: str
    slots: dict[str, Slot]
    templates: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics, sorted."""
        return tuple(sorted(self.templates))

    def sentence(self, rng: random.Random, topic: str | None = None) -> str:
        """Return one sentence, about ``topic`` where given.

        Raises:
            UnknownNameError: No such topic.
        """
        chosen = rng.choice(self.topics) if topic is None else topic
        if chosen not in self.templates:
            raise UnknownNameError("topic", chosen, self.topics)
        text = self._fill(rng.choice(self.templates[chosen]), rng)
        return text[0].upper() + text[1:]

    def sentences(self, key: str, topic: str | None = None) -> Iterator[str]:
        """Yield sentences without end, the same ones for the same ``key``."""
        rng = random.Random(f"{self.lang}/{key}")  # noqa: S311 (not for secrets)
        while True:
            yield self.sentence(rng, topic)

    def _fill(self, template: str, rng: random.Random) -> str:
        taken: dict[tuple[str, str], tuple[str, ...]] = {}

        def put(match: re.Match[str]) -> str:
            name, which, form = match.groups()
            slot = self.slots[name]
            if (name, which) not in taken:
                used = {row for (other, _), row in taken.items() if other == name}
                free = [row for row in slot.rows if row not in used]
                taken[name, which] = rng.choice(free or slot.rows)
            return taken[name, which][slot.forms.index(form)]

        return _REFERENCE.sub(put, template)


def load_grammar(lang: str) -> Grammar:
    """Return the grammar of a language.

    Raises:
        UnknownNameError: No such language.
        DataError: The file names a slot or form that does not exist.
    """
    known = sorted(p.parent.name for p in data().glob("demo/*/grammar.toml"))
    if lang not in known:
        raise UnknownNameError("language of the demo", lang, known)
    return read_grammar(data() / "demo" / lang / "grammar.toml")


def read_grammar(path: Path) -> Grammar:
    """Read and check one grammar file; errors name the template at fault."""
    found = read_toml(path)
    slots = {}
    for name, slot in found["slots"].items():
        try:
            rows = tuple(tuple(row) for row in slot["rows"])
            slots[name] = Slot(tuple(slot["forms"]), rows)
        except DataError as error:
            raise DataError(f"{path}, slot {name}: {error}") from error
    templates: dict[str, list[str]] = {}
    for entry in found["templates"]:
        _check(path, entry["text"], slots)
        templates.setdefault(entry["topic"], []).append(entry["text"])
    return Grammar(found["lang"], slots, {k: tuple(v) for k, v in templates.items()})


def _check(path: Path, text: str, slots: dict[str, Slot]) -> None:
    for name, _, form in _REFERENCE.findall(text):
        if name not in slots:
            raise DataError(f"{path}: no slot {name!r} for template {text!r}")
        if form not in slots[name].forms:
            raise DataError(f"{path}: slot {name!r} has no form {form!r}: {text!r}")
    if "{" in _REFERENCE.sub("", text) or "}" in _REFERENCE.sub("", text):
        raise DataError(f"{path}: a brace is left over in template {text!r}")
