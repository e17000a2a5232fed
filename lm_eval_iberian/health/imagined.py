"""Finds turns that an answer imagines without any mark: thanks, a new request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import cache
from itertools import islice
from typing import Final

from lm_eval_iberian.health.words import any_of, asks_for, health_words
from lm_eval_iberian.languages import fold_spaces


# A request is short; a paragraph of an essay is not.
_REQUEST: Final = 320
_ANSWERED: Final = 2
_PARAGRAPHS: Final = 300
_PARAGRAPH: Final = re.compile(r"[^\n]+(?:\n(?![ \t]*\n)[^\n]+)*")
_ITEM: Final = re.compile(r"[ \t]*(?:[-*+•–—>|#]|\d{1,3}[.)]|[a-z][.)])\s?")
# Lovely! Could you …
_PRAISE: Final = re.compile(r"(?:[^.!?…,;:\s]{2,20}[ ,]{0,2}){1,4}[.!…]+ ")
_SENTENCE: Final = re.compile(r"[^.!?…\n]+[.!?…]+[\"”»')]*|[^.!?…\n]+")


def imagined_turns(response: str, asked: str, begin: int) -> Iterator[tuple[int, str]]:
    """Yield the places at which a user seems to speak, each with a reason.

    Nothing counts before the first paragraph's end, nor in what the prompt asks for
    (dialogues, exercises, letters with thanks).
    """
    if asks_for("dialogue", asked):
        return
    found = islice(_PARAGRAPH.finditer(response, begin), _PARAGRAPHS)
    parts = [(match.start(), match[0]) for match in found]
    for order, (start, text) in enumerate(parts[1:], 1):
        if len(text) > _REQUEST or _ITEM.match(text):
            continue
        after = parts[order + 1][1] if order + 1 < len(parts) else ""
        said = fold_spaces(text)
        if _is_same_request(said, asked):
            yield start, "the prompt is asked again in the answer"
        elif _is_thanks(said, after, asked):
            yield start, f"a user seems to speak: '{text[:40].strip()}…'"
        elif _is_request(said, parts, order, asked):
            yield start, f"a new request seems to begin: '{text[:40].strip()}…'"
    yield from _inside(parts, asked)


def _is_same_request(said: str, asked: str) -> bool:
    """Tell whether a paragraph is the prompt, or its last paragraph, again."""
    last = asked.strip().rsplit("\n", 1)[-1].strip()
    for form in (asked.strip(), last):
        if 15 <= len(form) <= 2 * _REQUEST and abs(len(form) - len(said)) < 0.3 * len(form):
            matcher = SequenceMatcher(None, form, said, autojunk=False)
            if matcher.quick_ratio() > 0.9 and matcher.ratio() > 0.9:
                return True
    return False


def _is_thanks(said: str, after: str, asked: str) -> bool:
    """Tell whether a user thanks and asks on, or is thanked in return."""
    reply = _begins(fold_spaces(after[:400]), "replies")
    user = _begins(said, "thanks") or _begins(said, "follow_ups")
    if asks_for("letter", asked):
        return user and reply
    if after and said.endswith("?") and _PRAISE.match(said) and _begins(_PRAISE.sub("", said, count=1), "asks_you"):
        return True
    if asks_for("story", asked):
        return user and reply
    if reply and said.endswith("?") and len(_SENTENCE.findall(said)) > 1:
        return True
    if not user:
        return False
    asks = "?" in said or ";" in said or _has_task(said)
    return (asks and bool(after)) or (reply and not said.endswith(":"))


def _has_task(said: str) -> bool:
    """Tell whether a later sentence of a paragraph asks for something."""
    sentences = re.split(r"(?<=[.!?…,;])\s+", said)
    return any(_begins(sentence, "task_verbs") for sentence in sentences[1:])


def _is_request(
    said: str, parts: list[tuple[int, str]], order: int, asked: str
) -> bool:
    """Tell whether a paragraph is a request of the prompt's kind, then answered."""
    if asks_for("exercises", asked) or asks_for("questions", asked):
        return False
    if order + 1 >= len(parts) or not _begins(said, "task_verbs"):
        return False
    # an imperative or a question of its own line, as the prompt is one
    if "\n" in parts[order][1].strip() or said.endswith((",", ";")):
        return False
    asking = said.endswith("?")
    first = _first(asked)
    alike = bool(first) and said.startswith(first)
    if asking != asked.strip().endswith("?") and not alike:
        return False
    if asking and not alike and not _begins(asked.strip(), "task_verbs"):
        return False
    if not asking and not alike:
        return False
    # several in a row are steps, or a list of questions
    near = [parts[i][1] for i in (order - 1, order + 1) if 0 < i < len(parts)]
    if any(_looks_like(other, said) for other in near):
        return False
    answer = parts[order + 1][1]
    return not answer.rstrip().endswith("?") and len(answer) >= _ANSWERED


def _looks_like(other: str, said: str) -> bool:
    text = fold_spaces(other)
    return len(text) <= _REQUEST and text.endswith("?") == said.endswith("?") and _begins(text, "task_verbs")


def _first(asked: str) -> str:
    """Return the first word of a prompt, if it asks for something with it."""
    match = _pattern("task_verbs").match(asked.strip().lstrip("¿¡\"'“«"))
    return match[0] if match else ""


def _inside(parts: list[tuple[int, str]], asked: str) -> Iterator[tuple[int, str]]:
    """Find thanks with a question that follow within a paragraph."""
    if asks_for("letter", asked) or asks_for("story", asked):
        return
    for start, text in parts:
        sentences = [
            (match.start(), fold_spaces(match[0])) for match in _SENTENCE.finditer(text)
        ]
        for order, (place, said) in enumerate(sentences[1:-1], 1):
            following = sentences[order + 1][1]
            if _begins(said, "thanks", short=True) and "?" in following and order + 2 < len(sentences):
                yield start + place, f"a user seems to speak: '{said[:40]}'"
                return


def _begins(said: str, key: str, *, short: bool = False) -> bool:
    """Tell whether a text begins with one of some words."""
    match = _pattern(key).match(said.lstrip("¿¡\"'“«*_ "))
    return bool(match) and not (short and len(said) > 60)


@cache
def _pattern(key: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{any_of(health_words(key))})(?:(?<=[^\w])|(?![^\W_]))")
