"""What is attached to lm-eval, and that lm-eval comes first; on the real one."""

from __future__ import annotations

import inspect
import math
import os
import subprocess
import sys
import types
import warnings
from pathlib import Path
from typing import Any

import pytest

from lm_eval_iberian import _bootstrap
from lm_eval_iberian.errors import DataError, DataUnavailableError
from lm_eval_iberian.harness import attach
from lm_eval_iberian.tasks import ifeval
from lm_eval_iberian.tasks.catalogue import task_names


pytestmark = pytest.mark.slow  # lm-eval reads 14,000 files for its index


@pytest.fixture(scope="module")
def hooked(read_once: None) -> Any:
    """lm-eval's own class with our hook on it, whether or not a start-up file runs."""
    from lm_eval.tasks import manager

    class Module(types.ModuleType):
        TaskManager = type("TaskManager", (manager.TaskManager,), {})

    before = {n: getattr(manager.TaskManager, n) for n in ("__init__", "match_tasks")}
    bare = {name: inspect.unwrap(method) for name, method in before.items()}
    for name, method in bare.items():
        setattr(Module.TaskManager, name, method)
    attach.add_tasks(Module("lm_eval.tasks.manager"))
    attach.add_tasks(Module("lm_eval.tasks.manager"))
    return Module.TaskManager


@pytest.fixture(scope="module")
def manager(hooked: Any) -> Any:
    return hooked()


@pytest.fixture(scope="module")
def upstream(read_once: None) -> Any:
    """A manager as it is where nobody has installed us."""
    from lm_eval.tasks.manager import TaskManager

    plain = types.new_class("TaskManager", (TaskManager,))
    for name in ("__init__", "match_tasks"):
        setattr(plain, name, inspect.unwrap(getattr(TaskManager, name)))
    return plain()


