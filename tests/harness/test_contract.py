"""The installed lm-eval has what this project relies on."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from lm_eval_iberian._bootstrap import TARGETS
from lm_eval_iberian.harness.contract import (
    CONTRACT,
    HarnessChangedError,
    Part,
    check_parts,
)
from lm_eval_iberian.harness.vllm_engine import VLLM_PARTS


@pytest.mark.parametrize("part", CONTRACT, ids=lambda p: f"{p.owner}.{p.name}")
def test_the_installed_lm_eval_has_it(part: Part) -> None:
    part.check()


def test_every_target_has_its_part() -> None:
    ours = {target for target in TARGETS if target.startswith("lm_eval.")}
    assert ours == {part.target for part in CONTRACT} - {""}
    for target in ours:
        check_parts(target)


def test_what_is_gone_or_takes_something_else_is_named() -> None:
    owner = "lm_eval.tasks.manager:TaskManager"
    gone = Part(owner, "no_such_thing")
    with pytest.raises(HarnessChangedError, match=r"no_such_thing.* is not there in"):
        gone.check()
    other = Part(owner, "match_tasks", ("self", "patterns"))
    with pytest.raises(HarnessChangedError, match="takes self, task_list in lm-eval"):
        other.check()
    with pytest.raises(HarnessChangedError, match="is not there"):
        Part("lm_eval.no_such_module", "anything").check()


def test_internals_are_imported_in_this_room_alone(root: Path) -> None:
    """Names of lm-eval with an underscore are in the contract, or not used."""
    parts = [*CONTRACT, *VLLM_PARTS]
    listed = {part.owner.partition(":")[0] for part in parts}
    for path in (root / "lm_eval_iberian").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            modules = []
            if isinstance(node, ast.ImportFrom) and not node.level:
                modules = [str(node.module)]
            elif isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            for module in modules:
                if module.split(".")[0] == "lm_eval":
                    assert path.parent.name == "harness", path
                    assert module in {*listed, "lm_eval.tasks"}, path
