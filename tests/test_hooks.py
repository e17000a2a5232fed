"""What the hook relies on in lm-eval; a failure here says what upstream changed."""

from __future__ import annotations

import inspect
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from lm_eval_iberian import _hooks
from lm_eval_iberian.errors import DataUnavailableError
from lm_eval_iberian.tasks import ifeval
from lm_eval_iberian.tasks.catalogue import task_names


class FakeManagers:
    """A module that stands for lm_eval.tasks.manager, without 14,000 YAMLs."""

    def __init__(self, natively: dict[str, Any]) -> None:
        class TaskManager:
            def __init__(
                self,
                verbosity: str | None = None,
                include_path: object = None,
                include_defaults: bool = True,
                metadata: object = None,
            ) -> None:
                self._index = dict(natively)
                self._all_tasks = sorted(self._index)
                self._all_subtasks = list(self._all_tasks)
                self._all_groups: list[str] = []
                self._all_tags: list[str] = []

            @property
            def task_index(self) -> dict[str, Any]:
                return self._index

            def match_tasks(self, task_list: list[str]) -> list[str]:
                return [name for name in self._all_tasks if name in task_list]

        self.TaskManager = TaskManager


def attached(natively: dict[str, Any] | None = None) -> Any:
    module = FakeManagers(natively or {})
    _hooks.add_tasks(module)  # type: ignore[arg-type]
    _hooks.add_tasks(module)  # type: ignore[arg-type]
    return module.TaskManager


def test_adds_every_shipped_name() -> None:
    manager = attached()()
    assert set(task_names()) <= set(manager._all_tasks)
    assert "ifeval_eu" in manager._all_subtasks


def test_never_overrides_a_name_that_is_there() -> None:
    theirs = object()
    manager = attached({"ifeval_eu": theirs})()
    assert manager._index["ifeval_eu"] is theirs
    assert "ifeval_eu_mini" in manager._index


def test_adds_nothing_without_the_default_tasks() -> None:
    assert not attached()(include_defaults=False)._index
    assert not attached()(None, None, False)._index


def test_data_are_loaded_when_names_are_matched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    manager = attached()()
    assert manager.match_tasks(["ifeval_eu_mini"]) == ["ifeval_eu_mini"]
    with pytest.raises(DataUnavailableError, match="HF_HUB_OFFLINE is set"):
        manager.match_tasks(["ifeval_eu"])


def test_upstream_still_has_what_the_hook_uses() -> None:
    from lm_eval._cli.harness import HarnessCLI
    from lm_eval.tasks._index import Kind, TaskIndex
    from lm_eval.tasks.manager import TaskManager

    hint = "lm-eval changed: adapt lm_eval_iberian/_hooks.py"
    manager = TaskManager(include_defaults=False)
    for name in ("_index", "_all_tasks", "_all_subtasks", "_all_groups", "_all_tags"):
        assert hasattr(manager, name), f"{hint}: TaskManager.{name} is gone"
    assert hasattr(TaskIndex, "build"), hint
    assert {"TASK", "PY_TASK", "GROUP", "TAG"} <= set(Kind.__members__), hint
    assert callable(HarnessCLI.execute), hint


def test_a_nearly_right_task_is_named() -> None:
    text = _hooks._near_ours("Tasks not found: ifeval_eus")
    assert text is not None
    assert "Did you mean ifeval_eu" in text
    assert _hooks._near_ours("Tasks not found: hellaswagg") is None
    assert _hooks._near_ours("something else") is None


def test_lm_eval_asks_for_standard_errors_as_the_hook_expects() -> None:
    from lm_eval import evaluator_utils
    from lm_eval.api.metrics import mean, stderr_for_metric

    assert list(inspect.signature(stderr_for_metric).parameters) == [
        "metric",
        "bootstrap_iters",
    ], "lm_eval.api.metrics.stderr_for_metric has another signature now"
    module = types.SimpleNamespace(stderr_for_metric=stderr_for_metric)
    _hooks.add_stderr(module)  # type: ignore[arg-type]
    ours = module.stderr_for_metric(metric=ifeval.inst_level_acc, bootstrap_iters=9)
    assert ours([[True], [False, True]]) > 0
    assert module.stderr_for_metric(ifeval.inst_level_acc, 0) is None
    theirs = module.stderr_for_metric(metric=mean, bootstrap_iters=9)
    assert theirs is stderr_for_metric(metric=mean, bootstrap_iters=9)
    source = inspect.getsource(evaluator_utils)
    assert "stderr_fn = stderr_for_metric(" in source, "it is called elsewhere now"


@pytest.mark.slow
def test_lm_eval_ends_in_a_sentence_on_a_typo(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lm_eval", "--model", "dummy", "--tasks", "ifeval_eus"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode != 0
    assert "Unknown task 'ifeval_eus'. Did you mean ifeval_eu" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_missing_data_end_in_a_sentence_before_a_model_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    model = "pretrained=/no/such/model"
    done = subprocess.run(
        [sys.executable, "-m", "lm_eval", "--model_args", model, "-t", "ifeval_eu"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("lm_eval: The IFEval prompts of Merge and Conquer"), last
    assert "iberian fetch iberian_ifeval_eu" in last
    assert "Traceback" not in done.stderr
    assert "/no/such/model" not in done.stderr
