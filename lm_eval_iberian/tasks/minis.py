"""The shipped twins of the benchmarks, in the form of the real datasets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.jsonl import read_jsonl
from lm_eval_iberian.tasks.benchmark_catalogue import Benchmark


if TYPE_CHECKING:
    from datasets import DatasetDict

T = TypeVar("T")
Row = dict[str, Any]
Splits = dict[str, list[Row]]

# of so many rows the first is an example; pairs stand in order of phenomenon
_PAIRS, _SENTENCES, _ROWS = 12, 2, 3
# the names of BertaQA's groups are Basque in every configuration
_GROUPS = {"Basque and local": "Euskal gaiak", "Global": "Gai orokorrak"}


def from_mini(wanted: Benchmark) -> DatasetDict:
    """Return a benchmark's shipped rows in the splits and columns of the real ones.

    Where the real dataset has a split of its own for few-shot examples, some rows go
    there and are never scored; always the same ones.

    Raises:
        DataError: A file is missing, or a row lacks a column.
    """
    from datasets import Dataset, DatasetDict

    kind = wanted.mini[1]
    if kind not in _KINDS:
        raise UnknownNameError("kind of mini data", kind, _KINDS)
    splits = _KINDS[kind](wanted)
    for split, rows in splits.items():
        _check(wanted, split, rows)
    return DatasetDict({k: Dataset.from_list(rows) for k, rows in splits.items()})


def _check(wanted: Benchmark, split: str, rows: Sequence[Row]) -> None:
    where = f"{wanted.mini_file()}, split {split!r}"
    if not rows:
        raise DataError(f"{where}, has no rows")
    for number, row in enumerate(rows, start=1):
        missing = [column for column in wanted.columns if column not in row]
        if missing:
            raise DataError(f"{where}, row {number}, lacks {', '.join(missing)}")


def _read(wanted: Benchmark, lang: str | None = None) -> list[Row]:
    return [row for _, row in read_jsonl(wanted.mini_file(lang))]


def _divide(items: Sequence[T], every: int) -> tuple[list[T], list[T]]:
    """Return the items to score and those for examples: the first of ``every``."""
    examples = [item for index, item in enumerate(items) if index % every == 0]
    scored = [item for index, item in enumerate(items) if index % every]
    return scored, examples


def _rows(wanted: Benchmark) -> Splits:
    rows = _read(wanted)
    if wanted.test == wanted.fewshot:
        return {wanted.test: rows}
    scored, examples = _divide(rows, _ROWS)
    return {wanted.test: scored, wanted.fewshot: examples}


def _judgements(wanted: Benchmark) -> Splits:
    """Two rows of a pair: right before wrong in every other one.

    A column ``pair`` says which: the two are not independent of each other.
    """
    scored, examples = _divide(_read(wanted), _PAIRS)
    return {
        wanted.test: _sentences(wanted, scored),
        wanted.fewshot: _sentences(wanted, examples),
    }


def _sentences(wanted: Benchmark, pairs: Sequence[Row]) -> list[Row]:
    sentence, label, *index = wanted.columns
    rows: list[Row] = []
    for number, pair in enumerate(pairs):
        two = [
            {sentence: pair["acceptable"], label: 1, "pair": pair["pair"]},
            {sentence: pair["unacceptable"], label: 0, "pair": pair["pair"]},
        ]
        rows += two[::-1] if number % 2 else two
    return [row | dict.fromkeys(index, number) for number, row in enumerate(rows)]


def _minimal_pairs(wanted: Benchmark) -> Splits:
    rows = [
        {
            "sentence_good": pair["acceptable"],
            "sentence_bad": pair["unacceptable"],
            "type": pair["phenomenon"],
            "level": "mini",
        }
        for pair in _read(wanted)
    ]
    return {wanted.test: rows}


def _parallel(wanted: Benchmark) -> Splits:
    """One row of each sentence in all languages."""
    rows: dict[int, Row] = {}
    for lang, code in wanted.languages.items():
        for row in _read(wanted, lang):
            together = rows.setdefault(row["id"], {"id": row["id"]})
            together[f"sentence_{code}"] = row["sentence"]
    scored, examples = _divide([rows[key] for key in sorted(rows)], _SENTENCES)
    return {wanted.test: scored, wanted.fewshot: examples}


def _bertaqa(wanted: Benchmark) -> Splits:
    rows = _read(wanted)
    for row in rows:
        row["group"] = _GROUPS.get(row["group"], row["group"])
    return {wanted.test: rows}


def _exams(wanted: Benchmark) -> Splits:
    return {wanted.test: [row | {"exam": "mini"} for row in _read(wanted)]}


_KINDS: dict[str, Callable[[Benchmark], Splits]] = {
    "bertaqa": _bertaqa,
    "exams": _exams,
    "judgements": _judgements,
    "minimal_pairs": _minimal_pairs,
    "parallel": _parallel,
    "rows": _rows,
}
