"""Finds another article behind an answer: a title, and what that is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from lm_eval_iberian.health.said import RunOn, Said
from lm_eval_iberian.health.words import any_of, asks_for, health_words
from lm_eval_iberian.languages import fold_spaces


_TITLE: Final = 60
_TITLE_WORDS: Final = 7
# An answer that is finished before another article begins.
_ANSWER: Final = 120
# So near its beginning an article says what its subject is.
_DEFINED: Final = 260
_WORD: Final = re.compile(r"[^\W_]+(?:['’·-][^\W_]+)*")
_PLAIN: Final = re.compile(r"[A-ZÁÉÍÓÚÀÈÒÏÜÇÑ][^\n.:;!?#*|<>{}=]{2,58}")
_BEFORE: Final = tuple('.!?…)»”"]')
# the heading of a wiki's source
_WIKI: Final = re.compile(r"^={2,4} ?[^=\n]{2,60}={2,4}[ ]*$", re.M)
_HEADING: Final = re.compile(r"^# +(\S[^\n]*)$", re.M)


def other_articles(said: Said) -> Iterator[RunOn]:
    """Find the title of an article that nobody asked for.

    A plain title, and a paragraph that begins with it and says what it is; or a
    second title page like the first with another subject. None where several
    subjects are asked for, nor in an answer with titles of its own.
    """
    if asks_for("several", said.asked) or asks_for("exercises", said.asked):
        return
    yield from _second_heading(said)
    if "==" in said.response and "==" not in said.prompt:
        for match in _WIKI.finditer(said.response, said.begin + _ANSWER):
            if said.before(match.start()).rstrip().endswith(_BEFORE):
                yield RunOn(match.start(), f"another article begins: '{match[0]}'")
            break
    parts = said.parts
    for order, part in enumerate(parts[1:], 1):
        title = part.text.split("\n")[0].strip()
        if not _is_title(title):
            continue
        if part.text.count("\n") and len(part.text.strip()) > len(title):
            text = part.said[len(fold_spaces(title)) :].strip()
        else:
            text = parts[order + 1].said if order + 1 < len(parts) else ""
        before = said.before(part.start).rstrip()
        if _defines(text, title) and len(before) >= _ANSWER:
            named = set(_WORD.findall(fold_spaces(title)))
            if before.endswith(_BEFORE) and not named <= set(_WORD.findall(said.asked)):
                yield RunOn(part.start, f"another article begins: '{title[:40]}'")
        # an answer with a title of its own has more of them
        return


def _is_title(line: str) -> bool:
    return bool(_PLAIN.fullmatch(line)) and len(line.split()) <= _TITLE_WORDS


def _defines(text: str, title: str) -> bool:
    """Tell whether a text begins with a title, and says what that is."""
    opening = text[:_DEFINED]
    names = _WORD.findall(fold_spaces(title))
    if not names or len(opening) < _TITLE:
        return False
    plain = _article().sub("", opening, count=1)
    begun = (
        plain.startswith(" ".join(names)) or _WORD.findall(plain)[: len(names)] == names
    )
    # Lovell, Bernard: Sir Bernard Lovell
    turned = "," in title and set(names) <= set(_WORD.findall(plain[: 2 * _TITLE]))
    return (begun or turned) and bool(_being().search(opening))


@cache
def _article() -> re.Pattern[str]:
    return re.compile(rf"\A(?:{any_of(health_words('articles'))})(?:(?<=')|\s)")


@cache
def _being() -> re.Pattern[str]:
    return re.compile(rf"(?<![^\W_])(?:{any_of(health_words('being'))})(?![^\W_])")


def _second_heading(said: Said) -> Iterator[RunOn]:
    """Find a second heading of the first degree that differs in its subject alone."""
    if not said.response.startswith("# ", said.begin):
        return
    headings = list(_HEADING.finditer(said.response, said.begin))
    if len(headings) < 2:
        return
    first, second = (set(_WORD.findall(fold_spaces(h[1]))) for h in headings[:2])
    asked = set(_WORD.findall(said.asked))
    lost, new = first - second, second - first
    alike = len(first & second) >= 0.5 * max(len(first), len(second))
    if alike and lost and lost <= asked and new and not new & asked:
        yield RunOn(
            headings[1].start(), f"another article begins: '{headings[1][1][:40]}'"
        )
