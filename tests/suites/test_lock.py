from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.suites.lock import File, LockEntry, read_lock, write_lock


ENTRY = LockEntry(
    "own/good", "eu", revision="a" * 40, files=(File("x", 3, "0" * 64),),
    rows={"test": 2}, fields={"test": ("q", "a")}, size=3, fetched_at="2026-01-01",
)  # fmt: skip


def test_what_is_written_is_read(tmp_path: Path) -> None:
    other = LockEntry("ours/utils.load", "lang=eu", '{"lang": "eu"}')
    path = tmp_path / "lock.json"
    write_lock(path, {entry.key: entry for entry in (ENTRY, other)})
    assert read_lock(path) == {ENTRY.key: ENTRY, other.key: other}
    assert [p.name for p in tmp_path.iterdir()] == ["lock.json"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, ""),
        ({"revision": "b" * 40}, "revision bbbbbbbbbb, locked aaaaaaaaaa"),
        ({"revision": None}, ""),
        ({"rows": {"test": 3}}, "3 rows in test, locked 2"),
        ({"rows": {}}, "no rows in test, locked 2"),
        ({"rows": {"test": 2, "train": 9}}, ""),
        ({"fields": {"test": ("a", "q")}}, ""),
        ({"fields": {"test": ("q",)}}, "fields of test are q, locked q, a"),
        ({"files": (File("x", 3, "1" * 64),)}, "another x: its SHA-256 differs"),
        ({"files": ()}, ""),
    ],
)
def test_differences(change: dict[str, object], said: str) -> None:
    assert "; ".join(ENTRY.differences(replace(ENTRY, **change))) == said  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dataset", 1), ("rows", []), ("rows", {"test": "many"}), ("files", [{}]),
        ("fields", {"test": 1}), ("revision", 7), ("size", "big"), ("config", None),
    ],
)  # fmt: skip
def test_a_bad_entry_is_named(tmp_path: Path, key: str, value: object) -> None:
    path = tmp_path / "lock.json"
    write_lock(path, {ENTRY.key: ENTRY})
    content = json.loads(path.read_text())
    content["datasets"][0][key] = value
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"lock.json, datasets\[0\]: "):
        read_lock(path)
