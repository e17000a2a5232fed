"""Asks a copy of lm-eval about exported tasks, and prints what it says as JSON.

Run without this project: ``python -S host_checks.py QUESTIONS``. What lm-eval's own
tests of tasks check is checked here in other words.
"""

from __future__ import annotations

import inspect
import io
import json
import logging
import sys
from contextlib import redirect_stdout
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any


LIMIT = 10


class Kept(logging.Handler):
    """Keeps what is logged as a warning or worse."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def importable(name: str) -> bool:
    try:
        import_module(name)
    except ImportError:
        return False
    return True


def faults(task: Any) -> list[str]:
    """Return what lm-eval's tests of tasks would object to."""
    config, found = task.config, []
    for split in ("training", "validation", "test"):
        if getattr(task, f"has_{split}_docs")() != bool(config[f"{split}_split"]):
            found.append(f"{split} documents without a split, or the other way round")
    if task.should_decontaminate() and not config.doc_to_decontamination_query:
        found.append("nothing says what to look for in training data")
    every = list(task.test_docs() if task.has_test_docs() else task.validation_docs())
    raw = task.dataset[config.test_split or config.validation_split]
    if not every:
        found.append("there are no documents")
    if len({tuple(sorted(doc)) for doc in every}) != 1:
        found.append("documents have different fields")
    if config.process_docs is not None:
        processed = config.process_docs(raw)
        if list(processed) != every:
            found.append("process_docs gives others the second time")
        # lines of text become documents, other rows keep their fields
        if config.dataset_path != "text" and processed.features != raw.features:
            found.append("process_docs changes the schema")
    docs = list(islice(every, LIMIT))
    for doc in docs:
        text = task.doc_to_text(doc)
        if not isinstance(text, str):
            found.append(f"a prompt is no text: {text!r}")
        elif config.target_delimiter.isspace() and text[-1:].isspace():
            found.append(f"white space before white space: {text[-20:]!r}")
        target = task.doc_to_target(doc)
        if config.output_type == "multiple_choice":
            choices = task.doc_to_choice(doc)
            if not (isinstance(choices, list) and choices):
                found.append(f"no list of choices: {choices!r}")
            elif not all(isinstance(one, str) and one for one in choices):
                found.append(f"choices are no texts: {choices!r}")
            elif not (isinstance(target, int) and 0 <= target < len(choices)):
                found.append(f"no choice is {target!r}")
        requests = task.construct_requests(doc=doc, ctx=text)
        if not requests:
            found.append("nothing is asked of a document")
    task.build_all_requests(limit=LIMIT, rank=0, world_size=1)
    if len({one.doc_id for one in task.instances}) != len(docs):
        found.append(f"{len(task.instances)} requests for {len(docs)} documents")
    return found


def after_examples(task: Any) -> str:
    """Return a prompt with an example, where the task has any."""
    if task.config.num_fewshot == 0:
        return ""
    task.set_fewshot_seed(1234)
    doc = next(iter(task.test_docs()))
    return str(task.fewshot_context(doc, num_fewshot=1))


def verdicts(module: Any, asked: dict[str, Any]) -> Any:
    """Return what the exported functions say of an answer.

    Where kwargs do not fit, an error's name and what the paper's scorer says.
    """
    doc = {
        "key": 1,
        "prompt": asked["prompt"],
        "instruction_id_list": asked["ids"],
        "kwargs": json.dumps(asked["kwargs"]),
        "lang": asked["lang"],
    }
    try:
        return module.process_results(doc, [asked["response"]])
    except (KeyError, ValueError) as error:
        original = module.judge_original(
            asked["ids"], asked["kwargs"], asked["response"],
            lang=asked["lang"], prompt=asked["prompt"],
        )  # fmt: skip
        return [type(error).__name__, *(followed(one) for one in original)]


def followed(given: Any) -> list[bool | None]:
    return [None if one is None else one.followed for one in given]


def validated(names: list[str]) -> str:
    """Return what ``lm_eval validate`` prints of tasks; it exits where one is wrong."""
    from lm_eval.__main__ import cli_evaluate

    arguments, sys.argv = sys.argv, ["lm_eval", "validate", "--tasks", ",".join(names)]
    with redirect_stdout(io.StringIO()) as out:
        cli_evaluate()
    sys.argv = arguments
    return out.getvalue()


def main(questions: dict[str, Any]) -> dict[str, Any]:
    kept = Kept()
    logging.getLogger().addHandler(kept)
    from lm_eval.tasks import TaskManager

    manager = TaskManager()
    names = questions["names"]
    index = manager.task_index
    places = {name: str(index[name].yaml_path) for name in names if name in index}
    loaded = manager.load(questions["load"])
    tasks = {name: loaded["tasks"][name] for name in names if name in loaded["tasks"]}
    functions = [
        task.config.process_results for task in tasks.values()
        if callable(task.config.process_results)
    ]  # fmt: skip
    module = sys.modules[functions[0].__module__] if functions else None
    return {
        "ours": importable("lm_eval_iberian") or importable("mergekit_ext"),
        "lm_eval": inspect.getfile(TaskManager),
        "warnings": kept.lines,
        "places": places,
        "tasks": sorted(loaded["tasks"]),
        "groups": {
            name: sorted(children)
            for name, children in loaded.get("group_map", {}).items()
        },
        "faults": {name: faults(task) for name, task in loaded["tasks"].items()},
        "documents": {
            name: len(list(task.test_docs())) for name, task in loaded["tasks"].items()
        },
        "prompts": {
            name: {
                "first": task.doc_to_text(next(iter(task.test_docs()))),
                "after_one": after_examples(task),
            }
            for name, task in tasks.items()
        },
        "validated": validated(questions["names"]),
        "verdicts": [verdicts(module, one) for one in questions["verdicts"]],
    }


if __name__ == "__main__":
    asked = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    Path(sys.argv[2]).write_text(json.dumps(main(asked)), "utf-8")
