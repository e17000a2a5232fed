"""``make clean`` removes what make has made."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("notes", [True, False])
def test_it_leaves_what_a_user_put_beside_the_demo(
    tmp_path: Path, root: Path, notes: bool
) -> None:
    shutil.copy(root / "Makefile", tmp_path)
    for name in ("demo_output/models/base", "demo_output/results", "dist", ".vllm"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("spec.json", "table.md", "models/base/config.json"):
        (tmp_path / "demo_output" / name).touch()
    if notes:
        (tmp_path / "demo_output" / "notes.md").write_text("mine")
    subprocess.run(["make", "clean"], cwd=tmp_path, check=True, capture_output=True)
    left = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*"))
    mine = ["demo_output", "demo_output/notes.md"] if notes else []
    assert left == ["Makefile", *mine]
