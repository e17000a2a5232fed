from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lm_eval_iberian import cache
from lm_eval_iberian.errors import DataUnavailableError


CASES = [
    ({"HF_HOME": "{tmp}/hf", "XDG_CACHE_HOME": "{tmp}/xdg"}, "{tmp}/hf"),
    ({"XDG_CACHE_HOME": "{tmp}/xdg"}, "{tmp}/xdg/huggingface"),
    ({}, "{tmp}/home/.cache/huggingface"),
    ({"HF_HOME": "~/own"}, "{tmp}/home/own"),
    ({"HF_HOME": "$PLACE/own", "PLACE": "{tmp}/p"}, "{tmp}/p/own"),
]


@pytest.mark.parametrize(("variables", "expected"), CASES)
def test_the_cache_is_where_the_hub_says(
    variables: dict[str, str], expected: str, tmp_path: Path
) -> None:
    names = ("HF_HOME", "XDG_CACHE_HOME")
    env = {key: value for key, value in os.environ.items() if key not in names}
    env |= {k: v.format(tmp=tmp_path) for k, v in variables.items()}
    code = "from lm_eval_iberian.download import cached; print(cached('http://a/b/c'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=env | {"HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=True,
    )
    home = expected.format(tmp=tmp_path)
    assert done.stdout.strip() == f"{home}/lm_eval_iberian/b/c"


def test_whether_a_folder_can_be_written_is_tried(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert cache.why_unwritable(tmp_path) is None
    assert cache.why_unwritable(tmp_path / "not" / "yet") is None
    assert cache.why_unwritable(tmp_path / "file" / "below") == "Not a directory"
    assert cache.why_unwritable(Path("/proc/no")) is not None
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    with pytest.raises(DataUnavailableError, match="Not a directory"):
        cache.require_writable(tmp_path / "file")


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of one dataset; that it cannot be written is made up, root may."""
    from datasets import Dataset

    root = tmp_path / "datasets"
    folder = root / "own___a"
    Dataset.from_dict({"x": [1, 2, 3]}).save_to_disk(str(folder))
    (folder / "a.lock").write_text("")
    (root / "downloads").mkdir()
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", root)
    cache._stand_in.cache_clear()
    return root


def test_a_cache_that_can_be_written_needs_no_stand_in(locked: Path) -> None:
    assert cache.readable_datasets() is None


def test_a_read_only_cache_is_read_through_a_stand_in(
    locked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datasets import load_from_disk

    before = sorted(locked.rglob("*"))
    monkeypatch.setattr(cache, "why_unwritable", lambda folder: "Read-only")
    folder = cache.readable_datasets()
    assert folder is not None
    assert [path.name for path in folder.iterdir()] == ["own___a"]
    assert not list(folder.rglob("*.lock"))
    loaded = load_from_disk(str(folder / "own___a"))
    assert loaded.filter(lambda row: row["x"] > 1)["x"][:] == [2, 3]
    assert sorted(locked.rglob("*")) == before, "the cache was written to"
    assert cache.readable_datasets() == folder
