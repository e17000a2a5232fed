"""Groups and suites: every name exists, no task is in two, the paper's shots."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lm_eval_iberian.errors import DataUnavailableError
from lm_eval_iberian.harness.building import try_to_build
from lm_eval_iberian.harness.leaves import leaves_of_ours
from lm_eval_iberian.ifeval.data import languages
from lm_eval_iberian.paths import task_configs
from lm_eval_iberian.report import load_catalogue
from lm_eval_iberian.tasks.benchmark_catalogue import benchmarks
from lm_eval_iberian.tasks.catalogue import read_config, shipped


GROUPS = {e.name: read_config(e.path) for e in shipped() if e.kind == "group"}
TASKS = {e.name: read_config(e.path) for e in shipped() if e.kind == "task"}
SUITES = [
    *(f"merge_and_conquer_{lang}" for lang in ("eu", "gl", "ca", "es", "en")),
    "merge_and_conquer_mt",
    "merge_and_conquer_ifeval",
]


@pytest.fixture(scope="module")
def upstream() -> dict[str, Any]:
    """Every task, group and tag of the installed lm-eval."""
    import lm_eval.tasks
    from lm_eval.tasks._index import TaskIndex

    return TaskIndex.build([Path(lm_eval.tasks.__file__).parent])


def members(name: str) -> list[dict[str, Any]]:
    listed = GROUPS[name]["task"]
    return [{"task": item} if isinstance(item, str) else item for item in listed]


def leaves(name: str) -> list[dict[str, Any]]:
    found = []
    for item in members(name):
        inner = item["task"] in GROUPS
        found += leaves(item["task"]) if inner else [item]
    return found


@pytest.mark.slow
def test_every_name_in_a_suite_exists(upstream: dict[str, Any]) -> None:
    from lm_eval.tasks._index import Kind

    for name in GROUPS:
        for leaf in leaves(name):
            ours = leaf["task"] in TASKS
            assert ours or leaf["task"] in upstream, (name, leaf)
            if not ours:  # a tag upstream would be several tasks
                assert upstream[leaf["task"]].kind is Kind.TASK


@pytest.mark.slow
def test_no_shipped_name_exists_upstream(upstream: dict[str, Any]) -> None:
    assert len(upstream) > 10_000
    assert not {entry.name for entry in shipped()} & set(upstream)


def test_the_report_knows_a_benchmark_as_its_dataset_does() -> None:
    known = load_catalogue().by_task()
    for dataset in benchmarks():
        one = known[dataset.task]
        assert one.lang == (dataset.lang if dataset.lang != "all" else "mt")
        assert one.items in (None, dataset.rows), dataset.task


@pytest.mark.parametrize("lang", ["eu", "gl", "ca", "es", "en"])
def test_the_report_averages_what_the_suites_hold(lang: str) -> None:
    report = load_catalogue()
    for block, column, suite in (
        ("accuracy", lang.upper(), f"merge_and_conquer_{lang}"),
        ("bleu", f"*-{lang.upper()}", f"merge_and_conquer_mt_{lang}"),
    ):
        held = {report.by_task()[leaf["task"]].id for leaf in leaves(suite)}
        assert held == set(report.blocks[block].columns[column])


def test_no_task_is_in_two_suites() -> None:
    counts = Counter(leaf["task"] for suite in SUITES for leaf in leaves(suite))
    assert [name for name, count in counts.items() if count > 1] == []
    assert len(counts) == 7 + 5 + 4 + 4 + 3 + 14 + 5


@pytest.mark.parametrize("name", GROUPS)
def test_no_task_is_in_a_group_twice(name: str) -> None:
    names = [leaf["task"] for leaf in leaves(name)]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("suite", SUITES)
def test_suites_have_the_paper_s_shots(suite: str) -> None:
    shots = {leaf.get("num_fewshot") for leaf in leaves(suite)}
    assert shots == ({None} if suite.endswith("ifeval") else {5})
    if suite.endswith("ifeval"):
        assert all(TASKS[leaf["task"]]["num_fewshot"] == 0 for leaf in leaves(suite))


@pytest.mark.parametrize("name", GROUPS)
def test_means_are_plain_ones_of_what_every_task_has(name: str) -> None:
    for mean in GROUPS[name].get("aggregate_metric_list", []):
        assert mean["weight_by_size"] is False
        for leaf in leaves(name):
            if leaf["task"] in TASKS:
                metrics = [m["metric"] for m in TASKS[leaf["task"]]["metric_list"]]
                assert mean["metric"] in metrics, (name, leaf)


def test_what_is_measured_otherwise_is_not_averaged() -> None:
    assert "aggregate_metric_list" not in GROUPS["iberian_cola"]
    assert "aggregate_metric_list" not in GROUPS["iberian_mini"]
    assert "aggregate_metric_list" not in GROUPS["merge_and_conquer_mt"]


def test_every_benchmark_has_a_twin_and_all_are_in_one_group() -> None:
    in_group = {leaf["task"] for leaf in leaves("iberian_mini")}
    real = [name for name, c in TASKS.items() if which(c) in ("hub", "paper")]
    aliases = {"ifeval_eu", "ifeval_gl"}  # the same task by another name
    none = set(languages("paper")) - set(languages("mini"))
    aliases |= {f"iberian_ifeval_{lang}" for lang in none}
    assert {f"{name}_mini" for name in set(real) - aliases} <= in_group
    assert all(which(TASKS[name]) == "mini" for name in in_group)
    of_upstream = {leaf["task"] for suite in SUITES for leaf in leaves(suite)}
    for name in of_upstream - set(TASKS):
        assert f"iberian_{name}_mini" in in_group


def which(config: dict[str, Any]) -> Any:
    return (config.get("dataset_kwargs") or {}).get("which")


@pytest.mark.parametrize(
    "name", [n for n in TASKS if n.endswith("_mini") and n[:-5] in TASKS]
)
def test_a_twin_differs_in_its_data_alone(name: str) -> None:
    real = TASKS[name.removesuffix("_mini")]
    changed = {k for k in real | TASKS[name] if real.get(k) != TASKS[name].get(k)}
    assert changed <= {"task", "dataset_kwargs", "metadata", "generation_kwargs"}


@pytest.mark.parametrize("name", [e for e in GROUPS if e.endswith("_mini")])
@pytest.mark.slow
def test_twins_are_built_without_a_network(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import datasets
    from lm_eval.tasks import TaskManager

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("the hub is asked")

    monkeypatch.setattr(datasets, "load_dataset", refuse)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path))
    manager = TaskManager(include_path=task_configs(), include_defaults=False)
    loaded = manager.load(name)
    assert set(loaded["tasks"]) == {leaf["task"] for leaf in leaves(name)}
    for task in loaded["tasks"].values():
        task.set_fewshot_seed(0)
        shots = 0 if task.config.num_fewshot == 0 else 2
        for doc in list(task.eval_docs)[:2]:
            prompt = task.fewshot_context(doc, num_fewshot=shots)
            blank = task.config.target_delimiter.isspace()
            assert not blank or prompt == prompt.rstrip()


@pytest.mark.slow
def test_the_suites_run_together(
    fake_hub: list[tuple[str, str | None, str]],
) -> None:
    """lm-eval refuses two groups that share a task, when it loads them."""
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=task_configs())
    wanted = [name for name in SUITES if not name.endswith("ifeval")]
    loaded = manager.load(wanted)
    assert len(loaded["tasks"]) == 37
    assert {task.config.num_fewshot for task in loaded["tasks"].values()} == {5}
    assert loaded["group_map"]["merge_and_conquer_mt"] == [
        f"merge_and_conquer_mt_{lang}" for lang in ("eu", "gl", "ca", "es", "en")
    ]


@pytest.mark.slow
def test_the_hook_loads_the_data_of_a_suite_before_the_model(
    upstream: dict[str, Any], refusing_hub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=task_configs(), include_defaults=False)
    index = upstream | manager.task_index
    refusing_hub(ConnectionError("offline"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for suite in SUITES:
        ours = leaves_of_ours(index, [suite])
        assert ours
        for leaf in ours:
            with pytest.raises(DataUnavailableError, match="HF_HUB_OFFLINE is set"):
                try_to_build(manager, leaf)
    for leaf in leaves_of_ours(index, ["iberian_mini"]):
        try_to_build(manager, leaf)
    assert not leaves_of_ours(index, ["eus_trivia", "belebele"])  # upstream's
