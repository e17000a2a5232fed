"""The block that a text ends in again and again, against the plain way to find it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lm_eval_iberian.health.loop import Repeated, longest_period


def by_every_period(text: str) -> Repeated | None:
    """Try every period, letter by letter."""
    if text.count(text[-16:]) < 1 or len(text) < 18:
        return None
    places = [i for i in range(len(text)) if text.startswith(text[-16:], i)]
    if len(places) < 3:
        return None
    best, period = 0, 0
    for shift in range(1, len(text)):
        reach = 0
        while (
            reach + shift < len(text) and text[-1 - reach] == text[-1 - reach - shift]
        ):
            reach += 1
        if reach >= max(shift, 16) and reach + shift > best:
            best, period = reach + shift, shift
    return Repeated(text[-period:], best / period, best) if period else None


BLOCKS = st.lists(st.text("abñ ", min_size=1, max_size=9), min_size=1, max_size=4)


@given(BLOCKS, st.lists(st.integers(1, 30), min_size=4, max_size=4), st.integers(0, 9))
def test_it_is_the_block_that_covers_most(
    blocks: list[str], times: list[int], cut: int
) -> None:
    text = "".join(b * n for b, n in zip(blocks, times, strict=False))
    text = f"Gaur {text}"[: -cut or None]
    assert longest_period(text) == by_every_period(text)


@given(st.text("ab", max_size=90))
def test_of_two_letters_nothing_is_overlooked(text: str) -> None:
    assert longest_period(text) == by_every_period(text)


def test_one_letter_is_the_shortest_block() -> None:
    assert longest_period("a" * 5000) == Repeated("a", 5000, 5000)
