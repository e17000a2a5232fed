"""Finds the next task that an answer sets itself: "Now write …", "4) Calculate …"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Final

from lm_eval_iberian.health.said import REQUEST, RunOn, Said
from lm_eval_iberian.health.words import (
    any_of,
    asks_for,
    beginning,
    begins,
    health_words,
)
from lm_eval_iberian.languages import fold_spaces


_LINES: Final = 300
_WORD: Final = re.compile(r"[^\W\d_]{4,}")
_ITEM: Final = re.compile(r"[ \t]*(?:[-*+•–—>|#«“\"]|\d{1,3}[.)]|[a-z][.)])\s?")
# what a line may end in where the prompt ends so
_ENDS: Final = {".": ".:»”\"'", "'": "'.", "»": "».", '"': '".', "?": "?"}
# 3) Calculate … · b. Explain …
_NUMBERED: Final = re.compile(
    r"^[ ]{0,3}[(*]{0,3}(?:(?P<n>\d{1,3})|(?P<letter>[a-z]))[.)][)*.-]{0,3}[ ]+"
    r"(?P<rest>\S[^\n]*)",
    re.M,
)
_OF_ITSELF: Final = 4
# A request without a verb, and the answer before it.
_SHORT: Final = 60
_ANSWER: Final = 200
_PRAISE: Final = re.compile(r"\A(?:[^.!?…,;:\s]{2,20}[ ,]{0,2}){1,4}[.!…]+ ")
# In such texts somebody may say "now write".
_TEXTS: Final = ("letter", "story", "verse", "exercises")


def next_tasks(said: Said) -> Iterator[RunOn]:
    """Yield the places at which the next task begins, the first one first.

    Steps of a guide, lists and sheets of exercises that the prompt asks for are none.
    """
    if asks_for("dialogue", said.asked):
        return
    found = [
        *_now_requests(said),
        *_next_numbers(said),
    ]
    yield from (RunOn(start, reason) for start, reason in sorted(found))


def _now_requests(said: Said) -> Iterator[tuple[int, str]]:
    """Find a paragraph that asks for more, and its answer: ``Now write …``."""
    for order, part in enumerate(said.parts[1:], 1):
        if len(part.text) > REQUEST or _ITEM.match(part.text):
            continue
        # Very funny. Now write …
        plain = _PRAISE.sub("", part.said)
        now, later = _now().match(plain), _next().match(plain)
        opening = now or later
        if not opening and plain == part.said:
            continue
        request = plain[opening.end() :] if opening else plain
        if _is_asked_now(said, order, request, now=bool(now)):
            yield part.start, f"a new request begins: '{part.text[:40].strip()}…'"


def _is_asked_now(said: Said, order: int, request: str, *, now: bool) -> bool:
    """Tell whether a paragraph behind its "now" or "then" is a request of a user."""
    asked, parts, part = said.asked, said.parts, said.parts[order]
    text = any(asks_for(kind, asked) for kind in _TEXTS)
    verb = _first_word(asked)
    last = request.rstrip(".!:? ")
    same = bool(verb) and (request.startswith(verb) or last.endswith(verb))
    asks = begins(request, "imperatives") or bool(_verb_last().search(f" {last}"))
    shared = _shares(request, asked, verb)
    # And now three birds.
    if now and len(part.said) <= _SHORT and part.start - said.begin < _ANSWER:
        asks = asks or (shared and not text)
    after = parts[order + 1 : order + 2]
    if part.said.endswith((",", ";")) or not asks or (not after and not same):
        return False
    # a guide goes from step to step: first this, now that, then …
    around = (parts[order - 1], *after)
    if any(_now().match(other.said) or _next().match(other.said) for other in around):
        return False
    praised = not part.said.startswith(request) and not now
    return (same and (praised or shared or not text)) or (now and not text)


def _shares(request: str, asked: str, verb: str) -> bool:
    """Tell whether a request speaks of what the prompt does."""
    words = {word for word in _WORD.findall(request) if word != verb}
    return bool(words & set(_WORD.findall(asked[-REQUEST:])))


@cache
def _now() -> re.Pattern[str]:
    return re.compile(rf"[¡¿]?(?:{any_of(health_words('now'))})[,:]?\s+")


@cache
def _next() -> re.Pattern[str]:
    return re.compile(rf"[¡¿]?(?:{any_of(health_words('next_words'))})[,:]?\s+")


@cache
def _verb_last() -> re.Pattern[str]:
    return re.compile(rf"\s(?:{any_of(health_words('verbs_last'))})\Z")


def _first_word(asked: str) -> str:
    """Return the first word of a prompt, if it asks for something with it."""
    plain = asked.strip().lstrip("¿¡\"'“«*_# ")
    match = beginning("imperatives").match(plain)
    return match[0] if match else ""


def _next_numbers(said: Said) -> Iterator[tuple[int, str]]:
    """Find the task with the next number: the prompt is ``3) …``, a line ``4) …``."""
    own = _NUMBERED.match(said.prompt.strip())
    first = fold_spaces(own["rest"] if own else said.prompt.strip()[:REQUEST])
    words = first.lstrip("¿¡\"'“«*_ ").split()
    if not words or (not own and not begins(first, "task_verbs", "imperatives")):
        return
    earlier: set[str] = set()
    for order, match in enumerate(islice(_NUMBERED.finditer(said.response), _LINES)):
        name = match["n"] or match["letter"]
        rest = fold_spaces(match["rest"][:REQUEST])
        plain = rest.lstrip("¿¡\"'“«*_ ")
        if match.start() > said.begin and (
            _is_next(own, match, said, earlier, rest)
            if own
            else order == 0
            and bool(match["n"])
            and int(match["n"]) > 1
            and plain.startswith(words[0])
            and rest.endswith((".", "?", ":", "!", "'", '"', "»"))
        ):
            yield match.start(), f"the next task begins: '{match[0].strip()[:40]}'"
            return
        earlier.add(name)


def _is_next(
    own: re.Match[str],
    match: re.Match[str],
    said: Said,
    earlier: set[str],
    rest: str,
) -> bool:
    """Tell whether a numbered line is the task behind the prompt's."""
    if own["n"]:
        following = str(int(own["n"]) + 1)
        name = match["n"]
    else:
        following = chr(ord(own["letter"]) + 1)
        name = match["letter"]
    asks = rest.endswith("?") or begins(rest, "task_verbs", "imperatives")
    # a prompt of several tasks; an answer that numbers its own parts
    several = len(_NUMBERED.findall(said.prompt)) > 1
    own_name = own["n"] or own["letter"]
    return name == following and asks and not several and own_name not in earlier
