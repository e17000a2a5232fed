"""Finds turns that an answer imagines without any mark: thanks, a new request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from lm_eval_iberian.health.said import CLOSING, REQUEST, SENTENCE, Part, RunOn, Said
from lm_eval_iberian.health.words import (
    any_of,
    asks_for,
    beginning,
    begins,
    health_words,
    shared_words,
)
from lm_eval_iberian.languages import fold_spaces


# A prompt that is asked again word for word, or nearly.
_SAME: Final = 0.85
_ITEM: Final = re.compile(r"[ \t]*(?:[-*+•–—>|#]|\d{1,3}[.)]|[a-z][.)])\s?")
_LISTED: Final = re.compile(r"[ \t]*(?:[-*+•–—]|\d{1,3}[.)])[ \t]")
_WORD: Final = re.compile(r"\w+")
# what may stand before the prompt that was to be repeated, and what it shares with it
_PREAMBLE: Final = 400
_REPEATED: Final = 0.9
# Lovely! Could you …
_PRAISE: Final = re.compile(r"(?:[^.!?…,;:\s]{2,20}[ ,]{0,2}){1,4}[.!…]+ ")
_AFTER: Final = re.compile(r"(?<=[.!?…,;])\s+")


def imagined_turns(said: Said) -> Iterator[RunOn]:
    """Yield the places at which a user seems to speak, the first one first.

    Nothing counts before the first paragraph's end, nor in what the prompt asks for
    (dialogues, exercises, letters with thanks).
    """
    if not asks_for("dialogue", said.asked):
        found = _imagined(said.parts, said.asked)
        yield from (RunOn(start, reason) for start, reason in sorted(found))


def _imagined(parts: list[Part], asked: str) -> Iterator[tuple[int, str]]:
    yield from _unasked_questions(parts, asked)
    for before, part, after in zip(parts, parts[1:], [*parts[2:], None], strict=False):
        if len(part.text) > REQUEST or _ITEM.match(part.text):
            continue
        said = part.said
        if part.start - parts[0].start < _PREAMBLE and _is_repeated(said, asked):
            continue
        if shared_words(asked.strip()[-REQUEST:], said) > _SAME and len(said) >= 15:
            yield part.start, "the prompt is asked again in the answer"
        elif after and _is_user(before.said, said, after.said, asked):
            yield part.start, f"a user seems to speak: '{part.text[:40].strip()}…'"
        elif after and _is_request(before.said, said, after.said, asked):
            yield part.start, f"a new request begins: '{part.text[:40].strip()}…'"
    yield from _inside(parts, asked)


def _unasked_questions(parts: list[Part], asked: str) -> Iterator[tuple[int, str]]:
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


def _is_user(before: str, said: str, after: str, asked: str) -> bool:
    """Tell whether a user thanks, complains, agrees or asks on, and is answered."""
    reply = begins(after[:400], "replies")
    user = begins(said, "thanks", "follow_ups")
    asks = said.endswith("?")
    if begins(said, "complaints") and begins(after, "apologies"):
        return True
    # who offers help is no user, though a letter thanks before it
    if any(begins(part.strip(), "offers") for part in SENTENCE.findall(said)):
        return False
    if asks_for("letter", asked):
        return user and reply
    praised = _PRAISE.sub("", said, count=1) if _PRAISE.match(said) else said
    if asks and praised != said and begins(praised, "asks_you", "follow_ups"):
        return True
    if begins(after, "apologies") or begins(said, "complaints"):
        return True
    if not said.startswith(("—", "–", '"', "«")):
        if reply and asks and len(SENTENCE.findall(said)) > 1:
            return True
        if len(said) < 140 and said.rstrip(" .!😊🙏").endswith(health_words("please")):
            return True
    offer = [sentence.strip() for sentence in SENTENCE.findall(before)][-1:]
    if offer and begins(offer[0], "offers") and begins(said, "yes"):
        return True
    if asks_for("story", asked) or asks_for("verse", asked):
        return user and reply and (asks or _has_task(said))
    if asks and len(said) < 80 and begins(said, "and"):
        return True
    if asks and "!" in said[: -len(praised)] and begins(praised, "and"):
        return True
    if not user:
        return False
    if said.endswith(CLOSING) and asked.rstrip(" .").endswith(CLOSING):
        return True
    return asks or "?" in said or _has_task(said) or (reply and not said.endswith(":"))


@cache
def _and_now() -> re.Pattern[str]:
    """Return the pattern of what may stand before a request: and now, then, also."""
    words = any_of((*health_words("now"), *health_words("next_words")))
    return re.compile(rf"\A(?:{words})[,:]?\s+(?:(?:{words})[,:]?\s+)?")


def _has_task(said: str) -> bool:
    """Tell whether a later sentence of a paragraph asks for something."""
    sentences = _AFTER.split(said)
    plain = [_and_now().sub("", sentence) for sentence in sentences[1:]]
    return any(
        begins(said, "task_verbs") and not begins(said, "offers")
        for said in (*sentences[1:], *plain)
    )


def _is_request(before: str, said: str, after: str, asked: str) -> bool:
    """Tell whether a paragraph is a request of the prompt's kind, then answered."""
    if asks_for("exercises", asked) or asks_for("questions", asked):
        return False
    if not begins(said, "task_verbs") or said.endswith((",", ";")):
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
        len(other) <= REQUEST
        and other.endswith("?") == said.endswith("?")
        and begins(other, "task_verbs")
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

    It is an offer, a list of what may be meant, or begins with perhaps.
    """
    listed = bool(_LISTED.match(after)) and "?" in after[:80]
    return listed or begins(after, "offers", "musings")


def _first(asked: str) -> str:
    """Return the first word of a prompt, if it asks for something with it."""
    match = beginning("task_verbs").match(asked.strip().lstrip("¿¡\"'“«"))
    return match[0] if match else ""


def _inside(parts: list[Part], asked: str) -> Iterator[tuple[int, str]]:
    """Find thanks with a question that follow within a paragraph."""
    if asks_for("letter", asked) or asks_for("story", asked):
        return
    for part in parts:
        if "?" not in part.said:
            continue
        sentences = [
            (match.start(), fold_spaces(match[0]))
            for match in SENTENCE.finditer(part.text)
        ]
        for order, (place, said) in enumerate(sentences[1:-1], 1):
            following = sentences[order + 1][1]
            if (
                len(said) <= 60
                and begins(said, "thanks")
                and "?" in following
                and order + 2 < len(sentences)
            ):
                yield part.start + place, f"a user seems to speak: '{said[:40]}'"
                return
