"""Finds the labels with which another turn, question or example begins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, takewhile
from typing import Final

from lm_eval_iberian.health.said import RunOn, Said
from lm_eval_iberian.health.template_marks import wants_training_data
from lm_eval_iberian.health.words import any_of, asks_for, health_words
from lm_eval_iberian.languages import fold


_DASHED: Final = re.compile(r"^[ ]?[—–-] ?\S", re.M)
# Galdera: · **Question 5:** · Exercicio 2. · 2. ariketa:
_LABEL_LINE: Final = re.compile(
    r"^[ ]?[>*_#]{0,6}[ ]?(?:(?P<before>[^\W\d_][\w' ’]{0,30}?)"
    r"(?:[*_]{0,3}[ ]?[:：]|[ ]?(?P<n>\d{1,3})[*_]{0,3}[ ]?[:.)：])"
    r"|(?P<m>\d{1,3})\. ?(?P<behind>[^\W\d_]{4,14})[*_]{0,3}[ ]?[:.]"
    r"|(?P<headed>(?<=[#*] )[^\W\d_]{4,14}|(?<=[#*])[^\W\d_]{4,14})"
    r" (?P<h>\d{1,3})[*_]*$)",
    re.M,
)
# more labels than that are a form of their own
_LABELS: Final = 400
_ENDS_IN_LABEL: Final = re.compile(
    r"(?:^|[\n.,;?!|])[ \t*_]*([^\W\d_][\w' ’]{0,30}(?:\([^()\n]{1,60}\))?)"
    r"[*_]*[:：][*_\s]*\Z"
)
_FIRST: Final = re.compile(r"\w+")
_QUOTED: Final = re.compile(r"«[^»]+»|“[^”]+”|\"[^\"]+\"|(?<!\w)'[^']+'")


def turn_labels(said: Said) -> Iterator[RunOn]:
    """Find the labels of turns at the beginning of lines: ``User:``, ``Galdera 2:``."""
    named = [
        _Label(
            _name(match), _number(match), match.start(), _has_text(said, match.end())
        )
        for match in _LABEL_LINE.finditer(said.response, said.begin)
    ]
    examples = _prompt_labels(said.prompt)
    chat = _chat_labels()
    # a car has a model, a house a system: they speak only beside others
    if not any(name.name in chat - _kind("weak_labels") for name in named):
        chat -= _kind("weak_labels")
    for order, label in enumerate(named[:_LABELS]):
        earlier, later = named[:order], named[order + 1 :]
        if not said.before(label.start).strip():
            continue
        if label.name in examples:
            yield RunOn(label.start, f"the prompt's '{label.name}' begins anew")
        elif label.name in chat and not _is_chat(label, said, earlier):
            yield RunOn(label.start, f"a line begins with '{label.name}:'")
        elif label.name in _kind("question_labels") and _is_question(
            said, label, earlier, later
        ):
            yield RunOn(label.start, f"a new question begins with '{label.name}'")
        elif (
            label.name in _kind("exercise_labels")
            and _is_exercise(said, label, earlier)
        ) or (
            label.name in _kind("instruction_labels")
            and not wants_training_data(said.asked)
            and any(name.name in _kind("answer_labels") for name in later)
        ):
            yield RunOn(label.start, f"a new task begins with '{label.name}'")


@dataclass(frozen=True)
class _Label:
    """A label at the beginning of a line: its name and number, and its place."""

    name: str
    number: int | None
    start: int
    speaks: bool


def _name(match: re.Match[str]) -> str:
    return fold(match["before"] or match["behind"] or match["headed"]).strip()


def _has_text(said: Said, place: int) -> bool:
    """Tell whether a label's line goes on."""
    return bool(said.response[place : place + 40].split("\n")[0].strip("*_ "))


def _number(match: re.Match[str]) -> int | None:
    number = match["n"] or match["m"] or match["h"]
    return int(number) if number else None


def labels_in_lines(said: Said) -> Iterator[RunOn]:
    """Find the labels of a chat behind a sentence: ``… km. USER: And …``."""
    if asks_for("dialogue", said.asked) or _names_one(said.asked, _kind("user_labels")):
        return
    # most answers have no such word at all
    if said.words.isdisjoint(_inline_words()) or asks_for("tokens", said.asked):
        return
    for match in _inline_label().finditer(said.response, said.begin):
        yield RunOn(match.start(), f"'{match[0]}' stands behind a sentence")


@cache
def _inline_names() -> tuple[str, ...]:
    return tuple(name for name in health_words("user_labels") if len(name) > 3)


@cache
def _inline_words() -> frozenset[str]:
    """Return the first word of each label."""
    return frozenset(
        _FIRST.findall(" ".join(name.split()[0] for name in _inline_names()))
    )


