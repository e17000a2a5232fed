"""Finds an answer that repeats itself to its end."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

from lm_eval_iberian.health.varied_loop import find_varied, is_wanted
from lm_eval_iberian.health.words import asked_times, asks_for, calendar_words
from lm_eval_iberian.languages import fold


# Only the end of an answer is looked at: a loop holds to the end.
_TAIL: Final = 6000
_ASKED: Final = 20_000
_NUMBER: Final = re.compile(r"\d+(?:[.,:/]\d+)*")
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
        plain = _without_dates(_NUMBER.sub("0", text))
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

    A repetition shorter than 16 characters is none, nor one of two blocks.

    Source: the Z-function of the reversed text; Gusfield, Algorithms on Strings,
    Trees and Sequences (1997), 1.3. Linear in the length.
    """
    # what is repeated to the end stands there before it, and not once alone: seldom
    # so, and soon seen
    place = -1
    for _ in range(2):
        place = text.find(text[-_LEAST:], place + 1)
        if place >= len(text) - _LEAST:
            return None
    back = text[::-1]
    size = len(back)
    same = [0] * size
    left = right = 0
    best, period = 0, 0
    for start in range(1, size):
        reach = min(right - start, same[start - left]) if start < right else 0
        while start + reach < size and back[reach] == back[start + reach]:
            reach += 1
        same[start] = reach
        if start + reach > right:
            left, right = start, start + reach
        # at least two whole blocks; the shortest block of those that reach as far
        if reach >= start and reach + start > best:
            best, period = reach + start, start
    if not period:
        return None
    return Repeated(text[-period:], best / period, best)


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
    if found.times < (least if plain_enough else 12) or _is_sums(text, found):
        return None
    return Repeated(found.block, found.times, found.length, changing=True)


def _is_sums(text: str, found: Repeated) -> bool:
    """Tell whether the numbers of the blocks are sums, products, conversions."""
    slots = found.block.count("0")
    if not 2 <= slots <= 12:
        return False
    numbers = [_value(match[0]) for match in _NUMBER.finditer(text)]
    # where a block begins is not known: try every shift
    for shift in range(slots):
        end = len(numbers) - shift
        rows = [numbers[i - slots : i] for i in range(end, slots - 1, -slots)][:8]
        if len(rows) < 3:
            continue
        moving = [column for column in zip(*rows, strict=True) if len(set(column)) > 1]
        if sum(len(set(column)) > 2 and not _is_counter(column) for column in moving):
            # what is no counter is content, unless it goes on and on
            return found.times < 12 or sum(map(_is_sum, rows)) >= 0.8 * len(rows)
        if len(moving) > 1 and (
            sum(map(_is_sum, rows)) >= 0.8 * len(rows)
            or _is_conversion([list(row) for row in zip(*moving, strict=True)])
        ):
            return True
    return False


def _is_counter(column: tuple[float, ...]) -> bool:
    """Tell whether numbers go up or down by the same step."""
    return len({round(one - other, 6) for one, other in pairwise(column)}) == 1


def _is_conversion(rows: list[list[float]]) -> bool:
    """Tell whether the second of two numbers is made of the first: doubles, squares."""
    if any(len(row) != 2 or 0 in row for row in rows):
        return False
    if all(second == first**2 or first == second**2 for first, second in rows):
        return True
    ratios = [second / first for first, second in rows]
    alike = max(ratios) - min(ratios) < 0.05 * max(ratios)
    return alike and not 0.8 < ratios[0] < 1.25 and len({row[0] for row in rows}) > 2


def _value(number: str) -> float:
    try:
        return float(number.replace(",", "."))
    except ValueError:
        return float("nan")


def _is_sum(row: list[float]) -> bool:
    """Tell whether a number of a row is made of two others."""
    for i, first in enumerate(row):
        for second in row[i + 1 :]:
            made = {first * second, first + second, abs(first - second)}
            rest = [n for j, n in enumerate(row) if j != i and n is not second]
            if made & set(rest):
                return True
    return False


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
