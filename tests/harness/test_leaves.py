from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lm_eval.tasks._index import Entry, Kind

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.harness.building import build, open_suites, render
from lm_eval_iberian.harness.leaves import UnknownSuiteError, resolve


def entry(kind: str, tags: tuple[str, ...] = (), **cfg: Any) -> Entry:
    return Entry("", Kind[kind], None, cfg, set(tags))


INDEX = {
    "a": entry("TASK", task="a", dataset_path="own/a", num_fewshot=1),
    "b": entry("TASK", task="b", dataset_path="own/b"),
    "tag": entry("TAG", tags=("b", "a")),
    "plain": entry("GROUP", group="plain", task=["b", "tag"]),
    "shots": entry(
        "GROUP", num_fewshot=5, task=[{"task": "a", "num_fewshot": 3}, "b"],
    ),
    "outer": entry("GROUP", task=[{"group": "shots", "num_fewshot": 9}]),
    "inline": entry(
        "GROUP",
        task=[{"group": "x", "task": ["a"]}, {"task": "c", "dataset_path": "own/c"}],
    ),
    "lost": entry("GROUP", group="lost", task=["a", "aa"]),
    "loop": entry("GROUP", group="loop", task=["loop"]),
}  # fmt: skip


def shots(*names: str) -> dict[str, int | None]:
    return {leaf.name: leaf.config.get("num_fewshot") for leaf in resolve(INDEX, names)}


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["a"], {"a": 1}),
        (["tag"], {"a": 1, "b": None}),
        (["plain", "a"], {"b": None, "a": 1}),
        (["shots"], {"a": 3, "b": 5}),
        (["outer"], {"a": 3, "b": 9}),
        (["inline"], {"a": 1, "c": None}),
    ],
)
def test_leaves_with_what_their_groups_override(
    names: list[str], found: dict[str, int | None]
) -> None:
    assert shots(*names) == found


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("plian", "Unknown suite 'plian'. Did you mean plain"),
        ("lost", "Unknown suite 'aa', which the group 'lost' lists"),
        ("\x1b[2J", r"Unknown suite '\\x1b[2J'"),
    ],
)
def test_a_name_that_does_not_exist(name: str, said: str) -> None:
    with pytest.raises(UnknownSuiteError) as caught:
        resolve(INDEX, [name])
    assert said in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_group_of_itself() -> None:
    with pytest.raises(DataError, match="contains itself"):
        resolve(INDEX, ["loop"])


def task(folder: Path, name: str, more: str = "") -> None:
    (folder / "rows.jsonl").write_text('{"q": "bat", "a": "bi"}\n' * 4, "utf-8")
    text = f"""task: {name}
dataset_path: json
dataset_kwargs:
  data_files: {{test: {folder}/rows.jsonl}}
test_split: test
output_type: generate_until
doc_to_text: "{{{{q}}}}"
doc_to_target: "{{{{a}}}}"
generation_kwargs: {{until: ["."]}}
{more}
"""
    (folder / f"{name}.yaml").write_text(text, "utf-8")


def test_shots_are_those_of_the_harness(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Differential: leaves built alone have the configs of those built in groups."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path / "home"))
    for name, more in (("one", "num_fewshot: 1\ntag: some"), ("two", "tag: some")):
        task(tmp_path, name, more)
    groups = {
        "inner": "num_fewshot: 2\ntask:\n  - task: one\n    num_fewshot: 3\n  - two\n",
        "outer": "task:\n  - group: inner\n    num_fewshot: 1\n",
        "tags": "num_fewshot: 2\ntask: [some]\n",
        "anew": "task:\n  - group: within\n    num_fewshot: 2\n    task: [two]\n",
    }
    for name, text in groups.items():
        (tmp_path / f"{name}.yaml").write_text(f"group: {name}\n{text}", "utf-8")
    for name in (*groups, "some", "one"):
        manager, leaves = open_suites([name], [tmp_path])
        wanted = manager.load(name)["tasks"]
        assert [leaf.name for leaf in leaves] == list(wanted), name
        for leaf in leaves:
            mine, theirs = build(manager, leaf), wanted[leaf.name]
            assert mine.config.num_fewshot == theirs.config.num_fewshot, name
            found = render(mine)
            assert found["documents"] == 4
            assert found["shots"] == (theirs.config.num_fewshot or 0)
            assert found["length"] == len("bat") + found["shots"] * len("bat bi\n\n")


@pytest.mark.slow
def test_upstream_s_tasks_are_found_as_well() -> None:
    manager, leaves = open_suites(["eus_exams_eu", "xstorycloze_eu"])
    assert len(leaves) == 30
    assert len(manager.all_tasks) > 10_000
    assert {leaf.config["dataset_path"] for leaf in leaves} == {
        "HiTZ/EusExams",
        "juletxara/xstory_cloze",
    }


def test_our_own_suites_need_no_upstream_index() -> None:
    manager, _ = open_suites(["iberian_ifeval_mini"])
    assert len(manager.all_tasks) < 1000
