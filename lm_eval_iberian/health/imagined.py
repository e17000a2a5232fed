"""Finds turns that an answer imagines without any mark: thanks, a new request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Final

from lm_eval_iberian.health.said import RunOn, Said
from lm_eval_iberian.health.words import (
    any_of,
    asks_for,
    health_words,
    shared_words,
)
from lm_eval_iberian.languages import fold_spaces


# A request is short; a paragraph of an essay is not.
_REQUEST: Final = 320
# A prompt that is asked again word for word, or nearly.
_SAME: Final = 0.85
_PARAGRAPHS: Final = 300
_PARAGRAPH: Final = re.compile(r"[^\n]+(?:\n(?![ \t]*\n)[^\n]+)*")
_ITEM: Final = re.compile(r"[ \t]*(?:[-*+•–—>|#]|\d{1,3}[.)]|[a-z][.)])\s?")
_LISTED: Final = re.compile(r"[ \t]*(?:[-*+•–—]|\d{1,3}[.)])[ \t]")
_WORD: Final = re.compile(r"\w+")
# what may stand before the prompt that was to be repeated, and what it shares with it
_PREAMBLE: Final = 400
_REPEATED: Final = 0.9
_LINE: Final = re.compile(r"[^\n]+")
_CLOSING: Final = ("»", "”", '"', "'", "’")
_OPENED: Final = re.compile(r"\s*[«“\"'‘]")
# what a line may end in where the prompt ends so
_ENDS: Final = {".": ".:»”\"'", "'": "'.", "»": "».", '"': '".', "?": "?"}
# Lovely! Could you …
_PRAISE: Final = re.compile(r"(?:[^.!?…,;:\s]{2,20}[ ,]{0,2}){1,4}[.!…]+ ")
_SENTENCE: Final = re.compile(r"[^.!?…\n]+[.!?…]+[\"”»')]*|[^.!?…\n]+")


def imagined_turns(said: Said) -> Iterator[RunOn]:
    """Yield the places at which a user seems to speak, the first one first.

    Nothing counts before the first paragraph's end, nor in what the prompt asks for
    (dialogues, exercises, letters with thanks).
    """
    if not asks_for("dialogue", said.asked):
        found = _imagined(said.response, said.asked, said.begin)
        yield from (RunOn(start, reason) for start, reason in sorted(found))


def _imagined(response: str, asked: str, begin: int) -> Iterator[tuple[int, str]]:
    found = islice(_PARAGRAPH.finditer(response, begin), _PARAGRAPHS)
    parts = [_Part(match.start(), match[0], fold_spaces(match[0])) for match in found]
    yield from _same_form(response, asked, begin)
    yield from _unasked_questions(parts, asked)
    yield from _next_texts(parts, asked)
    for before, part, after in zip(parts, parts[1:], [*parts[2:], None], strict=False):
        if len(part.text) > _REQUEST or _ITEM.match(part.text):
            continue
        said = part.said
        if part.start - begin < _PREAMBLE and _is_repeated(said, asked):
            continue
        if shared_words(asked.strip()[-_REQUEST:], said) > _SAME and len(said) >= 15:
            yield part.start, "the prompt is asked again in the answer"
        elif after and _is_user(before.said, said, after.said, asked):
            yield part.start, f"a user seems to speak: '{part.text[:40].strip()}…'"
        elif after and _is_request(before.said, said, after.said, asked):
            yield part.start, f"a new request begins: '{part.text[:40].strip()}…'"
    yield from _inside(parts, asked)


@dataclass(frozen=True)
class _Part:
    """A paragraph: its place, as it is, and folded."""

    start: int
    text: str
    said: str


def _same_form(response: str, asked: str, begin: int) -> Iterator[tuple[int, str]]:
    """Find a line that begins as the prompt does: ``Translate to French: …``."""
    if asks_for("exercises", asked) or asks_for("questions", asked):
        return
    request = _SENTENCE.findall(asked.strip().rsplit("\n", 1)[-1])
    form = fold_spaces(request[-1]) if request else ""
    words = form.split()
    if len(words) < 2 or not _begins(form, "task_verbs"):
        return
    opening = " ".join(words[:2]) if len(words) > 2 else words[0]
    for match in islice(_LINE.finditer(response, begin), 1, _PARAGRAPHS):
        line = fold_spaces(match[0][:_REQUEST])
        if line.endswith("?") and not response[match.end() :].strip():
            return  # nobody answers it: the user is asked
        if (
            line.startswith(opening)
            and line[-1:] in _ENDS.get(form[-1:], form[-1:])
            and 0.4 < len(line) / len(form) < 2.5
        ):
            yield match.start(), f"a line begins as the prompt does: '{line[:40]}'"


def _unasked_questions(parts: list[_Part], asked: str) -> Iterator[tuple[int, str]]:
    """Find frequent questions that nobody asked for, behind a short answer."""
    if len(asked) > 200 or asks_for("questions", asked):
        return
    for part in parts[1:]:
        if part.start - parts[0].start > 500:
            return
        heading = fold_spaces(part.text.split("\n")[0])
        if _LISTED.match(part.text):
            continue
        if len(heading) < 60 and asks_for("faq", heading):
            yield part.start, "questions that nobody asked for follow"


def _next_texts(parts: list[_Part], asked: str) -> Iterator[tuple[int, str]]:
    """Find further texts to be worked, in quotes as the prompt's: «…», «…»."""
    if not asked.rstrip(" .").endswith(_CLOSING) or asks_for("exercises", asked):
        return
    quoted = [
        part.text.strip()[-1:] in _CLOSING and bool(_OPENED.match(part.text))
        for part in parts
    ]
    # the answer is not in quotes, the next text is, its answer is not
    if len(parts) >= 3 and not quoted[0] and quoted[1] and not quoted[2]:
        yield parts[1].start, "another text to be worked follows"


