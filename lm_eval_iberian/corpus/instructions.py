"""English instructions that can be verified, with answers that follow them.

The phrasings are data (``data/demo/instructions.toml``), the answers come from the
English grammar; the same key gives the same pairs.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from lm_eval_iberian.corpus.grammar import Grammar, load_grammar
from lm_eval_iberian.errors import UnknownNameError
from lm_eval_iberian.paths import data
from lm_eval_iberian.toml import read_toml


SPLITS = ("train", "heldout")


@dataclass(frozen=True)
class Pair:
    """A prompt and an answer that follows it.

    ``instruction_id`` is ``none`` for a plain request.
    """

    prompt: str
    answer: str
    instruction_id: str
    kwargs: dict[str, Any]


def pairs(split: str, key: str) -> Iterator[Pair]:
    """Yield pairs without end; ``heldout`` has requests that ``train`` never makes.

    The wording of the constraint itself is the same in both.

    Raises:
        UnknownNameError: No such split.
    """
    if split not in SPLITS:
        raise UnknownNameError("split", split, SPLITS)
    phrasings = read_toml(data() / "demo" / "instructions.toml")
    grammar = load_grammar("en")
    rng = random.Random(f"instructions/{split}/{key}")  # noqa: S311 (not for secrets)
    while True:
        for kind in phrasings["kinds"]:  # every kind equally often
            yield _pair(kind, phrasings, grammar, split, rng)


def _pair(
    kind: dict[str, Any],
    phrasings: dict[str, Any],
    grammar: Grammar,
    split: str,
    rng: random.Random,
) -> Pair:
    topic = rng.choice(grammar.topics)
    request = rng.choice(phrasings["requests"][split])
    prompt = request.format(topic=rng.choice(phrasings["topics"][topic]))
    kwargs = {k: v for k, v in kind.items() if k not in ("id", "wording")}
    constraint = rng.choice(kind["wording"]).format(**kwargs)
    answer = _ANSWERS[kind["id"]](_Writer(grammar, topic, rng), kwargs)
    return Pair(f"{prompt} {constraint}".strip(), answer, kind["id"], kwargs)


@dataclass(frozen=True)
class _Writer:
    grammar: Grammar
    topic: str
    rng: random.Random

    def sentences(self, count: int, comma: bool = True) -> list[str]:
        def draw() -> Iterator[str]:
            while True:
                yield self.grammar.sentence(self.rng, self.topic)

        return list(islice((s for s in draw() if comma or "," not in s), count))

    def text(self, comma: bool = True) -> str:
        return " ".join(self.sentences(self.rng.randint(1, 2), comma))


def _bullets(write: _Writer, kwargs: dict[str, Any]) -> str:
    return "\n".join(f"* {s}" for s in write.sentences(kwargs["num_bullets"]))


def _placeholders(write: _Writer, kwargs: dict[str, Any]) -> str:
    names = write.rng.sample(("name", "date", "place", "time", "address"), 4)
    marks = " ".join(f"[{n}]" for n in names[: kwargs["num_placeholders"]])
    return f"{write.text()} {marks}"


_ANSWERS: dict[str, Callable[[_Writer, dict[str, Any]], str]] = {
    "none": lambda write, kw: write.text(),
    "change_case:english_capital": lambda write, kw: write.text().upper(),
    "change_case:english_lowercase": lambda write, kw: write.text().lower(),
    "punctuation:no_comma": lambda write, kw: write.text(comma=False),
    "startend:quotation": lambda write, kw: f'"{write.text()}"',
    "startend:end_checker": lambda write, kw: f"{write.text()} {kw['end_phrase']}",
    "detectable_format:number_bullet_lists": _bullets,
    "detectable_content:number_placeholders": _placeholders,
    "detectable_format:title": lambda write, kw: (
        f"<<{write.topic.capitalize()}>>\n{write.text()}"
    ),
    "combination:two_responses": lambda write, kw: (
        f"{write.text()}\n******\n{write.text()}"
    ),
    "detectable_content:postscript": lambda write, kw: (
        f"{write.text()}\n{kw['postscript_marker']} {write.sentences(1)[0]}"
    ),
}
