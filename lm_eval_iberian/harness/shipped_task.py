"""Our tasks as lm-eval builds them: their data are what their YAML says, no more.

lm-eval hands the user's ``--metadata`` and the model's arguments to a loader as well,
and prints two lines about it for each task.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lm_eval.api.task import ConfigurableTask


class ShippedTask:
    """What ``class:`` in our templates names; building one returns lm-eval's own task.

    Args:
        config: The task's configuration; lm-eval looks for an argument of this name.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Do nothing: ``__new__`` returns a task of lm-eval's."""

    def __new__(cls, config: Mapping[str, Any]) -> Any:
        """Return lm-eval's task of the configuration's output type."""
        own = {key: value for key, value in config.items() if key != "class"}
        # 0.4 has one class for all tasks, the branch for 0.5 one for each output type
        kinds = getattr(ConfigurableTask, "_registry", {})
        kind = kinds.get(own.get("output_type"), ConfigurableTask)
        return type(kind.__name__, (_DataOfTheYaml, kind), {})(config=own)


class _DataOfTheYaml:
    config: Any
    dataset: Any

    def download(self, *_: Any, **__: Any) -> None:
        options = self.config.dataset_kwargs or {}
        self.dataset = self.config.custom_dataset(**options)
