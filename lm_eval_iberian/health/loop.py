"""Finds an answer that repeats itself to its end."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from lm_eval_iberian.health.sums import NUMBER, is_sums
from lm_eval_iberian.health.varied_loop import find_varied, is_wanted
from lm_eval_iberian.health.words import asked_times, asks_for, calendar_words
from lm_eval_iberian.languages import fold


# Only the end of an answer is looked at: a loop holds to the end.
_TAIL: Final = 6000
_ASKED: Final = 20_000
_LETTERED: Final = re.compile(r"(?<![^\W_])[a-z]{1,2}(?=\))|(?<![^\W_])[a-z](?=\.)")
_LETTER: Final = re.compile(r"[^\W\d_]")
_WORD: Final = re.compile(r"[^\W\d_]+")
# ____ to be filled in by hand
_BLANK: Final = re.compile(r"_{3,}|\.{4,}|…{2,}")
_TOKEN: Final = re.compile(r"[^\W_]+")
# what may stand behind the last block: marks, a closing fence, a leaked end token
_RESIDUE: Final = re.compile(r"(?:<[|｜/]?[\w▁|｜]{1,24}>|[`*_\s\"'”»)\]}.]){1,60}\Z")
_RESIDUE_LENGTH: Final = 60
# No block whose repetition is shorter than that counts.
_LEAST: Final = 16
# A shorter rope of signs is a ruler, a blank of a form, a row of a matrix.
_SIGNS: Final = 300
_RULERS: Final = frozenset(" _-=*.~#|+·─━═")
# Words of the end that are looked at, and of a woven loop at the least.
_WOVEN: Final = 400
_WOVEN_LEAST: Final = 60
# So often, and so many, three words in a row come back in a loop.
_BACK: Final = 4


@dataclass(frozen=True)
class Repeated:
    """A block that is repeated up to the end of a text.

    Attributes:
        block: The block, in small letters, with ``0`` for numbers that change
            and ``@`` for names of days and months.
        times: How often it stands there; a cut one at the end counts as its part.
        length: The characters that all of them take.
        changing: Whether numbers or dates change from block to block.
    """

    block: str
    times: float
    length: int
    changing: bool = False


def find_loop(response: str, prompt: str = "") -> str | None:
    """Return why an answer counts as a loop, or None.

    A loop is a block (a word, a sentence, a list item …) that is repeated to the end
    and was not asked for. Numbers, dates and counters may change, sentences may
    alternate, the last block may be cut. No loops are refrains, rulers, blanks of
    forms, matrices, tables of sums and repetition that the prompt asks for.
    The cost is bounded: the last 6,000 characters are looked at.
    """
    end = response[-2 * _TAIL :]
    residue = _RESIDUE.search(end, max(0, len(end) - _RESIDUE_LENGTH))
    if residue and residue.start() > len(end) - _RESIDUE_LENGTH:
        end = end[: residue.start()]
    folded = fold(end)
    text = " ".join(folded.split())[-_TAIL:]
    broken_off = "```" in response and response.count("```") % 2 == 1
    found = _exact(text, broken_off=broken_off)
    if found is None:
        plain = _without_dates(NUMBER.sub("0", text))
        words = _TOKEN.findall(plain.replace("@", "0"))[-_WOVEN:]
        counts = Counter(zip(words, words[1:], words[2:], strict=False))
        found = _changing(text, plain) or _woven(words, counts)
    if found is None:
        # where a sentence comes back, most of its words do, three by three
        often = sum(count for count in counts.values() if count >= _BACK)
        if often < _BACK * _BACK:
            return None
        closed = response.rstrip().endswith((".", "!", "?", ";", "…"))
        varied = find_varied(folded[-_TAIL:], closed=closed)
        if varied is None or is_wanted(varied, fold(prompt[-_ASKED:])):
            return None
        found = Repeated(varied.block, varied.times, 0)
        return f"{_reason(found)} with other words"
    if _was_asked_for(found, prompt, broken_off=broken_off):
        return None
    changing = " with other numbers" if found.changing else ""
    return f"{_reason(found)}{changing}"


def _reason(found: Repeated) -> str:
    shown = found.block.strip()
    if len(shown) > 60:
        shown = f"{shown[:60]}…"
    return f"the answer ends in {found.times:.0f} times '{shown}'"


def longest_period(text: str) -> Repeated | None:
    """Return the block whose repetition covers most of a text's end.

    Of blocks that cover as much the shortest. A repetition shorter than 16 characters
    is none, nor one of which the end stands there only twice.

    Source: where the last characters stand before, a period may begin; one that covers
    more than another of ``best`` characters is longer than ``best - period``, by the
    theorem of Fine and Wilf (1965).
    """
    back = text[::-1]
    head, size = back[:_LEAST], len(back)
    start = back.find(head, 1)
    if start < 0 or back.find(head, start + 1) < 0:
        return None
    best = period = 0
    while 0 <= start <= size - start:
        reach = _reach(back, start)
        # at least two whole blocks
        if reach >= start and reach + start > best:
            best, period = reach + start, start
        start = back.find(head, max(start, best - period) + 1)
    return Repeated(text[-period:], best / period, best) if period else None


def _reach(back: str, start: int) -> int:
    """Return how far a text goes on at a place as it begins."""
    least, most = 0, len(back) - start
    while least < most:
        middle = (least + most + 1) // 2
        if back.startswith(back[start + least : start + middle], least):
            least = middle
        else:
            most = middle - 1
    return least


def _exact(text: str, *, broken_off: bool) -> Repeated | None:
    """Find a block that is repeated letter by letter."""
    found = longest_period(text)
    return found if found and _is_enough(found, broken_off=broken_off) else None


def _is_enough(found: Repeated, *, broken_off: bool) -> bool:
    """Tell whether a repetition is more than style: the shorter, the oftener."""
    letters = len(_LETTER.findall(found.block))
    if not letters:
        signs = set(found.block)
        # a drawing in a code block that never ends
        if broken_off and len(signs) > 2:
            return found.length >= _SIGNS / 2 and found.times >= 8
        zeros = len(signs) < 3 and any(map(str.isdigit, signs))
        ruled = signs <= _RULERS or zeros
        least = _SIGNS if ruled else _SIGNS / 5
        return found.length >= least and found.times >= 15
    words = len(_WORD.findall(found.block))
    if words <= 1:
        # ha ha ha, a very very very long way
        return found.times >= 12 and found.length >= 40
    if letters < 12:
        return found.times >= 8
    return found.times >= (3 if letters >= 40 else 4 if letters >= 24 else 5)


def _without_dates(text: str) -> str:
    """Return a text with ``@`` for the names of days and months."""
    if any(map(_is_calendar, set(_WORD.findall(text)))):
        return calendar_words().sub("@", text)
    return text


@lru_cache(maxsize=65_536)
def _is_calendar(word: str) -> bool:
    return bool(calendar_words().match(word))


def _changing(text: str, plain: str) -> Repeated | None:
    """Find a block in which numbers or dates change: 12. The same. 13. The same."""
    found = longest_period(_LETTERED.sub("0", plain))
    if found is None or not set("0@") & set(found.block):
        return None
    words = _WORD.findall(found.block)
    letters = sum(map(len, words))
    if letters < 8 or len(_BLANK.findall(found.block)) > 1:
        return None
    plain_enough = len(words) >= 3 and letters >= 12
    least = 3 if len(words) >= 10 else 4 if len(words) >= 6 else 6
    if found.times < (least if plain_enough else 12) or is_sums(
        text, found.block.count("0"), found.times
    ):
        return None
    return Repeated(found.block, found.times, found.length, changing=True)


def _woven(words: list[str], counts: Counter[tuple[str, str, str]]) -> Repeated | None:
    """Find a few phrases that take turns to the end, in no fixed order.

    Nearly every three words of such an end stand there three times and more.
    """
    grams = list(zip(words, words[1:], words[2:], strict=False))
    length = missed = 0
    for back, gram in enumerate(reversed(grams), 1):
        missed += counts[gram] < 3
        if missed > 2 + back / 8:
            break
        if counts[gram] >= 3:
            length = back
    if length < _WOVEN_LEAST:
        return None
    kinds = Counter(grams[-length:])
    said = words[-length:]
    if len(kinds) * 3.5 > length or said.count("0") * 4 > length:
        return None
    # a handful of words that alternate are a table or a game
    if len(set(said)) < 4 or sum(map(len, set(said) - {"0"})) < 24:
        return None
    block = " ".join(kinds.most_common(1)[0][0])
    return Repeated(block, length / len(kinds), length)


def _was_asked_for(found: Repeated, prompt: str, *, broken_off: bool) -> bool:
    """Tell whether the prompt wants this repetition, and about so much of it."""
    asked = fold(prompt[-_ASKED:])
    letters = len(_LETTER.findall(found.block))
    if asks_for("verse", asked) and found.times < 5 and letters < 160:
        return True
    # empty rows that go on until the answer is cut off fill no table
    rows = 40 if not broken_off else 6
    if asks_for("table", asked) and letters < 16 and found.times <= rows:
        return True
    # a word that must appear so often, a request to be said again: no repetition
    if asks_for("once", asked):
        return False
    # ten times, in words: a number as large as one is likely to write
    many = list(asked_times().finditer(asked))
    if many and found.changing and found.times <= 20:
        return True
    counts = [int(match[1] or match[2] or 100) for match in many]
    said = set(_WORD.findall(found.block))
    known = said <= set(_WORD.findall(asked))
    if counts and (known or asks_for("repetition", asked)):
        return found.times <= 1.5 * max(counts) + 3
    if counts and 5 <= max(counts) != 100:
        return found.times <= 1.2 * max(counts) + 2
    return asks_for("repetition", asked) and found.times <= 60
