"""Tasks as lm-eval builds them, without a model."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import DataError, DataUnavailableError, IberianError
from lm_eval_iberian.harness.leaves import Leaf, UnknownSuiteError, resolve
from lm_eval_iberian.paths import task_configs
from lm_eval_iberian.terminal import one_line


_ALONE = "iberian_alone"  # a group of one, never written anywhere
_SEED = 1234  # lm_eval's default for few-shot examples


def open_suites(
    names: Sequence[str], include_path: Sequence[Path] = ()
) -> tuple[Any, list[Leaf]]:
    """Return a ``TaskManager`` and the tasks of the suites.

    Upstream's 14,000 names take seconds to index: they are left out where no suite
    needs them.

    Raises:
        UnknownSuiteError: No such suite.
        DataUnavailableError: A folder of ``include_path`` does not exist.
    """
    from lm_eval.tasks import TaskManager

    for path in include_path:
        if not path.is_dir():  # lm-eval says nothing
            raise DataUnavailableError(f"--include-path {path} is not a folder")
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    paths = [task_configs(), *include_path]
    few = TaskManager(include_path=paths, include_defaults=False)
    try:
        return few, resolve(few.task_index, names)
    except UnknownSuiteError:
        every = TaskManager(include_path=paths)
        return every, resolve(every.task_index, names)


def build(manager: Any, leaf: Leaf) -> Any:
    """Return the task object, its data loaded, as the harness would build it.

    Raises:
        Exception: Whatever the task's loader, the harness or an import raises.
    """
    # a mapping: beside a bare name the harness would take the group's own keys
    item = {"task": leaf.item} if isinstance(leaf.item, str) else dict(leaf.item)
    (task,) = manager.load({"group": _ALONE, "task": [item]})["tasks"].values()
    return task


def try_to_build(manager: Any, leaf: Leaf) -> Any:
    """Return the task object, or say in one sentence why there is none.

    Raises:
        IberianError: What the task's loader says, or what lm-eval does.
    """
    try:
        return build(manager, leaf)
    except IberianError:
        raise
    except Exception as error:  # what may come is not one family of exceptions
        raise DataError(
            f"The task {leaf.name} cannot be built:"
            f" {type(error).__name__}: {one_line(error, 300)}"
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep lm-eval from saying everything twice while tasks are tried."""
    logger = logging.getLogger("lm_eval")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def check_shots(task: Any, shots: int | None = None) -> None:
    """Give a task its number of examples, as lm-eval does, if it has that many.

    Args:
        task: What ``build`` returned.
        shots: How many; the task's own number when None. A task that fixes its number
            to 0 keeps it, as in ``lm_eval``.

    Raises:
        DataError: It has fewer to give.
    """
    if shots is not None and task.config.num_fewshot != 0:
        task.set_config(key="num_fewshot", value=shots)
    wanted = task.config.num_fewshot or 0
    if not (wanted and hasattr(task, "sampler")):
        return
    # a document is no example of itself
    same = task.fewshot_cfg.split == task.config.test_split
    available = max(0, len(task.sampler.df) - same)
    if wanted > available:
        raise DataError(
            f"The task {task.config.task} has {available} examples to give, {wanted}"
            f" were asked for: --num_fewshot {available} is the most"
        )


def render(task: Any, shots: int | None = None) -> dict[str, int]:
    """Return the number of documents, of shots, and the first prompt's length.

    The prompt is built by the harness's own way, with its default seed, for no model.

    Args:
        task: What ``build`` returned.
        shots: How many examples; the task's own number when None. A task that fixes
            its number to 0 keeps it, as in ``lm_eval``.

    Raises:
        DataError: There are no documents, or fewer examples.
        Exception: Whatever the task's functions raise.
    """
    check_shots(task, shots)
    task.set_fewshot_seed(seed=_SEED)
    documents = len(task.eval_docs)
    if not documents:
        raise DataError("The dataset is here and has no documents for the task")
    task.build_all_requests(limit=1)
    prompt = task.instances[0].arguments[0]
    return {
        "documents": documents,
        "shots": task.config.num_fewshot or 0,
        "length": len(prompt),
    }
