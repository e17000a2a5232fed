"""Finds the place where an answer goes on past its turn."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from heapq import merge
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Final

from lm_eval_iberian.health.imagined import imagined_turns
from lm_eval_iberian.health.words import any_of, asks_for, health_words
from lm_eval_iberian.languages import fold
from lm_eval_iberian.toml import read_toml


@dataclass(frozen=True)
class RunOn:
    """Where an answer goes on past its turn, and why it is thought so.

    Attributes:
        start: The place in the answer at which the other turn begins.
        reason: One readable clause.
    """

    start: int
    reason: str


# An answer that is longer than that went wrong before.
_READ: Final = 60_000
_ASKED: Final = 20_000
_FENCE: Final = re.compile(r"^[ \t]{0,8}(`{3,20}|~{3,20})", re.M)
_INLINE: Final = re.compile(r"`[^`\n]{1,200}`")
_OPENING: Final = "\"'“‘«`(["
# a word of a list stands between other single words
_LIST_WORD: Final = re.compile(r"[-*•\d.)\s]*[\w'’-]+[,;.]?")
_DASHED: Final = re.compile(r"^[ ]?[—–-] ?\S", re.M)
# Galdera: · **Question 5:** · Exercicio 2. · 2. ariketa:
_LABEL_LINE: Final = re.compile(
    r"^(?P<signs>[ ]?[>*_#]{0,6}[ ]?)(?:(?P<before>[^\W\d_][\w' ’]{0,30}?)"
    r"(?:[*_]{0,3}[ ]?[:：]|[ ]?(?P<n>\d{1,3})[*_]{0,3}[ ]?[:.)：])"
    r"|(?P<m>\d{1,3})\. ?(?P<behind>[^\W\d_]{4,14})[*_]{0,3}[ ]?[:.]"
    r"|(?P<headed>(?<=[#*] )[^\W\d_]{4,14}|(?<=[#*])[^\W\d_]{4,14}) (?P<h>\d{1,3})[*_]*$)",
    re.M,
)
# more labels than that are a form of their own
_LABELS: Final = 400


def find_run_on(
    response: str, prompt: str = "", markers: tuple[str, ...] = ()
) -> RunOn | None:
    """Return where an answer runs on into another turn, or None.

    Args:
        response: The answer, without the model's thoughts.
        prompt: What it answers. Dialogues, lists of questions, exercises and chat
            marks that it asks for are none of another turn.
        markers: Turn marks of the model's own template, besides the common ones.

    The cost is bounded: the first 60,000 characters are looked at.
    """
    response, prompt = response[:_READ], prompt[-_ASKED:]
    begin = _skip_leading(response, markers)
    hidden = _hidden(response)
    finders = (
        _tokens_as_text,
        _roles,
        _labels,
        _inline,
        _headings,
        _examples,
        _pairs,
        _imagined,
    )
    said = _Said(response, prompt, fold(prompt), begin, markers)
    firsts = [
        next((found for found in find(said) if not _is_in(found.start, hidden)), None)
        for find in finders
    ]
    found = [first for first in firsts if first is not None]
    return min(found, key=lambda first: first.start, default=None)


@dataclass(frozen=True)
class _Said:
    """An answer, its prompt (as it is, and folded), and where the answer begins."""

    response: str
    prompt: str
    asked: str
    begin: int
    markers: tuple[str, ...]


def _skip_leading(response: str, markers: tuple[str, ...]) -> int:
    """Return where the answer begins behind marks of its own turn."""
    tokens = _tokens(markers)
    place = 0
    while True:
        rest = response[place : place + 400]
        skipped = len(rest) - len(rest.lstrip())
        match = tokens.match(rest, skipped) or _ROLE_LINE.match(rest, skipped)
        if not match:
            return place + skipped
        place += match.end()


def _hidden(response: str) -> list[tuple[int, int]]:
    """Return the closed code blocks and the code in lines: mentions, no marks."""
    spans = [match.span() for match in _INLINE.finditer(response)]
    opened: tuple[int, str] | None = None
    for match in _FENCE.finditer(response):
        if opened is None:
            opened = match.start(), match[1]
        elif match[1].startswith(opened[1]):
            spans.append((opened[0], match.end()))
            opened = None
    return spans


def _is_in(place: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= place < end for start, end in spans)


@cache
def _marks(key: str) -> tuple[str, ...]:
    found: list[str] = read_toml(Path(__file__).with_name("markers.toml"))[key]
    return tuple(sorted(found, key=len, reverse=True))


@cache
def _tokens(markers: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(any_of((*markers, *_marks("turns"), *_marks("ends"))))


_ROLE: Final = any_of(_marks("roles"))
_ROLE_LINE: Final = re.compile(rf"^[ \t]*(?:{_ROLE})[ \t]*(?:\n|\Z)", re.M)
# glued to the end of a sentence, and the one that no word ends in to any word
_GLUED: Final = re.compile(
    rf"(?<=[^\s\w\-/_'’@#<(\[«“`])(?:(?:{_ROLE})[ \t]*(?=\n|\Z)|(?:assistant){{2}})"
    r"|(?<=[.!?…)»”\"])assistant(?=[A-ZÁÉÍÓÚÀÈÒ¿¡])"
    r"|(?<=[^\W_])assistant(?=[ \t]*\n|\Z)|(?<=[.!?…]\s)assistant(?=[ \t]*\n|\Z)"
)


def _tokens_as_text(said: _Said) -> Iterator[RunOn]:
    """Find the tokens of chat templates, written out as text."""
    ends = set(_marks("ends"))
    tokens = _tokens(said.markers)
    for match in tokens.finditer(said.response, said.begin):
        if match[0] in said.prompt or _is_mention(said, match):
            continue
        rest = tokens.sub("", said.response[match.end() : match.end() + 400]).strip()
        if match[0] in ends and not rest:
            continue
        yield RunOn(match.start(), f"'{match[0]}' stands in the answer as text")


def _is_mention(said: _Said, match: re.Match[str]) -> bool:
    """Tell whether a token is spoken of: quoted, or in a line about tokens."""
    start = match.start()
    if said.response[max(0, start - 1) : start] in tuple(_OPENING):
        return True
    if not asks_for("tokens", said.asked):
        return False
    line = said.response[said.response.rfind("\n", 0, start) + 1 : start]
    return line.endswith(" ") or line.startswith("    ") or "|>" in line


def _roles(said: _Said) -> Iterator[RunOn]:
    """Find role names that stand alone: marks whose special tokens were skipped."""
    glued = (
        (match.start(), f"'{match[0].strip()[:9]}' is glued to a sentence")
        for match in _GLUED.finditer(said.response, said.begin)
    )
    alone = (
        (match.start(), f"a line is nothing but '{match[0].strip()}'")
        for match in _ROLE_LINE.finditer(said.response, said.begin)
        if not _in_list(said.response, match)
    )
    about = asks_for("tokens", said.asked)
    for start, reason in merge(glued, alone):
        if start > said.begin and not (about and said.response[start - 1] == ">"):
            yield RunOn(start, reason)


def _in_list(response: str, match: re.Match[str]) -> bool:
    """Tell whether the lines around are single words too."""
    before = response[: match.start()].rstrip(" \t\n")
    last = before[before.rfind("\n") + 1 :]
    after = response[match.end() : match.end() + 200].split("\n")[0]
    return bool(_LIST_WORD.fullmatch(last.strip()) and len(last) < 30) or bool(
        after.strip() and _LIST_WORD.fullmatch(after.strip()) and not last.strip().endswith(".")
    )


def _labels(said: _Said) -> Iterator[RunOn]:
    """Find the labels of turns at the beginning of lines: ``User:``, ``Galdera 2:``."""
    named = [
        _Label(
            _name(match), _number(match), match.start(), _has_text(said, match.end())
        )
        for match in _LABEL_LINE.finditer(said.response, said.begin)
    ]
    examples = _prompt_labels(said.prompt)
    chat = _kind("user_labels") | _kind("assistant_labels")
    for order, label in enumerate(named[:_LABELS]):
        earlier, later = named[:order], named[order + 1 :]
        if not said.response[said.begin : label.start].strip():
            continue
        if label.name in examples:
            yield RunOn(label.start, f"the prompt's own label '{label.name}' begins anew")
        elif label.name in chat and not _is_chat(label, said, earlier):
            yield RunOn(label.start, f"a line begins with '{label.name}:'")
        elif label.name in _kind("question_labels") and _is_question(
            said, label, earlier, later
        ):
            yield RunOn(label.start, f"a new question begins with '{label.name}'")
        elif label.name in _kind("exercise_labels") and _is_exercise(
            said, label, earlier
        ):
            yield RunOn(label.start, f"a new task begins with '{label.name}'")
        elif label.name in _kind("instruction_labels") and not _wants_pairs(said.asked):
            if any(name.name in _kind("answer_labels") for name in later):
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


def _has_text(said: _Said, place: int) -> bool:
    """Tell whether a label's line goes on."""
    return bool(said.response[place : place + 40].split("\n")[0].strip("*_ "))


