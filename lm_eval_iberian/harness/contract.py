"""What this project relies on in lm-eval 0.4.13, as a list that is checked.

``tests/harness/test_contract.py`` walks it against the installed lm-eval; before
anything is attached, the part that it needs is walked as well.
"""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from lm_eval_iberian.errors import IberianError


MADE_FOR = "0.4.13"


class HarnessChangedError(IberianError, AttributeError):
    """The installed lm-eval lacks something, or takes it in another way."""


@dataclass(frozen=True)
class Part:
    """An attribute of lm-eval's.

    Attributes:
        owner: ``module`` or ``module:Class``.
        name: The attribute.
        parameters: What it takes, in order; ``None`` where it is not called by us.
        target: The module that it is attached to; empty for what our commands use.
    """

    owner: str
    name: str
    parameters: tuple[str, ...] | None = None
    target: str = ""

    def check(self) -> None:
        """Look for it in the installed lm-eval.

        Raises:
            HarnessChangedError: It is not there or takes other parameters.
        """
        module, _, kind = self.owner.partition(":")
        try:
            owner = importlib.import_module(module)
            found: Any = getattr(getattr(owner, kind) if kind else owner, self.name)
        except (ImportError, AttributeError):
            raise HarnessChangedError(self._sentence("is not there")) from None
        if self.parameters is None:
            return
        # what we have wrapped ourselves still says what it wraps
        given = tuple(inspect.signature(found).parameters)
        if given != self.parameters:
            raise HarnessChangedError(self._sentence(f"takes {', '.join(given)}"))

    def _sentence(self, what: str) -> str:
        name = f"{self.owner.replace(':', '.')}.{self.name}"
        return (
            f"{name}, which lm-eval-iberian uses, {what} in lm-eval"
            f" {version('lm_eval')}; it was made for {MADE_FOR}"
        )


_MANAGER = "lm_eval.tasks.manager"
_CONFIG = "lm_eval.config.evaluate_config"
_UTILS = "lm_eval.evaluator_utils"
_CLI = "lm_eval._cli.harness"
_MODELS = "lm_eval.models"
_HF = "lm_eval.models.huggingface"
_TRACKER = "lm_eval.loggers:EvaluationTracker"

CONTRACT = (
    Part(
        f"{_MANAGER}:TaskManager",
        "__init__",
        ("self", "verbosity", "include_path", "include_defaults", "metadata"),
        _MANAGER,
    ),
    Part(f"{_MANAGER}:TaskManager", "match_tasks", ("self", "task_list"), _MANAGER),
    Part(f"{_MANAGER}:TaskManager", "load", ("self", "task_list")),
    *(
        Part(f"{_MANAGER}:TaskManager", name, target=_MANAGER)
        for name in (
            *("task_index", "all_tasks", "all_subtasks", "all_groups", "all_tags"),
        )
    ),
    Part(
        "lm_eval.tasks._index:TaskIndex",
        "build",
        ("paths", "resolve_includes"),
        _MANAGER,
    ),
    *(
        Part("lm_eval.tasks._index:Kind", name, target=_MANAGER)
        for name in ("TASK", "PY_TASK", "GROUP", "TAG")
    ),
    Part(f"{_CONFIG}:EvaluatorConfig", "process_tasks", ("self", "metadata"), _CONFIG),
    Part(f"{_CONFIG}:EvaluatorConfig", "tasks", target=_CONFIG),
    Part(f"{_CONFIG}:EvaluatorConfig", "num_fewshot", target=_CONFIG),
    Part(_UTILS, "stderr_for_metric", ("metric", "bootstrap_iters"), _UTILS),
    Part(f"{_CLI}:HarnessCLI", "execute", ("self", "args"), _CLI),
    Part("lm_eval.api.registry", "model_registry", target=_MODELS),
    Part(
        "lm_eval.api.registry:Registry",
        "register",
        ("self", "aliases", "target"),
        _MODELS,
    ),
    Part(_HF, "get_dtype", ("dtype",)),
    Part(f"{_HF}:HFLM", "_create_model"),
    Part(f"{_HF}:HFLM", "get_model_info", ("self",)),
    Part("lm_eval", "simple_evaluate"),
    Part(_TRACKER, "save_results_aggregated", ("self", "results", "samples")),
    Part(_TRACKER, "save_results_samples", ("self", "task_name", "samples")),
    Part("lm_eval.utils", "setup_logging"),
    Part("lm_eval.utils", "make_table"),
    Part(
        "lm_eval.api.model:LM", "create_from_arg_obj", ("arg_dict", "additional_config")
    ),
    Part(
        "lm_eval.api.task:ConfigurableTask",
        "set_config",
        ("self", "key", "value", "update"),
    ),
    Part("lm_eval.api.task:ConfigurableTask", "set_fewshot_seed", ("self", "seed")),
    Part("lm_eval.api.task:ConfigurableTask", "download"),
    Part("lm_eval.api.task:ConfigurableTask", "eval_docs"),
    Part("lm_eval.api.task:ConfigurableTask", "build_all_requests"),
    Part("lm_eval.api.task:ConfigurableTask", "instances"),
    Part(
        "lm_eval.api.samplers:ContextSampler",
        "__init__",
        ("self", "df", "rnd", "fewshot_indices", "kwargs"),
    ),
)


def check_parts(target: str) -> None:
    """Check what is attached to a module, which is there already.

    Raises:
        HarnessChangedError: Something of it is not as it was.
    """
    for part in CONTRACT:
        if part.target == target:
            part.check()
