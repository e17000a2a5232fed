from __future__ import annotations

import io

import pytest
from rich.table import Table

from lm_eval_iberian.terminal import console, one_line, progress, shown


def test_nothing_is_obeyed() -> None:
    assert shown("a\x1b[2J\x9b\u202eñ") == r"a\x1b[2J\x9b\u202eñ"


def test_one_line() -> None:
    assert one_line(" a\n\tb\r ") == "a b"
    assert one_line("x" * 50, 10) == "x" * 9 + "…"


def test_no_bars_where_there_is_no_terminal(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    out = io.StringIO()
    monkeypatch.setattr("sys.stderr", out)
    with progress() as bars:
        bars.update(bars.add_task("[red]x", total=2), advance=1)
    assert out.getvalue() == ""


def test_an_old_encoding_gets_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", out)
    console().print("✓ ñ")
    out.flush()
    assert out.buffer.getvalue() == b"\\u2713 \\xf1\n"  # type: ignore[attr-defined]


def test_a_pipe_has_no_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    table = Table("a", box=None, pad_edge=False)
    table.add_row("word " * 100 + "end")
    console().print(table)
    assert out.getvalue().splitlines()[1] == "word " * 100 + "end"
    assert max(map(len, out.getvalue().splitlines())) == 503
