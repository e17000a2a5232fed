"""Names are short enough, told apart, and placed where they disturb nothing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pytest

from lm_eval_iberian.pictures.picture_labels import (
    Box,
    fitted,
    fitted_names,
    in_lines,
    placed,
    width_of,
)
from lm_eval_iberian.pictures.picture_style import picture_style, plain


@pytest.fixture(autouse=True)
def style() -> Iterator[None]:
    with picture_style():
        yield


@pytest.mark.parametrize(
    "text",
    ["linear", "漢字モデル" * 20, "نموذج" * 20, "W" * 200],
    ids=["short", "square", "from right to left", "wide"],
)
@pytest.mark.parametrize("width", [0.5, 1.0, 3.0])
def test_a_text_is_as_wide_as_it_may_be(text: str, width: float) -> None:
    found = fitted(text, width)
    assert width_of(found) <= width
    assert found == text if width_of(text) <= width else "…" in found


def test_letters_that_are_squares_count_as_squares() -> None:
    assert width_of("漢字", 72) >= 2.0
    assert width_of("漢字ab", 72) >= 2.0 + width_of("ab", 72)


def test_what_a_terminal_would_obey_is_shown() -> None:
    assert fitted("a\nb\x1b[31m\u202e", 3.0) == "a b\\x1b[31m\\u202e"


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ([f"a-long-name-with-number-{n}-and-the-same-end-of-it" for n in range(9)],
         "the number would be cut out of the middle"),
        ([f"{'x' * 60}{n}" for n in range(9)], "the number is at the end"),
        ([f"{n}{'x' * 60}" for n in range(9)], "the number is at the beginning"),
        ([f"{'x' * 90}{n}{'x' * 90}" for n in range(12)], "no cut keeps it"),
        (["a", " a", "a  "], "they differ in spaces alone"),
    ],
)  # fmt: skip
def test_no_two_names_are_shown_alike(names: list[str], why: str) -> None:
    found = fitted_names(names, 2.0)
    assert list(found) == names, why
    assert len(set(found.values())) == len(names), why
    assert all(width_of(text) <= 2.0 for text in found.values()), why


def test_a_cut_keeps_what_tells_names_apart() -> None:
    names = [f"linear-weight{w}-and-special_tokens-of-instruct" for w in (0.25, 0.75)]
    found = list(fitted_names(names, 1.75).values())
    assert ["0.25" in found[0], "0.75" in found[1]] == [True, True]


def test_lines_are_few_and_narrow() -> None:
    found = in_lines("words " * 40, 1.0, most=3).split("\n")
    assert len(found) == 3
    assert all(width_of(line) <= 1.0 for line in found)
    assert in_lines("", 1.0) == ""


def test_labels_stand_beside_each_other_and_on_no_mark() -> None:
    inside = Box(0, 0, 300, 300)
    points = [(150.0 + 3 * at, 150.0 + 2 * at) for at in range(12)]
    marks = [Box(x - 4, y - 4, 8, 8) for x, y in points]
    found = placed(points, [(14.0, 9.0)] * 12, inside, marks)
    assert all(box.within(inside) for box in found)
    assert not any(one.over(other) for one, other in combinations(found, 2))
    assert not any(box.over(mark) for box in found for mark in marks)


def test_a_label_at_the_edge_stays_inside() -> None:
    inside = Box(0, 0, 100, 100)
    corners = [(0.0, 0.0), (100.0, 0.0), (0.0, 100.0), (100.0, 100.0)]
    found = placed(corners, [(20.0, 9.0)] * 4, inside, [])
    assert all(box.within(inside) for box in found)


def test_where_there_is_no_room_a_label_covers_the_least() -> None:
    inside = Box(0, 0, 10, 10)
    (only,) = placed([(5.0, 5.0)], [(20.0, 9.0)], inside, [])
    assert (only.x, only.y) == (0, 0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.25, "0.25"), (-20.0, "−20"), (-0.0, "0"), (100000.0, "100000"),
        (1e6, "1e6"), (-1.25e18, "−1.25e18"), (1e-9, "1e−9"), (1234567.0, "1.23e6"),
    ],
)  # fmt: skip
def test_numbers_of_an_axis_are_short(value: float, text: str) -> None:
    assert plain(value) == text
