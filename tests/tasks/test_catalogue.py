from __future__ import annotations

from pathlib import Path

import pytest

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.paths import task_configs
from lm_eval_iberian.tasks.catalogue import read_config, shipped, task_names


@pytest.fixture(scope="module")
def upstream() -> set[str]:
    """Every task, group and tag of the installed lm-eval."""
    import lm_eval.tasks
    from lm_eval.tasks._index import TaskIndex

    return set(TaskIndex.build([Path(lm_eval.tasks.__file__).parent]))


def test_lists_the_tasks() -> None:
    kinds = {entry.name: entry.kind for entry in shipped()}
    assert kinds["ifeval_eu"] == kinds["ifeval_eu_mini"] == "task"


def test_every_shipped_task_says_what_it_is() -> None:
    assert all(e.description for e in shipped() if e.kind != "tag")


@pytest.mark.slow
def test_no_shipped_name_exists_upstream(upstream: set[str]) -> None:
    assert len(upstream) > 10_000
    assert not set(task_names()) & upstream


def test_every_family_has_a_readme() -> None:
    families = [p for p in task_configs().iterdir() if p.is_dir()]
    missing = [p.name for p in families if not (p / "README.md").is_file()]
    assert not missing


def test_every_yaml_is_one_that_lm_eval_indexes() -> None:
    from lm_eval.tasks._index import TaskIndex

    assert set(TaskIndex.build([task_configs()])) == set(task_names())


def test_groups_and_tags_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("task: a\ntag: [t, u]\n")
    (tmp_path / "g.yaml").write_text("group: g\ntask: [a]\n")
    found = {(entry.kind, entry.name) for entry in shipped(tmp_path)}
    assert found == {("task", "a"), ("group", "g"), ("tag", "t"), ("tag", "u")}


def test_a_broken_yaml_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("task: a\n  b: [\n")
    with pytest.raises(DataError, match=r"a\.yaml is not YAML.*line 2"):
        read_config(path)


def test_includes_are_merged_and_local_keys_win(tmp_path: Path) -> None:
    (tmp_path / "base").write_text("task: x\noutput_type: generate_until\n")
    (tmp_path / "a.yaml").write_text("include: base\ntask: a\n")
    assert read_config(tmp_path / "a.yaml") == {
        "task": "a",
        "output_type": "generate_until",
    }
