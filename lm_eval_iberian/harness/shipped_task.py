"""Our tasks as lm-eval builds them: their data are what their YAML says, no more.

lm-eval hands the user's ``--metadata`` and the model's arguments to a loader as well,
and prints two lines about it for each task. It does not tell a task how its answers
came about: the limit is in the task's own settings, the tokenizer is that of the model
whose chat template lm-eval hands over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Any

from lm_eval.api.task import ConfigurableTask

from lm_eval_iberian._bootstrap import warn
from lm_eval_iberian.health import Generation


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
        ours = _WritingTask if own.get("output_type") == "generate_until" else _OurTask
        return type(kind.__name__, (ours, kind), {})(config=own)


class _OurTask:
    config: Any
    dataset: Any

    def download(self, *_: Any, **__: Any) -> None:
        options = self.config.dataset_kwargs or {}
        self.dataset = self.config.custom_dataset(**options)


class _WritingTask(_OurTask):
    """A task whose answers are scored with what is known of their generation."""

    _generation: Generation | None = None

    def build_all_requests(self, *args: Any, **kwargs: Any) -> Any:
        asked = self.config.generation_kwargs or {}
        limit, until = asked.get("max_gen_toks"), asked.get("until") or ()
        # a method of the model that will answer: there is no other way to it
        model = getattr(kwargs.get("chat_template"), "__self__", None)
        tokenizer = getattr(model, "tokenizer", None)
        self._generation = Generation(
            limit=limit if isinstance(limit, int) else None,
            count_tokens=_counting(tokenizer),
            markers=_own_marks(tokenizer),
            until=(until,) if isinstance(until, str) else tuple(until),
        )
        return super().build_all_requests(*args, **kwargs)  # type: ignore[misc]

    def process_results(self, doc: Any, results: Sequence[Any]) -> Any:
        score = self.config.process_results
        # another's YAML may include our template and score otherwise
        if callable(score) and "generation" in signature(score).parameters:
            return score(doc, results, generation=self._generation)
        return super().process_results(doc, results)  # type: ignore[misc]


def _counting(tokenizer: Any) -> Callable[[str], int] | None:
    """Return what counts a text's tokens, None if this tokenizer cannot."""
    if tokenizer is None:
        return None

    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False))

    try:
        count("a")
    except Exception as error:
        warn("this model's tokenizer, to count tokens for no_stop_rate", error)
        return None
    return count


def _own_marks(tokenizer: Any) -> tuple[str, ...]:
    """Return the special tokens of a model, which in an answer are marks of turns."""
    tokens = getattr(tokenizer, "all_special_tokens", None) or ()
    return tuple(token for token in tokens if isinstance(token, str) and len(token) > 3)