def _number(match: re.Match[str]) -> int | None:
    number = match["n"] or match["m"] or match["h"]
    return int(number) if number else None


def _inline(said: _Said) -> Iterator[RunOn]:
    """Find the labels of a chat behind a sentence: ``… km. USER: And …``."""
    if asks_for("dialogue", said.asked) or any(
        name in said.asked for name in _kind("user_labels") if len(name) > 3
    ):
        return
    for match in _inline_label().finditer(said.response, said.begin):
        yield RunOn(match.start(), f"'{match[0]}' stands behind a sentence")


@cache
def _inline_label() -> re.Pattern[str]:
    names = any_of(tuple(n for n in health_words("user_labels") if len(n) > 3))
    return re.compile(rf"(?<=[.!?…»”\")] )(?:{names})(?= ?[:：])", re.IGNORECASE)


def _is_question(
    said: _Said, label: _Label, earlier: list[_Label], later: list[_Label]
) -> bool:
    """Tell whether a question is a new one, and not the answer's own."""
    if asks_for("questions", said.asked) or asks_for("dialogue", said.asked):
        return False
    before = said.response[said.begin : label.start]
    if _own_questions(before, label, earlier):
        return False
    if any(name.name in _kind("answer_labels") for name in later):
        return True
    # a text may end in a question; the answer to a question does not
    short = label.start - said.begin < 400
    return short and ("?" in said.prompt[-20:] or ":" in said.prompt[-40:])


