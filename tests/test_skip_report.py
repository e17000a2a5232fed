"""What a run says of what it skipped."""

from __future__ import annotations

from types import SimpleNamespace

from skip_report import skips


def skipped(why: str) -> SimpleNamespace:
    return SimpleNamespace(longrepr=("tests/test_a.py", 3, f"Skipped: {why}"))


def test_a_reason_is_one_line_with_its_count() -> None:
    reports = [
        skipped("no GPU"),
        skipped("NO PAPER DATA: b is absent"),
        skipped("NO PAPER DATA: a is absent"),
        skipped("no GPU"),
    ]
    assert skips(reports) == [
        "    2  NO PAPER DATA: a is absent, and the like",
        "    2  no GPU",
    ]
    assert skips([]) == []


def test_a_report_without_a_place_is_counted_too() -> None:
    assert skips([SimpleNamespace(longrepr="Skipped")]) == ["    1  no reason"]
