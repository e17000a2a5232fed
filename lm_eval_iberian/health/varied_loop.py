"""Finds a sentence that is repeated to the end with one word changed each time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, takewhile
from typing import Final

from lm_eval_iberian.health.words import asks_for


# Sentences and lines of the end that are looked at.
_UNITS: Final = 48
_UNIT: Final = re.compile(r"(?:[^.!?;\n]|[.!?;](?=\S)|(?<=\d)\.)+[.!?;]*")
_WORD: Final = re.compile(r"[^\W_]+(?:['’·-][^\W_]+)*")
# Words of a block at least; of them so many the same, the others side by side.
_WORDS: Final = 8
_SAME: Final = 0.8
_SLOT: Final = 3
# A block that is longer than that share of the others is whole.
_MOST: Final = 0.85
# Blocks at least: where the last one is cut off, and where it is whole.
_CUT: Final = 5
_WHOLE: Final = 8
_DIGITS: Final = 16
# A block is one sentence, or two, or three.
_PERIODS: Final = (1, 2, 3)


@dataclass(frozen=True)
class Varied:
    """A block that is repeated up to the end with one slot that changes.

    Attributes:
        block: The last whole block.
        slots: The words that stood in the slot.
        times: How many blocks there are.
    """

    block: str
    slots: tuple[str, ...]
    times: int


def find_varied(end: str, *, closed: bool) -> Varied | None:
    """Return the block that is repeated to the end with a changing word, or None.

    Args:
        end: The end of an answer, folded, with its line ends.
        closed: Whether its last sentence is finished.

    A block of eight words and more, four fifths of them the same each time, the others
    in one place: two places that change are a list with content.
    """
    units = [_WORD.findall(match[0]) for match in _UNIT.finditer(end)]
    units = [unit for unit in units if unit][-_UNITS:]
    for period in _PERIODS:
        found = _with_period(units, period, closed=closed)
        if found:
            return found
    return None


def _with_period(units: list[list[str]], period: int, *, closed: bool) -> Varied | None:
    """Find blocks of so many units; the last one may be cut anywhere in itself."""
    for cut in range(period + 1):
        # units of a block that is begun and not finished
        whole = units[: len(units) - cut] if cut else units
        blocks = [
            [word for unit in whole[place - period : place] for word in unit]
            for place in range(len(whole), period - 1, -period)
        ]
        if len(blocks) < 2 or sum(map(str.isalpha, blocks[0])) < _WORDS:
            continue
        rest = [word for unit in units[len(whole) :] for word in unit]
        if cut and (closed or not _is_begun(rest, blocks[0])):
            continue
        alike = takewhile(partial(_is_alike, blocks[0]), blocks[1:])
        same = [blocks[0], *alike]
        least = _CUT - 1 if cut else _WHOLE
        if len(same) >= least and _count(same):
            slots = [_slot(one, other) or () for one, other in pairwise(same)]
            words = tuple(word for slot in slots for word in slot)
            return Varied(" ".join(blocks[0]), words, len(same) + bool(cut))
    return None


def _is_alike(one: list[str], other: list[str]) -> bool:
    return _slot(one, other) is not None


def _slot(one: list[str], other: list[str]) -> list[str] | None:
    """Return the words of a block that the other has not, if all stand in one place."""
    shorter = min(len(one), len(other))
    head = 0
    while head < shorter and _alike(one[head], other[head]):
        head += 1
    tail = 0
    while tail < shorter - head and _alike(one[-1 - tail], other[-1 - tail]):
        tail += 1
    longer = max(len(one), len(other))
    if head + tail < _SAME * longer or longer - head - tail > _SLOT:
        return None
    return one[head : len(one) - tail]


def _count(blocks: list[list[str]]) -> bool:
    """Tell whether words change from block to block, and numbers only count."""
    words = {tuple(word for word in block if not _is_number(word)) for block in blocks}
    numbers = [[int(word) for word in block if _is_number(word)] for block in blocks]
    columns = zip(*numbers, strict=False)
    steps = [{one - other for one, other in pairwise(column)} for column in columns]
    return len(words) > 1 and all(len(step) <= 1 for step in steps)


def _alike(one: str, other: str) -> bool:
    return one == other or (_is_number(one) and _is_number(other))


def _is_number(word: str) -> bool:
    return word.isdecimal() and len(word) < _DIGITS


def _is_begun(rest: list[str], block: list[str]) -> bool:
    """Tell whether the last words begin a block, one slot aside."""
    if len(rest) > _MOST * len(block) and not _is_part(rest[-1], block[-1]):
        return False
    head = 0
    while head < min(len(rest), len(block)) and _alike(rest[head], block[head]):
        head += 1
    # the last word may be cut; the slot may be filled with as many words as before
    left = rest[head:]
    if len(left) <= _SLOT:
        return head > 0
    return any(
        _ends_alike(left[skip:], block[head + gap :])
        for skip in range(_SLOT + 1)
        for gap in range(_SLOT + 1)
    )


def _is_part(word: str, other: str) -> bool:
    return word != other and other.startswith(word)


def _ends_alike(rest: list[str], block: list[str]) -> bool:
    if not rest or len(rest) > len(block):
        return not rest
    last = len(rest) - 1
    return rest[:last] == block[:last] and block[last].startswith(rest[last])


def is_wanted(found: Varied, asked: str) -> bool:
    """Tell whether the prompt names what changes, or wants a form with a refrain."""
    words = {word for word in found.slots if not _is_number(word)}
    named = sum(word in asked for word in words)
    if words and named >= max(1, len(words) / 2):
        return True
    return any(asks_for(kind, asked) for kind in ("verse", "repetition", "table"))