def _is_exercise(said: _Said, label: _Label, earlier: list[_Label]) -> bool:
    """Tell whether a numbered task is another one than the prompt's."""
    if label.number is None or label.number == 1 or asks_for("exercises", said.asked):
        return False
    return not any(
        other.name == label.name and other.number == 1 for other in earlier
    )


@cache
def _kind(key: str) -> frozenset[str]:
    return frozenset(health_words(key))


def _prompt_labels(prompt: str) -> set[str]:
    """Return the labels that begin an example in a prompt of worked examples.

    Such a prompt ends in a label without text (``A:``), and the labels come in turns.
    """
    found = [_name(match) for match in _LABEL_LINE.finditer(prompt)]
    last = _ENDS_IN_LABEL.search(prompt)
    if len(found) < 2 or not last:
        return set()
    return set(found) - {fold(last[1])}


_ENDS_IN_LABEL: Final = re.compile(
    r"(?:^|[\n.,;?!|])[ \t*_]*([^\W\d_][\w' ’]{0,30})[*_]*[:：][*_\s]*\Z"
)


def _examples(said: _Said) -> Iterator[RunOn]:
    """Find the answer's label of a prompt again: its paragraph is a new example."""
    last = _ENDS_IN_LABEL.search(said.prompt)
    if not last:
        return
    again = re.compile(rf"^[ \t*_]*{re.escape(last[1])}[*_]*[:：]", re.M)
    for match in again.finditer(said.response, said.begin):
        before = said.response[said.begin : match.start()].rstrip()
        start = said.begin + max(before.rfind("\n\n") + 2, 0)
        if before.rfind("\n\n") >= 0:
            yield RunOn(start, f"another example ends in '{last[1]}:'")


def _pairs(said: _Said) -> Iterator[RunOn]:
    """Find further examples of two labels in turns, where one text was to be worked."""
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


_QUOTED: Final = re.compile(r"«[^»]+»|“[^”]+”|\"[^\"]+\"|(?<!\w)'[^']+'")


def _is_chat(label: _Label, said: _Said, earlier: list[_Label]) -> bool:
    """Tell whether such a label speaks in a chat that is the answer itself."""
    chat = _kind("user_labels") | _kind("assistant_labels")
    if any(name in said.asked for name in chat if len(name) > 3):
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


def _wants_pairs(asked: str) -> bool:
    """Tell whether a prompt asks for data to train on."""
    return "alpaca" in asked or "instruc" in asked or "jarraibide" in asked


def _headings(said: _Said) -> Iterator[RunOn]:
    """Find the headings of instruction templates: ``### Instruction:``."""
    if _wants_pairs(said.asked) and "### " not in said.prompt:
        return
    for match in _heading_line().finditer(said.response, said.begin):
        if said.response[said.begin : match.start()].strip():
            yield RunOn(match.start(), f"'{match[0].strip()}' begins another turn")


@cache
def _heading_line() -> re.Pattern[str]:
    names = any_of(_marks("headings"))
    return re.compile(rf"(?:^[ \t]*|```)#{{2,5}} ?({names})(?: ?\d+)? ?:?[ \t]*$|^[ \t]*#{{2,5}} ?({names}) ?:", re.M)


def _imagined(said: _Said) -> Iterator[RunOn]:
    for start, reason in sorted(
        imagined_turns(said.response, said.asked, said.begin)
    ):
        yield RunOn(start, reason)
