from __future__ import annotations

from pathlib import Path

import pytest

from lm_eval_iberian import paths
from lm_eval_iberian.errors import DataUnavailableError


def test_a_checkout_uses_the_folders_beside_the_package(root: Path) -> None:
    assert paths.task_configs() == root / "task_configs"
    assert paths.data() == root / "data"


def test_a_wheel_uses_the_folders_inside_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = tmp_path / "_shipped" / "data"
    inside.mkdir(parents=True)
    (inside / ".lm-eval-iberian").write_text("")
    # somebody else's data/ beside the package is not ours
    (tmp_path / "site-packages" / "data").mkdir(parents=True)
    roots = (tmp_path / "site-packages", tmp_path / "_shipped")
    monkeypatch.setattr(paths, "_ROOTS", roots)
    assert paths.data() == inside


def test_a_broken_installation_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "_ROOTS", (tmp_path,))
    with pytest.raises(DataUnavailableError, match="'task_configs' of lm-eval-iberian"):
        paths.task_configs()
