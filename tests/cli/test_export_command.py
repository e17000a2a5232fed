"""``iberian export lm-eval``."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner, Result

from lm_eval_iberian.cli import main
from lm_eval_iberian.cli.whole_folder import MANIFEST
from lm_eval_iberian.export import family_names, task_family
from lm_eval_iberian.toml import read_toml


FAMILIES = Path(task_family.__file__).with_name("families.toml")


def export(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["export", "lm-eval", *arguments])


def test_one_family_is_written_and_said(tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = export(str(out), "--family", "bertaqa")
    assert result.exit_code == 0, result.output
    assert "bertaqa_local, bertaqa_eu_local, bertaqa_en_local" in result.output
    assert re.search(r", \d+ lines of Python$", result.output, re.MULTILINE)
    assert sorted(path.name for path in out.iterdir()) == [
        "ROWS.md",
        "bertaqa_local",
        MANIFEST,
    ]


def test_what_an_export_wrote_makes_way_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert export(str(out), "--family", "bertaqa").exit_code == 0
    assert export(str(out), "--family", "cola", "--family", "bertaqa").exit_code == 0
    assert (out / "bl2mp" / "bl2mp.yaml").is_file()
    (out / "bl2mp" / "bl2mp.yaml").write_text("task: mine\n")
    result = export(str(out), "--family", "bertaqa")
    assert result.exit_code == 1
    assert "holds what no export wrote" in result.output
    assert "bl2mp/bl2mp.yaml" in result.output
    assert "give DIR another folder" in result.output
    assert (out / "bl2mp" / "bl2mp.yaml").read_text() == "task: mine\n"


def test_a_family_that_is_not_there_is_told_from_one_with_nothing_new(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    result = export(str(out), "--family", "ifval")
    assert result.exit_code == 1
    assert "Unknown family 'ifval'. Did you mean ifeval?" in result.output
    result = export(str(out), "--family", "openbookqa")
    assert "nothing to export of 'openbookqa': openbookqa_gl, openb" in result.output
    assert "lacks: ifeval, cola, belebele, bertaqa, eus_exams" in result.output
    assert list(tmp_path.iterdir()) == []


def test_every_folder_of_tasks_is_exported_or_said_not_to_be(root: Path) -> None:
    folders = {path.parent.name for path in (root / "task_configs").glob("*/README.md")}
    reasons = read_toml(FAMILIES)["nothing"]
    assert {*family_names()} | {*reasons} == folders - {"demo", "suites"}
    assert not {*family_names()} & {*reasons}
