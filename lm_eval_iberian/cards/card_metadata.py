"""The metadata of a model's card, in the classes of huggingface_hub itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData
from huggingface_hub.repocard_data import (
    eval_results_to_model_index,
    model_index_to_eval_results,
)

from lm_eval_iberian.cards.benchmark_sources import source_of
from lm_eval_iberian.cards.card_subject import CardSubject
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.cell import Cell
from lm_eval_iberian.report.exchange_names import load_exchange_names


_LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]{1,60}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,8})?")
# the hub counts it as text-generation whatever was asked
_TASK = "text-generation"


def card_metadata(subject: CardSubject) -> ModelCardData:
    """Return the metadata of a card; of results only whole benchmarks are in it.

    Raises:
        DataError: A licence or language is none, or huggingface_hub reads another
            ``model-index`` than was written.
    """
    _check(subject)
    origin = subject.origin
    results = list(_results(subject))
    name = subject.called.rpartition("/")[2]
    bases = [one.repo for one in origin.models if one.repo]
    if results:
        index = eval_results_to_model_index(name, results)
        if model_index_to_eval_results(index) != (name, results):
            raise DataError("huggingface_hub reads another model-index than was made")
    return ModelCardData(
        license=subject.license,
        language=list(subject.languages) or None,
        base_model=list(dict.fromkeys(bases)) or None,
        base_model_relation="merge",
        library_name="transformers",
        pipeline_tag=_TASK,
        tags=["merge", "mergekit"],
        model_name=name if results else None,
        eval_results=results or None,
    )


def with_metadata(metadata: ModelCardData, body: str) -> str:
    """Return a whole card, read back before it is given away.

    Args:
        metadata: What stands above.
        body: The Markdown below.

    Raises:
        DataError: huggingface_hub reads something else than was written.
    """
    text = f"---\n{metadata.to_yaml()}\n---\n\n{body}"
    read: Any = ModelCard(text)
    wanted: Any = metadata
    if read.data.to_dict() != wanted.to_dict() or read.text.strip() != body.strip():
        raise DataError("huggingface_hub reads another card than was written")
    return text


def indexed_cells(subject: CardSubject) -> Iterator[Cell]:
    """Yield the benchmarks that have a value on all of their items."""
    for cell in subject.model.cells.values():
        if cell.metric in cell.measures and not (cell.limited() or cell.missing):
            yield cell


def _results(subject: CardSubject) -> Iterator[EvalResult]:
    """Yield a result for each benchmark, those of one dataset together."""
    names = load_exchange_names().metrics
    grouped: dict[tuple[object, ...], list[EvalResult]] = {}
    for cell in indexed_cells(subject):
        source, measure = source_of(cell.benchmark), cell.measures[cell.metric]
        metric = names[cell.metric]
        shots = cell.settings()[0].shots
        told = "" if shots is None else f", {shots}-shot"
        title = f"{metric.name}, {cell.benchmark.name} {cell.benchmark.lang}{told}"
        if cell.benchmark.lang == "mt":
            title = f"{metric.name}, {cell.benchmark.id.replace('_', ' ')}{told}"
        args = {"shots": shots, "stderr": measure.stderr, "sd": measure.sd}
        runs = len(measure.runs)
        known = {
            key: round(value, 4) if isinstance(value, float) else value
            for key, value in (args | {"runs": runs or None}).items()
            if value is not None
        }
        one = EvalResult(
            task_type=_TASK,
            task_name="Text generation",
            dataset_type=source.repo or cell.benchmark.id,
            dataset_name=cell.benchmark.name,
            dataset_config=source.config or None,
            dataset_split=source.split or None,
            dataset_revision=source.revision or None,
            metric_type=metric.id.rpartition(".")[2],
            metric_name=title,
            metric_value=round(measure.value, 2),
            metric_args=known or None,
        )
        grouped.setdefault(one.unique_identifier, []).append(one)
    for first, *others in grouped.values():
        # a dataset has one name there, whatever was asked of it
        yield first
        yield from (replace(one, dataset_name=first.dataset_name) for one in others)


def _check(subject: CardSubject) -> None:
    if not _LICENSE.fullmatch(subject.license):
        raise DataError(
            f"{subject.license[:60]!r} is no licence as the hub spells them, like"
            " apache-2.0 or llama3.1; give --license ID"
        )
    for one in subject.languages:
        if not _LANGUAGE.fullmatch(one):
            raise DataError(
                f"{one[:60]!r} is no code of a language, like eu; give --language CODE"
            )
