"""Finds the tail of a web page behind an answer: share buttons, comments, cookies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Final

from lm_eval_iberian.health.said import RunOn, Said
from lm_eval_iberian.health.words import any_of, asks_for, health_words


# The lines of buttons and menus are short, those of notices are not.
_BUTTON: Final = 90
_NOTICE: Final = 320
# So far apart two of them belong together, in characters.
_NEAR: Final = 600
# What stands before is an answer.
_ANSWER: Final = 10
_WORD: Final = re.compile(r"\w+")
_LINE: Final = re.compile(r"[^\n]+")
_BEGIN: Final = re.compile(r"[\W\d_]*")
_COPYRIGHT: Final = re.compile(r"[*_ ]*(?:©|copyright\b|\(c\) ?\d{4})")
_NETWORK: Final = re.compile(
    r"\b(?:facebook|twitter|whatsapp|telegram|pinterest|linkedin|reddit|tumblr)\b"
)


def page_tails(said: Said) -> Iterator[RunOn]:
    """Find the first line of a page's tail.

    One notice that no answer has (``Your email address will not be published``), or
    two short lines of menus near each other. None where a page is asked for, nor
    what the prompt itself names.
    """
    if asks_for("page", said.asked) or asks_for("dialogue", said.asked):
        return
    text = said.folded
    if len(text) != len(said.response):
        return
    signs = [
        text.find(sign, said.begin + _ANSWER)
        for word in _signs().keys() & said.words
        for sign in _signs()[word]
        if sign not in said.asked
    ]
    notices = {_line_start(text, place) for place in signs if place >= 0}
    buttons = [place for place in _buttons(said, text) if place not in notices]
    # a notice may stand below the menus
    near = sorted({*buttons, *notices})
    for place, following in pairwise([*near, len(text) + 2 * _NEAR]):
        # a speech may end in a call to share; a notice is a notice
        together = following - place < _NEAR
        if (together or place in notices) and said.before(place).strip():
            yield RunOn(place, f"a web page goes on: '{_line(said, place)[:40]}'")
            return


def _buttons(said: Said, text: str) -> Iterator[int]:
    for match in _LINE.finditer(text, said.begin):
        if len(match[0]) > _BUTTON or match.start() < said.begin + _ANSWER:
            continue
        plain = match[0][_BEGIN.match(match[0]).end() :]  # type: ignore[union-attr]
        named = _named().match(plain)
        if (
            (named and named[0].strip() not in said.asked and _is_short(plain, named))
            or _COPYRIGHT.match(match[0])
            or len(set(_NETWORK.findall(match[0]))) >= 2
        ):
            yield match.start()


def _is_short(line: str, named: re.Match[str]) -> bool:
    """Tell whether a line is a button and not a sentence."""
    rest = line[named.end() :].strip()
    if _NETWORK.search(rest):
        return True
    colon = named[0].endswith(":") or rest.startswith((":", "("))
    return (colon or len(rest) < 40) and not rest.endswith((".", "!", "?", ";", ","))


@cache
def _signs() -> dict[str, list[str]]:
    """Return the notices by a word of theirs, which is soon looked up."""
    signs: dict[str, list[str]] = {}
    for sign in health_words("page_signs"):
        # the last word may be the beginning of one
        longest = max(_WORD.findall(sign)[:-1], key=len)
        signs.setdefault(longest, []).append(sign)
    return signs


@cache
def _named() -> re.Pattern[str]:
    return re.compile(rf"(?:{any_of(health_words('page_lines'))})(?:(?<=:)|(?![^\W_]))")


def _line_start(text: str, place: int) -> int:
    return text.rfind("\n", 0, place) + 1


def _line(said: Said, place: int) -> str:
    return said.response[place : place + _NOTICE].split("\n")[0].strip()
