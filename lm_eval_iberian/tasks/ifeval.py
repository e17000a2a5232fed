"""IFEval as lm-eval wants it: a dataset, the scores of a document, an aggregation."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lm_eval_iberian.ifeval import score_row
from lm_eval_iberian.ifeval.data import Prompt
from lm_eval_iberian.ifeval.data import load as load_prompts


if TYPE_CHECKING:
    from datasets import DatasetDict


def load(lang: str, which: str = "paper", **_: Any) -> DatasetDict:
    """Return the split ``test`` of a language's prompts.

    Args:
        lang: Language of the prompts.
        which: ``paper`` or ``mini``.
        **_: lm-eval hands over the whole run's metadata as well.
    """
    return as_dataset(load_prompts(lang, which))


def as_dataset(prompts: Iterable[Prompt]) -> DatasetDict:
    """Return prompts as one uniform schema; kwargs travel as JSON text.

    Arrow would give every row the keys of all others, filled with null.
    """
    from datasets import Dataset, DatasetDict

    rows = [
        {
            "key": p.key,
            "prompt": p.prompt,
            "instruction_id_list": list(p.instruction_ids),
            "kwargs": json.dumps(p.kwargs, ensure_ascii=False),
            "lang": p.lang,
        }
        for p in prompts
        if p.instruction_ids  # an empty list must not score "all followed"
    ]
    return DatasetDict({"test": Dataset.from_list(rows)})


def process_results(doc: dict[str, Any], results: list[str | None]) -> dict[str, Any]:
    """Score the answer to one document, strictly and loosely."""
    prompt = Prompt(
        key=doc["key"],
        prompt=doc["prompt"],
        instruction_ids=tuple(doc["instruction_id_list"]),
        kwargs=tuple(json.loads(doc["kwargs"])),
        lang=doc["lang"],
    )
    score = score_row(prompt, results[0])
    strict = [verdict.followed for verdict in score.strict]
    loose = [verdict.followed for verdict in score.loose]
    return {
        "prompt_level_strict_acc": all(strict),
        "inst_level_strict_acc": strict,
        "prompt_level_loose_acc": all(loose),
        "inst_level_loose_acc": loose,
    }


def inst_level_acc(items: list[list[bool]]) -> float:
    """Return the share of instructions followed, over all prompts (micro average)."""
    flat = [followed for row in items for followed in row]
    return sum(flat) / len(flat)