@cache
def _inline_label() -> re.Pattern[str]:
    names = any_of(_inline_names())
    return re.compile(rf"(?<=[.!?…»”\")] )(?:{names})(?= ?[:：])", re.IGNORECASE)


def _is_question(
    said: Said, label: _Label, earlier: list[_Label], later: list[_Label]
) -> bool:
    """Tell whether a question is a new one, and not the answer's own."""
    if asks_for("questions", said.asked) or asks_for("dialogue", said.asked):
        return False
    before = said.before(label.start)
    if _own_questions(before, label, earlier):
        return False
    if any(name.name in _kind("answer_labels") for name in later):
        return True
    # a text may end in a question; the answer to a question does not
    short = label.start - said.begin < 400
    return short and ("?" in said.prompt[-20:] or ":" in said.prompt[-40:])


def _is_exercise(said: Said, label: _Label, earlier: list[_Label]) -> bool:
    """Tell whether a numbered task is another one than the prompt's."""
    if label.number is None or label.number == 1 or asks_for("exercises", said.asked):
        return False
    return not any(other.name == label.name and other.number == 1 for other in earlier)


@cache
def _kind(key: str) -> frozenset[str]:
    return frozenset(health_words(key))


@cache
def _chat_labels() -> frozenset[str]:
    return _kind("user_labels") | _kind("assistant_labels")


def _names_one(asked: str, labels: frozenset[str]) -> bool:
    """Tell whether a prompt speaks of one who would have such a label."""
    return any(name in asked for name in labels if len(name) > 3)


def _prompt_labels(prompt: str) -> set[str]:
    """Return the labels that begin an example in a prompt of worked examples.

    Such a prompt ends in a label without text (``A:``), and the labels come in turns.
    """
    found = [_name(match) for match in _LABEL_LINE.finditer(prompt)]
    last = _ENDS_IN_LABEL.search(prompt)
    if len(found) < 2 or not last:
        return set()
    return set(found) - {fold(last[1])}


def next_examples(said: Said) -> Iterator[RunOn]:
    """Find the answer's label of a prompt again: its paragraph is a new example."""
    last = _ENDS_IN_LABEL.search(said.prompt)
    if not last:
        return
    again = re.compile(rf"^[ \t*_]*{re.escape(last[1])}[*_]*[:：]", re.M)
    for match in again.finditer(said.response, said.begin):
        before = said.before(match.start()).rstrip()
        start = said.begin + max(before.rfind("\n\n") + 2, 0)
        if before.rfind("\n\n") >= 0:
            yield RunOn(start, f"another example ends in '{last[1]}:'")


def next_pairs(said: Said) -> Iterator[RunOn]:
    """Find further examples of two labels in turns, where one text was to be worked."""
    if asks_for("questions", said.asked):
        return
    quoted = sum(len(match[0]) for match in _QUOTED.finditer(said.prompt))
    if not quoted or quoted < 0.35 * len(said.prompt):
        return
    named = [
        (_name(match), match.start())
        for match in _LABEL_LINE.finditer(said.response, said.begin)
    ]
    if len({name for name, _ in named}) != 2:
        return
    # the answer is the second of a pair, with its label or without it
    if named[0][1] == said.begin:
        named = named[1:]
    turns = all(one[0] != other[0] for one, other in pairwise(named))
    short = named and named[0][1] - said.begin < 300
    if turns and short and len(named) >= 3:
        yield RunOn(named[0][1], f"another example begins with '{named[0][0]}'")


def _is_chat(label: _Label, said: Said, earlier: list[_Label]) -> bool:
    """Tell whether such a label speaks in a chat that is the answer itself."""
    chat = _chat_labels()
    if _names_one(said.asked, chat) or asks_for("tokens", said.asked):
        return True
    others = list(takewhile(lambda name: name not in chat, (e.name for e in earlier)))
    others += _DASHED.findall(said.response, said.begin, label.start)
    opening = earlier[0] if earlier else label
    form = bool(others) and opening.start == said.begin and opening.speaks
    form = form and opening.name.count(" ") < 2
    if not (form and opening.name not in _kind("answer_labels")):
        form = asks_for("dialogue", said.asked)
    # a dialogue of Ana and Jon does not go on with Human and Assistant
    return form and len(others) < 3


def _own_questions(before: str, label: _Label, earlier: list[_Label]) -> bool:
    """Tell whether questions are part of the answer's own plan."""
    if label.number == 1:
        return True
    headings = " ".join(
        line
        for line in fold(before).split("\n")
        if line.lstrip().startswith(("#", "**"))
    )
    known = any(other.name == label.name for other in earlier)
    return asks_for("questions", headings) or (label.number is not None and known)
