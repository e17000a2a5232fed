"""Try tasks offline, one after the other: the child process of a check-up.

It reads what to do as JSON from stdin and writes one line of JSON per fact to its real
stdout; whatever the harness or a task prints goes to stderr.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from lm_eval_iberian.network import CHECKING


OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TQDM_DISABLE": "1",
    CHECKING: "1",
}


def main() -> None:
    """Say what was asked for, what is tried now, and what came of it."""
    os.environ.update(OFFLINE)  # before any library reads it
    facts = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for fact in probe(**json.load(sys.stdin)):
        _say(facts, fact)


def probe(
    suites: list[str], include_path: list[str], shots: int | None, done: list[str]
) -> Iterator[dict[str, Any]]:
    """Yield ``{"tasks": …}``, then ``{"now": …}`` and a record for each task.

    A record has ``why`` where a task would not run, and whether a fetch may help.

    Args:
        suites: Names of tasks, groups and tags.
        include_path: Folders of more tasks.
        shots: Examples in every prompt; a task's own number when None.
        done: Tasks that are not tried again.
    """
    from lm_eval_iberian.errors import IberianError
    from lm_eval_iberian.harness.building import open_suites

    try:
        manager, leaves = open_suites(suites, [Path(path) for path in include_path])
    except IberianError as error:
        yield {"error": str(error)}
        return
    yield {"tasks": [leaf.name for leaf in leaves]}
    for leaf in leaves:
        if leaf.name not in done:
            yield {"now": leaf.name}
            yield _tried(manager, leaf, shots)


def _tried(manager: Any, leaf: Any, shots: int | None) -> dict[str, Any]:
    from lm_eval_iberian.harness.building import build, render
    from lm_eval_iberian.suites.lock import state_of
    from lm_eval_iberian.suites.needs import need_of

    record: dict[str, Any] = {"task": leaf.name, "key": need_of(leaf).key}
    try:
        task = build(manager, leaf)
        rows, fields, revision = state_of(task.dataset)
        record |= {"rows": rows, "fields": fields, "revision": revision}
        return record | render(task, shots)
    except Exception as error:  # what may come is not one family of exceptions
        return record | _why(error, need_of(leaf).dataset)


def _why(error: Exception, dataset: str) -> dict[str, Any]:
    from lm_eval_iberian.errors import IberianError
    from lm_eval_iberian.network import out_of_reach
    from lm_eval_iberian.suites.refusal import refusal

    found = refusal(error, dataset)
    sentence = found.sentence
    if sentence == out_of_reach():
        sentence = f"{dataset} is {sentence}"
    elif found.status == "no network" and not isinstance(error, IberianError):
        sentence = f"{dataset} is {out_of_reach()}"
    return {"why": sentence, "fetch": found.status == "no network"}


def _say(to: IO[str], fact: dict[str, Any]) -> None:
    to.write(json.dumps(fact) + "\n")
    to.flush()


if __name__ == "__main__":
    main()
