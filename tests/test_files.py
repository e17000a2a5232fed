from __future__ import annotations

from pathlib import Path

import pytest

from lm_eval_iberian.files import write_whole


def test_text_is_utf_8_and_bytes_are_bytes(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", "ñ\n")
    assert (tmp_path / "a").read_bytes() == b"\xc3\xb1\n"
    write_whole(tmp_path / "a", b"\xff")
    assert (tmp_path / "a").read_bytes() == b"\xff"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_was_there_stays_where_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_whole(tmp_path / "a", "before")

    def fail(self: Path, content: bytes) -> int:
        raise OSError("no space")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="no space"):
        write_whole(tmp_path / "a", "after")
    assert (tmp_path / "a").read_text() == "before"
