"""The YAMLs alone: what lm-eval builds from them, whatever its registry knows."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from lm_eval_iberian.paths import task_configs
from lm_eval_iberian.tasks.catalogue import read_config, shipped


pytestmark = pytest.mark.slow  # lm-eval builds each task
CONFIGS = {e.name: read_config(e.path) for e in shipped() if e.kind == "task"}


def needs_no_network(config: dict[str, Any]) -> bool:
    kwargs = config.get("dataset_kwargs") or {}
    return kwargs.get("which") == "mini" or "which" not in kwargs


OFFLINE = [name for name, config in CONFIGS.items() if needs_no_network(config)]


def built(name: str, metadata: dict[str, Any] | None = None) -> Any:
    from lm_eval.tasks import TaskManager

    manager = TaskManager(
        include_path=task_configs(), include_defaults=False, metadata=metadata
    )
    return manager.load(name)["tasks"][name]


@pytest.mark.parametrize("name", OFFLINE)
def test_a_user_s_metadata_change_no_data(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    alone = built(name)
    with caplog.at_level(logging.WARNING):
        hostile = {"lang": "gl", "which": "paper", "dataset": "cola", "pretrained": "x"}
        given = built(name, hostile)
    assert not caplog.records
    assert list(given.eval_docs) == list(alone.eval_docs)
    assert given.config.metadata["lang"] == "gl"
    assert given.VERSION == alone.VERSION


@pytest.mark.parametrize("name", CONFIGS)
def test_what_is_scored_needs_no_name_that_upstream_may_drop(name: str) -> None:
    """Accuracy and the mean are its core; all else is a function of ours."""
    config = CONFIGS[name]
    if config["output_type"] != "multiple_choice":
        assert config["process_results"].startswith("utils."), name
    for metric in config["metric_list"]:
        ours = str(metric["aggregation"]).startswith("utils.")
        assert ours or metric["aggregation"] == "mean", metric


@pytest.mark.parametrize("name", [n for n in OFFLINE if "flores" in n])
def test_a_translation_task_is_built_whatever_metrics_are_registered(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lm_eval.api import registry, task

    def refuse(metric: str, *_: object) -> None:
        raise AssertionError(f"{metric} is looked up")

    monkeypatch.setattr(registry, "get_metric", refuse)
    monkeypatch.setattr(task, "get_metric", refuse)
    found = built(name)
    doc = found.eval_docs[0]
    scores = found.process_results(doc, ["Kaixo."])
    assert set(scores) == set(found.aggregation())
    assert scores["bleu"] == (found.doc_to_target(doc), "Kaixo.")