@pytest.fixture(autouse=True)
def every_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning is given once a process: each test here is a process of its own."""
    for name, value in list(vars(_bootstrap).items()):
        if name.startswith("_warned"):
            monkeypatch.setattr(_bootstrap, name, type(value)())


def test_adds_every_shipped_name(manager: Any) -> None:
    assert set(task_names()) <= set(manager.all_tasks)
    assert manager.all_tasks == sorted(manager.task_index)
    assert "ifeval_eu" in manager.all_subtasks
    assert "iberian_mini" in manager.all_groups
    assert "iberian_mini" not in manager.all_subtasks


def test_never_overrides_a_name_that_is_there(hooked: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("task: ifeval_eu\ndataset_path: own/eu\n")
    manager = hooked(include_path=str(tmp_path))
    assert manager.task_index["ifeval_eu"].yaml_path == tmp_path / "mine.yaml"
    assert "ifeval_eu_mini" in manager.task_index


def test_adds_nothing_without_the_default_tasks(hooked: Any) -> None:
    assert not hooked(include_defaults=False).task_index
    assert not hooked(None, None, False).task_index


@pytest.mark.parametrize(
    "pattern",
    ["ifeval*", "*belebele*", "*cola*", "*", "*_eu", "[i]berian*", "?berian*", "ib*"],
)
def test_a_pattern_matches_what_it_matches_without_us(
    manager: Any, upstream: Any, pattern: str
) -> None:
    found = upstream.match_tasks([pattern])
    assert found or pattern in ("[i]berian*", "?berian*", "ib*")
    assert manager.match_tasks([pattern]) == found


def test_a_pattern_that_begins_with_our_prefix_reaches_ours(manager: Any) -> None:
    ours = task_names()
    for begin in ("iberian", "merge_and_conquer"):
        wanted = [name for name in ours if name.startswith(begin)]
        assert manager.match_tasks([f"{begin}*"]) == sorted(wanted)
    assert manager.match_tasks(["ifeval_eu"]) == ["ifeval_eu"]
    both = manager.match_tasks(["ifeval*", "ifeval_eu"])
    assert "ifeval_eu" in both
    assert "ifeval_gl" not in both


def test_a_pattern_that_hits_a_group_and_its_tasks_is_refused_by_lm_eval(
    manager: Any, root: Path
) -> None:
    """What the README says of ``"iberian_ifeval*"``."""
    names = manager.match_tasks(["iberian_ifeval*_mini", "iberian_ifeval_mini"])
    assert {"iberian_ifeval_mini", "iberian_ifeval_eu_mini"} <= set(names)
    with pytest.raises(ValueError, match="Duplicate task"):
        manager.load(names)
    assert 'it stops with "Duplicate task"' in (root / "README.md").read_text("utf-8")
    alone = manager.load(["iberian_ifeval_mini"])["tasks"]
    assert "iberian_ifeval_eu_mini" in alone


def config(tasks: Any, **more: Any) -> Any:
    from lm_eval.config.evaluate_config import EvaluatorConfig

    return EvaluatorConfig(tasks=tasks, **more)


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch, manager: Any) -> Any:
    """``process_tasks`` of a config, with our hook, on the manager that is there."""
    import lm_eval.tasks
    from lm_eval.config import evaluate_config

    monkeypatch.setattr(lm_eval.tasks, "TaskManager", lambda **options: manager)
    kind = evaluate_config.EvaluatorConfig
    bare = inspect.unwrap(kind.process_tasks)
    monkeypatch.setattr(kind, "process_tasks", bare)
    attach.check_named_tasks(evaluate_config)

    def process(tasks: Any, **more: Any) -> Any:
        made = config(tasks, **more)
        return made, made.process_tasks()

    return process


def test_data_are_loaded_before_a_model_is(
    process: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    made, _ = process("ifeval_eu_mini")
    assert made.tasks == ["ifeval_eu_mini"]
    for tasks in ("ifeval_eu", ["ifeval_eu"], "ifeval_eu_mini,ifeval_eu"):
        with pytest.raises(DataUnavailableError, match="HF_HUB_OFFLINE is set"):
            process(tasks)
    with pytest.raises(DataUnavailableError, match="HF_HUB_OFFLINE is set"):
        process("iberian_ifeval")  # a group


def test_no_data_are_loaded_because_a_pattern_hit_a_task(
    process: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    made, _ = process("iberian_ifeval_e*")
    assert "iberian_ifeval_eu" in made.tasks


def test_upstream_s_tasks_are_not_ours_to_load(process: Any) -> None:
    made, _ = process("sciq,eus_trivia")
    assert made.tasks == ["sciq", "eus_trivia"]


def test_too_many_shots_are_said_before_a_model_is_loaded(process: Any) -> None:
    process("iberian_belebele_gl_mini", num_fewshot=2)
    said = "iberian_belebele_gl_mini has 23 examples to give, 30 were asked for"
    with pytest.raises(DataError, match=said):
        process("iberian_belebele_gl_mini", num_fewshot=30)
    process("iberian_ifeval_gl_mini", num_fewshot=30)  # fixed to 0, as lm-eval has it


def test_a_fault_of_a_named_task_is_one_sentence(
    process: Any, manager: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(item: Any) -> None:
        raise TypeError("what\nis this")

    monkeypatch.setattr(manager, "load", load)
    with pytest.raises(DataError) as caught:
        process("iberian_belebele_gl_mini")
    assert str(caught.value) == (
        "The task iberian_belebele_gl_mini cannot be built: TypeError: what is this"
    )


def test_a_manager_without_an_index_is_one_warning_a_target(
    hooked: Any, process: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As lm-eval's branch for 0.5 has it."""
    import lm_eval.tasks
    from lm_eval.tasks.manager import TaskManager

    monkeypatch.setattr(lm_eval.tasks, "TaskManager", hooked)
    monkeypatch.delattr(TaskManager, "task_index")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made, manager = process("sciq")
        manager.match_tasks(["sciq"])
        attach._init_with_ours(lambda _: None, manager)  # as for a second manager
    assert made.tasks == ["sciq"]
    texts = [str(one.message) for one in caught if "lm-eval-iberian" in str(one)]
    assert len([text for text in texts if "lm_eval.tasks.manager" in text]) == 1
    assert len(texts) <= 2


