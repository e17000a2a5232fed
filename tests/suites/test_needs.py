from __future__ import annotations

from typing import Any

import pytest

from lm_eval_iberian.harness.leaves import Leaf
from lm_eval_iberian.suites.needs import need_of, needs, sources


def leaf(name: str = "a", **config: Any) -> Leaf:
    return Leaf(name, config, name)


HUB = {"dataset_path": "own/a", "dataset_name": "eu"}


@pytest.mark.parametrize(
    ("config", "key"),
    [
        (HUB, ("own/a", "eu", "{}")),
        ({"dataset_path": "own/a"}, ("own/a", "", "{}")),
        (HUB | {"dataset_kwargs": {"trust_remote_code": True}}, ("own/a", "eu", "{}")),
        (HUB | {"dataset_kwargs": {"revision": "main"}}, ("own/a", "eu", "{}")),
        (
            HUB | {"dataset_kwargs": {"revision": "v1", "data_dir": "x"}},
            ("own/a", "eu", '{"data_dir": "x", "revision": "v1"}'),
        ),
        (
            {
                "custom_dataset": "/some/where/cola/utils.load",
                "dataset_kwargs": {"n": 1},
            },
            ("cola/utils.load", "n=1", '{"n": 1}'),
        ),
        ({"class": "/up/squad/task.S"}, ("squad/task.S", "task=a", '{"task": "a"}')),
    ],
)
def test_what_tells_a_need_from_others(
    config: dict[str, Any], key: tuple[str, str, str]
) -> None:
    assert need_of(leaf(**config)).key == key


def test_a_dataset_of_many_tasks_is_needed_once() -> None:
    found = needs([leaf("a", **HUB), leaf("b", **HUB), leaf("c", dataset_path="own/a")])
    assert [need.config for need in found] == ["eu", ""]
    assert len({need.lane for need in found}) == 1  # one repository, one lane


def test_the_hub_s_part_of_what_our_loaders_need() -> None:
    ours = {"custom_dataset": "/x/cola/utils.load"}
    kwargs = {"dataset": "cola", "lang": "gl"}
    (one,) = sources(need_of(leaf(**ours, dataset_kwargs=kwargs)))
    assert (one.kind, one.dataset) == ("hub", "proxectonos/galcola")
    assert not sources(need_of(leaf(**ours, dataset_kwargs=kwargs | {"which": "mini"})))
    assert not sources(
        need_of(leaf(**ours, dataset_kwargs={"dataset": "x", "lang": "y"}))
    )
    assert not sources(need_of(leaf(**HUB)))
