from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from lm_eval_iberian import jsonl
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.jsonl import read_jsonl
from lm_eval_iberian.toml import read_toml


def test_blank_lines_are_passed_over_and_lines_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n\n{"a": "\u2028"}\r\n', encoding="utf-8")
    assert list(read_jsonl(path)) == [(1, {"a": 1}), (3, {"a": "\u2028"})]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a": 1}\n{"a": \n', r"a\.jsonl, line 2: not JSON"),
        (b"[1]\n", r"a\.jsonl, line 1: a JSON object is wanted, found list"),
        (b'{"a": "\xff"}\n', r"a\.jsonl, line 1: not UTF-8"),
        (b"[" * 100_000, r"a\.jsonl, line 1: not JSON"),
    ],
)
def test_a_corrupt_line_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        list(read_jsonl(path))


def test_gzipped_lines_are_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress('{"a": 1}\n\n{"a": "\u2028"}'.encode()))
    assert list(read_jsonl(path)) == [(1, {"a": 1}), (3, {"a": "\u2028"})]


WHOLE = gzip.compress(b"".join(b'{"a": %d}\n' % number for number in range(5000)))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (WHOLE[:-20], r"a\.jsonl\.gz breaks off after line \d+: not all"),
        (b'{"a": 1}\n', r"a\.jsonl\.gz is not gzip, or is damaged"),
        (WHOLE[:500] + b"\x00\xff\x00" + WHOLE[503:], r"a\.jsonl\.gz .* damaged"),
        (gzip.compress(b'{"a": 1}\n{"a"'), r"a\.jsonl\.gz, line 2: not JSON"),
    ],
)
def test_gzipped_content_is_whole_or_refused(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        list(read_jsonl(path))


@pytest.mark.parametrize("bound", ["_UNPACKED", "_LINE"])
def test_what_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n" * 4000 + b" " * (3 << 20)))
    monkeypatch.setattr(jsonl, bound, 1 << 20)
    with pytest.raises(DataError, match="line 4001: it unpacks to more than 1 MiB"):
        list(read_jsonl(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no\.jsonl cannot be read: No such file"):
        list(read_jsonl(tmp_path / "no.jsonl"))
    with pytest.raises(DataError, match=r"no\.toml does not exist"):
        read_toml(tmp_path / "no.toml")


def test_toml_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("a = \n")
    with pytest.raises(DataError, match=r"a\.toml is not TOML.*line 1"):
        read_toml(path)