def test_without_our_folder_upstream_s_tasks_run(
    hooked: Any, process: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import lm_eval.tasks

    from lm_eval_iberian import paths

    monkeypatch.setattr(lm_eval.tasks, "TaskManager", hooked)
    monkeypatch.setattr(paths, "_ROOTS", (tmp_path,))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made, _ = process("sciq")
    assert made.tasks == ["sciq"]
    assert any("task_configs" in str(one.message) for one in caught)


def test_a_nearly_right_task_is_named() -> None:
    text = attach._word_unknown("Tasks not found: ifeval_eus")
    assert text is not None
    assert "Did you mean ifeval_eu" in text
    assert len(text.partition("Did you mean ")[2].partition("?")[0].split(", ")) == 3
    assert "`lm_eval ls tasks`" in text
    assert len(text) < 300
    assert attach._word_unknown("Tasks not found: hellaswagg") is None
    assert attach._word_unknown("something else") is None
    text = attach._word_unknown("Tasks not found: ifeval_eu")
    assert text is not None
    assert "--include_path" in text


def test_an_error_that_cannot_be_worded_is_lm_eval_s_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def execute(self: Any, args: Any) -> None:
        raise ValueError("Tasks not found: ifeval_eus")

    monkeypatch.setattr(attach, "_word_unknown", lambda text: 1 / 0)
    with pytest.warns(RuntimeWarning), pytest.raises(ValueError, match="ifeval_eus"):
        attach._execute_in_words(execute, None, None)


def test_standard_errors_of_ours_and_of_lm_eval_s_own() -> None:
    from lm_eval import evaluator_utils
    from lm_eval.api.metrics import mean, stderr_for_metric

    module = types.SimpleNamespace(stderr_for_metric=stderr_for_metric)
    attach.add_stderr(module)  # type: ignore[arg-type]
    ours = module.stderr_for_metric(metric=ifeval.inst_level_acc, bootstrap_iters=9)
    assert ours([[True], [False, True]]) > 0
    assert module.stderr_for_metric(ifeval.inst_level_acc, 0) is None
    theirs = module.stderr_for_metric(metric=mean, bootstrap_iters=9)
    assert theirs is stderr_for_metric(metric=mean, bootstrap_iters=9)
    source = inspect.getsource(evaluator_utils)
    assert "stderr_fn = stderr_for_metric(" in source, "it is called elsewhere now"


def test_a_standard_error_that_fails_loses_no_run() -> None:
    from lm_eval.api.metrics import stderr_for_metric

    module = types.SimpleNamespace(stderr_for_metric=stderr_for_metric)
    attach.add_stderr(module)  # type: ignore[arg-type]
    ours = module.stderr_for_metric(metric=ifeval.inst_level_acc, bootstrap_iters=9)
    with pytest.warns(RuntimeWarning, match=r"lm_eval\.evaluator_utils"):
        assert math.isnan(ours("junk"))


def test_without_our_standard_errors_lm_eval_has_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from lm_eval.api.metrics import mean, stderr_for_metric

    module = types.SimpleNamespace(stderr_for_metric=stderr_for_metric)
    attach.add_stderr(module)  # type: ignore[arg-type]
    where = "lm_eval_iberian.tasks.standard_errors"
    monkeypatch.setitem(sys.modules, where, None)
    with pytest.warns(RuntimeWarning, match=r"lm_eval\.evaluator_utils"):
        found = module.stderr_for_metric(metric=mean, bootstrap_iters=9)
    assert found is stderr_for_metric(metric=mean, bootstrap_iters=9)


def lm_eval(
    tmp_path: Path, *arguments: str, before: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run ``lm_eval run``, after some code, with a hub that nobody reaches."""
    code = (
        f"{before}\nimport sys; sys.argv[0] = 'lm_eval'\n"
        "from lm_eval.__main__ import cli_evaluate; cli_evaluate()"
    )
    return subprocess.run(
        [sys.executable, "-c", code, "run", "--model", "dummy", *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")},
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        "import lm_eval.tasks.manager as m; del m.TaskManager.task_index",
        "import lm_eval_iberian.paths as p; p._ROOTS = ()",
        "import sys; sys.modules['lm_eval_iberian.harness.attach'] = None",
        "import sys; sys.modules['lm_eval_iberian.harness.leaves'] = None",
    ],
)
def test_upstream_s_own_task_reaches_its_dataset_whatever_fails_here(
    tmp_path: Path, fault: str
) -> None:
    done = lm_eval(tmp_path, "--tasks", "sciq", before=fault)
    last = done.stderr.strip().splitlines()[-1]
    assert "allenai/sciq" in last or "sciq" in last, done.stderr[-2000:]
    assert "Couldn't" in last or "offline" in last.lower(), last


@pytest.mark.slow
def test_lm_eval_ends_in_a_sentence_on_a_typo(tmp_path: Path) -> None:
    done = lm_eval(tmp_path, "--tasks", "ifeval_eus")
    assert done.returncode != 0
    assert "Unknown task 'ifeval_eus'. Did you mean ifeval_eu" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_missing_data_end_in_a_sentence_before_a_model_is_loaded(
    tmp_path: Path,
) -> None:
    arguments = ("--model", "hf", "--model_args", "pretrained=/no/such/model")
    done = lm_eval(tmp_path, *arguments, "--tasks", "ifeval_eu")
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("lm_eval: The IFEval prompts of Merge and Conquer"), last
    assert "iberian_ifeval_eu" in last
    assert "Traceback" not in done.stderr
    assert "/no/such/model" not in done.stderr