def _is_user(before: str, said: str, after: str, asked: str) -> bool:
    """Tell whether a user thanks, complains, agrees or asks on, and is answered."""
    reply = _begins(after[:400], "replies")
    user = _begins(said, "thanks", "follow_ups")
    asks = said.endswith("?")
    if _begins(said, "complaints") and _begins(after, "apologies"):
        return True
    if asks_for("letter", asked):
        return user and reply
    praised = _PRAISE.sub("", said, count=1) if _PRAISE.match(said) else said
    if asks and praised != said and _begins(praised, "asks_you", "follow_ups"):
        return True
    if _begins(after, "apologies") or _begins(said, "complaints"):
        return True
    if not said.startswith(("—", "–", '"', "«")):
        if reply and asks and len(_SENTENCE.findall(said)) > 1:
            return True
        if len(said) < 140 and said.rstrip(" .!😊🙏").endswith(health_words("please")):
            return True
    offer = [sentence.strip() for sentence in _SENTENCE.findall(before)][-1:]
    if offer and _begins(offer[0], "offers") and _begins(said, "yes"):
        return True
    if asks_for("story", asked):
        return user and reply
    if asks and len(said) < 80 and _begins(said, "and"):
        return True
    if not user:
        return False
    if said.endswith(_CLOSING) and asked.rstrip(" .").endswith(_CLOSING):
        return True
    return asks or "?" in said or _has_task(said) or (reply and not said.endswith(":"))


def _has_task(said: str) -> bool:
    """Tell whether a later sentence of a paragraph asks for something."""
    sentences = re.split(r"(?<=[.!?…,;])\s+", said)
    return any(_begins(sentence, "task_verbs") for sentence in sentences[1:])


def _is_request(before: str, said: str, after: str, asked: str) -> bool:
    """Tell whether a paragraph is a request of the prompt's kind, then answered."""
    if asks_for("exercises", asked) or asks_for("questions", asked):
        return False
    if not _begins(said, "task_verbs") or said.endswith((",", ";")):
        return False
    # an imperative or a question of its own line, as the prompt is one
    first = _first(asked)
    alike = bool(first) and said.lstrip("¿¡").startswith(first)
    if not said.endswith("?") and not alike:
        return False
    if said.endswith("?") and not alike and not asked.strip().endswith("?"):
        return False
    if said.endswith("?") and _is_asked_back(after):
        return False
    # several in a row are steps, or a list of questions
    return not any(
        len(other) <= _REQUEST
        and other.endswith("?") == said.endswith("?")
        and _begins(other, "task_verbs")
        for other in (before, after)
    )


def _is_repeated(said: str, asked: str) -> bool:
    """Tell whether a paragraph repeats the prompt, which asks for that."""
    if not asks_for("once", asked):
        return False
    words, own = set(_WORD.findall(said)), set(_WORD.findall(asked))
    return len(words & own) >= _REPEATED * len(words)


def _is_asked_back(after: str) -> bool:
    """Tell whether a question is the assistant's: what follows is no answer to it.

    It is an offer, or a list of what may be meant.
    """
    listed = bool(_LISTED.match(after)) and "?" in after[:80]
    return listed or _begins(after, "offers")


def _first(asked: str) -> str:
    """Return the first word of a prompt, if it asks for something with it."""
    match = _pattern("task_verbs").match(asked.strip().lstrip("¿¡\"'“«"))
    return match[0] if match else ""


def _inside(parts: list[_Part], asked: str) -> Iterator[tuple[int, str]]:
    """Find thanks with a question that follow within a paragraph."""
    if asks_for("letter", asked) or asks_for("story", asked):
        return
    for part in parts:
        sentences = [
            (match.start(), fold_spaces(match[0]))
            for match in _SENTENCE.finditer(part.text)
        ]
        for order, (place, said) in enumerate(sentences[1:-1], 1):
            following = sentences[order + 1][1]
            if (
                len(said) <= 60
                and _begins(said, "thanks")
                and "?" in following
                and order + 2 < len(sentences)
            ):
                yield part.start + place, f"a user seems to speak: '{said[:40]}'"
                return


def _begins(said: str, *keys: str) -> bool:
    """Tell whether a text begins with one of some words."""
    plain = said.lstrip("¿¡\"'“«*_ ")
    return any(_pattern(key).match(plain) for key in keys)


@cache
def _pattern(key: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{any_of(health_words(key))})(?:(?<=[^\w])|(?![^\W_]))")
