"""The rows of a dataset that a benchmark counts, where it does not count all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final


if TYPE_CHECKING:
    from datasets import Dataset

# BertaQA's group of local questions, in every language
LOCAL: Final = "Euskal gaiak"


def local_only(dataset: Dataset) -> Dataset:
    """Return BertaQA's questions on the Basque Country and its culture."""
    return dataset.select([i for i, g in enumerate(dataset["group"]) if g == LOCAL])


def answered(dataset: Dataset) -> Dataset:
    """Return the rows that have an answer; EusExams has some without."""
    rows = zip(dataset["answer"], dataset["candidates"], strict=True)
    return dataset.select(
        [i for i, (a, c) in enumerate(rows) if a in range(4) and any(c)]
    )
