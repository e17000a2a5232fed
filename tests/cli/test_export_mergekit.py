"""``iberian export mergekit``: a folder for each pull request, whole or as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lm_eval_iberian.cli import main
from mergekit_ext.upstream.pull_request_list import PULL_REQUESTS


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def export(folder: str = "out") -> Result:
    return CliRunner().invoke(main, ["export", "mergekit", folder])


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_each_request_is_a_folder_with_what_it_needs() -> None:
    done = export()
    assert done.exit_code == 0, done.output
    found = content(Path("out"))
    for request in PULL_REQUESTS:
        name = request.name
        assert f"out/{name}: " in done.output
        assert found[f"{name}/changes.patch"].startswith(b"diff --git a/mergekit/")
        assert found[f"{name}/pull_request.md"].startswith(b"# ")
        assert f"{name}/tests/test_{name}.py" in found
        methods = bool(request.methods)
        assert (f"{name}/mergekit/merge_methods/{name}.py" in found) == methods
        assert (f"{name}/docs.md" in found) == methods
        assert f"({name}/pull_request.md)".encode() in found["README.md"]
    assert not [text for text in found.values() if b"$" + b"{" in text]


def test_a_second_export_replaces_the_first() -> None:
    export()
    before = content(Path("out"))
    done = export()
    assert done.exit_code == 0, done.output
    assert content(Path("out")) == before


def test_what_somebody_has_changed_or_added_stays() -> None:
    export()
    for name, text in (("README.md", "mine"), ("notes.txt", "mine, too")):
        export()
        file = Path("out", name)
        before = file.read_text() if file.exists() else None
        file.write_text(text)
        done = export()
        assert done.exit_code == 1
        assert f"holds what no export wrote, or what was changed since: {name}" in (
            " ".join(done.output.split())
        )
        assert file.read_text() == text
        file.unlink() if before is None else file.write_text(before)


def test_a_folder_of_somebody_else_is_refused() -> None:
    Path("out").mkdir()
    Path("out", "thesis.tex").write_text("mine")
    done = export()
    assert done.exit_code == 1
    assert "thesis.tex" in done.output
    assert content(Path("out")) == {"thesis.tex": b"mine"}


def test_nothing_is_left_of_an_export_that_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> str:
        raise OSError(28, "No space left on device", "docs.md")

    monkeypatch.setattr("mergekit_ext.upstream.pull_request_files.docs_rows", fail)
    done = export()
    assert done.exit_code == 1
    assert "out cannot be written: No space left on device (docs.md)" in (
        " ".join(done.output.split())
    )
    assert not Path("out").exists()
    assert not list(Path().glob(".out*/new"))
