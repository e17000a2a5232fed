"""What happens with a mergekit that this package does not know."""

from __future__ import annotations

import inspect
import re
import types
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from mergekit_ext import attach, checked_merge, compat
from mergekit_ext.errors import CompatError, MergeError


def module(**attributes: Any) -> types.ModuleType:
    fake = types.ModuleType("mergekit.merge")
    vars(fake).update(attributes)
    return fake


@pytest.mark.parametrize("found", ["0.1.5", "0.1.5.dev3", "0.1.10", "0.1.9rc1"])
def test_knows_its_series(found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compat, "version", lambda _: found)
    compat.check_mergekit()


@pytest.mark.parametrize(
    "found", ["0.1.4", "0.1", "0.1.4.post1", "0.2.0", "0.2.0rc1", "1.1.0", "0.10.1"]
)
def test_refuses_another(found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compat, "version", lambda _: found)
    with pytest.raises(CompatError, match=f"mergekit {found} is installed"):
        attach.guard_run_merge(module(run_merge=lambda: None), print)


def test_says_that_mergekit_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(compat, "version", absent)
    with pytest.raises(CompatError, match="not installed"):
        compat.check_mergekit()


def test_says_what_has_moved() -> None:
    with pytest.raises(CompatError, match=r"has no mergekit.merge.run_merge, which"):
        attach.guard_run_merge(module(), print)


def test_says_that_a_signature_has_changed() -> None:
    fake = module(run_merge=lambda config, out: None)
    with pytest.raises(CompatError, match="run_merge no longer takes"):
        attach.guard_run_merge(fake, print)


def config(method: str) -> Any:
    return types.SimpleNamespace(merge_method=method)


FAULTS: dict[str, Any] = {
    "another release": ("version", lambda _: "0.1.4"),
    "a module that is gone": ("part", lambda name: 1 / 0),
}


@pytest.mark.parametrize("why", FAULTS)
def test_a_merge_of_others_goes_on_whatever_of_ours_fails(
    why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, broken = FAULTS[why]
    owner = compat if name == "version" else checked_merge
    monkeypatch.setattr(owner, name, broken)
    told: list[Exception] = []

    def run_merge(merge_config: Any, out_path: str, options: Any, config_source=None):  # type: ignore[no-untyped-def]
        return merge_config, out_path, options, config_source

    fake = module(run_merge=run_merge)
    try:
        attach.guard_run_merge(fake, told.append)
    except CompatError as error:  # as the hook does
        told.append(error)
    theirs = config("linear")
    assert fake.run_merge(theirs, "out", options=1) == (theirs, "out", 1, None)
    assert len(told) == 1
    with pytest.raises(MergeError, match=r"'fused_ties' is lm-eval-iberian's, which"):
        fake.run_merge(config("fused_ties"), "out", options=1)


def test_a_merge_of_ours_never_goes_on_unchecked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run_merge(
        merge_config: Any, out_path: str, options: Any, config_source: Any = None
    ) -> None:
        raise AssertionError("it went on")

    monkeypatch.setattr(compat, "version", lambda _: "0.1.5")
    fake = module(run_merge=run_merge)
    attach.guard_run_merge(fake, print)
    options = types.SimpleNamespace()  # without a device
    with pytest.raises(AttributeError, match="device"):
        fake.run_merge(config("fused_ties"), "out", options)


def test_what_mergekit_has_added_is_passed_on() -> None:
    def run_merge(merge_config: Any, out_path: str, *, more: int = 0) -> Any:
        return merge_config, out_path, more

    fake = module(run_merge=run_merge)
    with pytest.raises(CompatError, match="no longer takes"):
        attach.guard_run_merge(fake, print)
    theirs = config("linear")
    assert fake.run_merge(theirs, "out", more=3) == (theirs, "out", 3)
    with pytest.raises(CompatError, match=r"'layer_swap' .* no longer takes"):
        fake.run_merge(config("layer_swap"), "out")


def test_errors_are_those_a_caller_would_catch() -> None:
    assert issubclass(CompatError, ImportError)
    assert issubclass(CompatError, MergeError)


@pytest.mark.parametrize(
    ("module", "name", "parameters"),
    [
        ("architecture", "get_architecture_info", ("config", "options")),
        ("architecture.conversion", "_expanded_target_keys", None),
        ("architecture.conversion", "get_checkpoint_conversion_mapping", None),
        ("architecture.conversion", "can_convert_checkpoint_keys", None),
        ("card", "generate_card", None),
        ("common", "ModelPath", None),
        ("config", "MergeConfiguration", None),
        (
            "graph",
            "Executor",
            ("targets", "math_device", "storage_device", "cached_values"),
        ),
        ("graph", "TaskUniverse", ("tasks",)),
        ("io.loader", "LazyPickleLoader", None),
        ("io.loader", "DumbPytorchLoader", None),
        ("io.tasks", "LoaderCache", None),
        ("io.tasks", "GatherTensors", None),
        ("merge", "_model_out_config", ("config", "arch_info", "trust_remote_code")),
        (
            "merge",
            "run_merge",
            ("merge_config", "out_path", "options", "config_source"),
        ),
        ("merge_methods.task_adapter", "ExecuteMergeMethodTask", None),
        ("options", "PrettyPrintHelp", None),
        ("options", "MergeOptions", None),
        (
            "plan",
            "MergePlanner",
            ("config", "arch_info", "options", "out_model_config"),
        ),
        ("tokenizer", "BuildTokenizer", None),
        ("tokenizer", "PermutedVocabulary", None),
        ("tokenizer.config", "ModelTokenEmbedding", None),
        ("tokenizer.config", "TokenizerConfig", None),
        ("tokenizer.config", "ZeroEmbedding", None),
    ],
)
def test_the_installed_mergekit_has_what_is_used_of_it(
    module: str, name: str, parameters: tuple[str, ...] | None
) -> None:
    """A failure here says what upstream changed."""
    found = compat.attribute(compat.part(module), name)
    if parameters is not None:
        assert tuple(inspect.signature(found).parameters) == parameters


def test_the_table_of_what_is_used_is_whole(root: Path) -> None:
    used = {
        name
        for path in (root / "mergekit_ext").rglob("*.py")
        for name in re.findall(
            r'attribute\(\s*(?:part\("[a-z_.]+"\)|config|merge|conversion), "(\w+)"',
            path.read_text("utf-8"),
        )
    }
    mark = test_the_installed_mergekit_has_what_is_used_of_it.pytestmark[0]  # type: ignore[attr-defined]
    assert used
    assert used <= {name for _, name, _ in mark.args[1]}


def test_the_release_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def found(name: str) -> str:
        asked.append(name)
        return "0.1.5"

    monkeypatch.setattr(compat, "version", found)
    for _ in range(3):
        compat.part("graph")
    assert asked == ["mergekit"]
