from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lm_eval_iberian.files import write_first, write_whole


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

    real = Path.write_bytes

    def fail(self: Path, content: bytes) -> int:
        real(self, content[:2])
        raise OSError("no space")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="no space"):
        write_whole(tmp_path / "a", "after")
    assert (tmp_path / "a").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_link_goes_on_pointing(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("target")
    for text in ("new", "newer"):
        write_whole(tmp_path / "link", text)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "target").read_text() == text


def test_a_file_of_the_partial_s_name_stays(tmp_path: Path) -> None:
    (tmp_path / ".a.partial").write_text("mine")
    write_whole(tmp_path / "a", "new")
    assert (tmp_path / ".a.partial").read_text() == "mine"


def test_what_is_no_plain_file_is_written_to_and_stays(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_whole(tmp_path / "pipe", "through")
    assert os.read(reader, 100) == b"through"
    assert (tmp_path / "pipe").is_fifo()
    os.close(reader)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    for path in (tmp_path, Path(".")):
        with pytest.raises(IsADirectoryError):
            write_whole(path, "")


@pytest.mark.parametrize("links", [True, False])
def test_the_first_has_written_it(
    links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*given: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    if not links:
        monkeypatch.setattr(os, "link", refused)
    assert write_first(tmp_path / "a", "one")
    assert not write_first(tmp_path / "a", "two")
    assert (tmp_path / "a").read_text() == "one"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_of_many_at_once_one_has_written_it(tmp_path: Path) -> None:
    """All in one process: its number does not tell their files from each other."""
    with ThreadPoolExecutor(8) as threads:
        for number in range(20):
            path = tmp_path / str(number)
            wrote = list(
                threads.map(lambda n, to=path: write_first(to, str(n)), range(8))
            )
            assert sum(wrote) == 1
            assert path.read_text() == str(wrote.index(True))
        texts = [str(n) * 1000 for n in range(50)]
        list(threads.map(lambda text: write_whole(tmp_path / "w", text), texts))
        assert (tmp_path / "w").read_text() in texts
