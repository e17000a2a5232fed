"""Samples that cannot be used: a sentence each, and never a wrong number."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from made_samples import Evaluations, Row, answers, instructions, translations

from lm_eval_iberian.comparison import (
    CompareOptions,
    Comparer,
    as_comparison_json,
    as_comparison_markdown,
    compare_all,
    subjects_of,
)
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report import build_report


A, B = "org/a", "org/b"
RIGHT = [1, 0, 1, 1, 0, 1, 0, 1]


@dataclass(frozen=True)
class Spoilt:
    """How a file of samples is spoilt, and what must be said of it."""

    name: str
    spoil: Callable[[list[Row]], list[Row]]
    said: str
    why: str
    values: dict[str, float] | None = None


def changed(at: int, **values: Any) -> Callable[[list[Row]], list[Row]]:
    def spoil(rows: list[Row]) -> list[Row]:
        rows[at] |= values
        return rows

    return spoil


def as_first(at: int, doc_id: object) -> Callable[[list[Row]], list[Row]]:
    def spoil(rows: list[Row]) -> list[Row]:
        rows[at] |= {"doc": rows[0]["doc"], "doc_id": doc_id}
        return rows

    return spoil


def without_documents(rows: list[Row]) -> list[Row]:
    return [row | {"doc": {}, "doc_hash": "ABSENT"} for row in rows]


REMEDY = (
    "; evaluate again, or pass --keep-going to go by the standard errors in the results"
)
SPOILT = [
    Spoilt("NaN", changed(2, acc=float("nan")), "acc is nan, not a", "no number"),
    Spoilt("text", changed(2, acc="1.0"), "acc is '1.0', not a number", "no guess"),
    Spoilt("list", changed(2, acc=[1.0]), "acc is [1.0], not a number", "no guess"),
    Spoilt("huge", changed(2, acc=10**400), "not a number from 0.0 to", "no float"),
    Spoilt("two", changed(2, acc=2.0), "acc is 2.0, not a number", "more than right"),
    Spoilt("absent", changed(2, acc="ABSENT"), "acc is not there", "of one item"),
    Spoilt(
        "repeated", as_first(3, 0), "doc 0 stands in",
        "one document twice, under one id: two evaluations in one file",
    ),
    Spoilt(
        "unnumbered", as_first(3, "3"), "no doc_id tells the two apart",
        "one document twice, and no number that says in which order",
    ),
    Spoilt(
        "nameless", without_documents, "neither doc_hash nor doc",
        "paired by position they would be paired by chance",
    ),
    Spoilt("short", lambda rows: rows[:-2], "has 6 samples, but", "cut off"),
    Spoilt("long", lambda rows: [*rows, rows[0]], "has 9 samples, but", "appended to"),
    Spoilt("empty", lambda rows: [], "has 0 samples, but", "nothing was written"),
    Spoilt(
        "other", lambda rows: rows, "one of the two files is not whole",
        "the samples are of another evaluation", {"acc": 0.7},
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", SPOILT, ids=lambda case: case.name)
@pytest.mark.parametrize("gz", [False, True])
def test_spoilt_samples_are_refused(
    evaluations: Evaluations, case: Spoilt, gz: bool
) -> None:
    evaluations.evaluated({"xstorycloze_eu": answers(RIGHT)}, A)
    path = evaluations.evaluated(
        {"xstorycloze_eu": answers(RIGHT)}, B, values=case.values
    )
    samples = next(path.parent.glob("samples_*"))
    samples.unlink()
    rows = case.spoil(answers(RIGHT))
    spoilt = evaluations.put_samples(path, "xstorycloze_eu", rows, gz=gz)
    with pytest.raises(DataError) as raised:
        comparer_of(evaluations.root).compare(A, B, "xstorycloze_eu")
    assert case.said in str(raised.value), case.why
    assert str(spoilt) in str(raised.value)
    assert str(raised.value).endswith(REMEDY)
    # whoever goes on is told what was done instead
    row = comparer_of(evaluations.root, keep_going=True).compare(A, B, "xstorycloze_eu")
    assert row is not None
    assert not row.difference.paired
    assert case.said in row.note


def comparer_of(folder: Path, **options: bool) -> Comparer:
    report = build_report([folder])
    chosen = CompareOptions(resamples=200, **options)  # type: ignore[arg-type]
    return Comparer(subjects_of(report), report.catalogue, chosen)


def choices_of() -> tuple[str, list[Row]]:
    return "belebele_eus_Latn", answers(RIGHT, link=list("aabbccdd"))


def verdicts_of() -> tuple[str, list[Row]]:
    return "iberian_ifeval_eu", instructions([[True, False], [True], [False]] * 3)


def translations_of() -> tuple[str, list[Row]]:
    pairs = [(f"a b c d e {n}", f"a b c {n} d e") for n in range(8)]
    return "iberian_flores_es-eu", translations(pairs)


def in_two(evaluations: Evaluations, mine: list[Row], theirs: list[Row]) -> Path:
    evaluations.evaluated({"xstorycloze_eu": mine}, A, of=100)
    evaluations.evaluated({"xstorycloze_eu": theirs}, B, of=100)
    return evaluations.root


def test_samples_that_do_not_pair_are_counted(evaluations: Evaluations) -> None:
    rows = answers([1, 0] * 6)
    folder = in_two(evaluations, rows[:10], rows[2:])
    with pytest.raises(DataError) as raised:
        comparer_of(folder).compare(A, B, "xstorycloze_eu")
    assert (
        "the samples of xstorycloze_eu do not pair: 8 items are in those of both, 2"
        " only in those of org/a, and 2 only in those of org/b"
    ) in str(raised.value)
    row = comparer_of(folder, allow_mixed=True).compare(A, B, "xstorycloze_eu")
    assert row is not None
    assert row.difference.n == 8
    assert row.difference.paired
    assert "of the 8 items that both have" in row.mixed


def test_samples_that_share_nothing_are_never_paired(evaluations: Evaluations) -> None:
    mine, theirs = answers([1, 0] * 4), answers([1, 1] * 4, of=["other"] * 8)
    folder = in_two(evaluations, mine, theirs)
    with pytest.raises(DataError, match="0 items are in those of both, 8 only"):
        comparer_of(folder).compare(A, B, "xstorycloze_eu")
    row = comparer_of(folder, allow_mixed=True).compare(A, B, "xstorycloze_eu")
    assert row is not None
    assert not row.difference.paired
    assert "do not pair" in row.note
    assert row.difference.b_value == 100.0


def test_verdicts_of_another_number_do_not_pair(evaluations: Evaluations) -> None:
    mine = [{"doc": {"key": n}, "inst_level_strict_acc": [True]} for n in range(6)]
    theirs = [row | {"inst_level_strict_acc": [True, False]} for row in mine[:2]]
    for model, rows in ((A, mine), (B, [*theirs, *mine[2:]])):
        evaluations.evaluated({"iberian_ifeval_eu": rows}, model, shots=0)
    with pytest.raises(DataError, match="2 have another number of verdicts"):
        comparer_of(evaluations.root).compare(A, B, "ifeval_eu")


def test_repeated_documents_pair_in_the_order_of_their_ids(
    evaluations: Evaluations,
) -> None:
    """A dataset may have a row twice: both are scored, and they are one cluster."""
    same = {"id": "the same"}
    mine = [
        row | {"doc": same, "doc_id": n} for n, row in enumerate(answers([1, 0, 1]))
    ]
    mine += [row | {"doc_id": n} for n, row in enumerate(answers([1, 0, 0]), start=3)]
    theirs = [row | {"acc": float(n != 1)} for n, row in enumerate(mine)]
    for model, rows in ((A, mine), (B, theirs[::-1])):
        evaluations.evaluated({"xstorycloze_eu": rows}, model)
    comparer = comparer_of(evaluations.root)
    row = comparer.compare(A, B, "xstorycloze_eu")
    assert row is not None
    found = row.difference
    assert (found.n, found.clusters, found.gained, found.lost) == (6, 4, 2, 0)
    assert comparer.repeated(A, "xstorycloze_eu") == 3


JUNK: list[Any] = [
    None, True, 0, -1, 1e308, float("nan"), float("inf"), 10**400, "", "x", "\ud800",
    "\x1b[31m", [], [1], [[True]], {}, {"a": 1}, [None, None], ["a", "b"], [1, 0],
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("make", [choices_of, verdicts_of, translations_of])
def test_junk_is_refused_or_of_no_effect(
    evaluations: Evaluations, make: Callable[[], tuple[str, list[Row]]]
) -> None:
    """Whatever stands in a field: a sentence, or numbers that are some."""
    task, rows = make()
    evaluations.evaluated({task: rows}, A, shots=0)
    path = evaluations.evaluated({task: rows}, B, shots=0)
    samples = next(path.parent.glob("samples_*"))
    fields = {*rows[0], "doc_id", "doc_hash", "filter", "prompt_hash"}
    refused: list[str] = []
    for field in sorted(fields):
        for junk in JUNK:
            spoilt = json.loads(json.dumps(rows))
            spoilt[3][field] = junk
            lines = [{"doc_id": n, "filter": "none"} | r for n, r in enumerate(spoilt)]
            samples.write_text("\n".join(map(json.dumps, lines)))
            try:
                report = compare_all(comparer_of(evaluations.root), A)
            except DataError as error:
                refused.append(str(error))
                continue
            json.loads(as_comparison_json(report), parse_constant=pytest.fail)
            for row in report.rows:
                found = row.difference
                assert found.low is None or found.low < found.high  # type: ignore[operator]
                assert found.low is not None or found.why
                assert as_comparison_markdown(report).encode()
    assert len(refused) > len(JUNK)
    assert "\n".join(refused).encode()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda raw: raw[:-40], "breaks off after line"),
        (lambda raw: raw[:5], "not gzip, or is damaged|breaks off"),
        (lambda raw: b"no gzip at all", "not gzip"),
        (lambda raw: raw[:30] + b"\xff\xff\xff" + raw[33:], "not gzip, or is damaged"),
        (lambda raw: gzip.compress(b'{"doc": 1'), "line 1: not JSON"),
        (lambda raw: gzip.compress(b"[]\n"), "a JSON object is wanted, found list"),
        (lambda raw: gzip.compress(b'{"a": "\xff"}'), "line 1: not UTF-8"),
    ],
)
def test_files_that_are_not_whole_are_refused(
    evaluations: Evaluations, spoil: Callable[[bytes], bytes], said: str
) -> None:
    evaluations.evaluated({"xstorycloze_eu": answers(RIGHT)}, A)
    path = evaluations.evaluated({"xstorycloze_eu": answers(RIGHT)}, B, gz=True)
    samples = next(path.parent.glob("samples_*.gz"))
    samples.write_bytes(spoil(samples.read_bytes()))
    with pytest.raises(DataError, match=said) as raised:
        comparer_of(evaluations.root).compare(A, B, "xstorycloze_eu")
    assert samples.name in str(raised.value)
    assert str(raised.value).endswith(REMEDY)


def test_the_filter_of_the_results_is_taken(evaluations: Evaluations) -> None:
    """lm-eval writes a sample for every filter, one after the other."""
    rows = [row | {"filter": "strict"} for row in answers(RIGHT)]
    others = [row | {"filter": "flexible", "acc": 1.0} for row in answers(RIGHT)]
    share = sum(RIGHT) / len(RIGHT)
    for model in (A, B):
        path = evaluations.evaluated({"xstorycloze_eu": rows}, model)
        content = json.loads(path.read_text())
        content["results"]["xstorycloze_eu"] = {"acc,strict": share}
        path.write_text(json.dumps(content))
        evaluations.put_samples(path, "xstorycloze_eu", [*others, *rows])
    row = comparer_of(evaluations.root).compare(A, B, "xstorycloze_eu")
    assert row is not None
    assert row.difference.a_value == 100 * share
    assert row.difference.n == 8
    only_others = next(path.parent.glob("samples_*"))
    only_others.unlink()
    evaluations.put_samples(path, "xstorycloze_eu", others)
    with pytest.raises(DataError, match="no sample of the filter 'strict'"):
        comparer_of(evaluations.root).compare(A, B, "xstorycloze_eu")


def test_old_samples_of_translation_hold_answer_and_target(
    evaluations: Evaluations,
) -> None:
    pairs = [(f"the {n} old cats sat on a mat", f"the {n} old cats sat") for n in "abc"]
    old = [row | {"bleu": "ABSENT"} for row in translations(pairs)]
    for model, rows in ((A, translations(pairs)), (B, old)):
        path = evaluations.evaluated(
            {"iberian_flores_en-eu": translations(pairs)}, model
        )
        evaluations.put_samples(path, "iberian_flores_en-eu", rows)
    row = comparer_of(evaluations.root).compare(A, B, "flores_en-eu")
    assert row is not None
    assert row.difference.paired
    assert row.difference.difference == 0.0


def test_samples_without_a_metric_are_not_guessed_at(evaluations: Evaluations) -> None:
    rows = answers(RIGHT, 2)
    for row in rows:
        row["mcc"] = [1, int(row["acc"])]
    evaluations.evaluated({"catcola": rows}, A)
    path = evaluations.evaluated({"catcola": rows}, B)
    evaluations.put_samples(path, "catcola", answers(RIGHT, 2))
    row = comparer_of(evaluations.root).compare(A, B, "cola_ca", "mcc")
    assert row is not None
    assert not row.difference.paired
    assert row.note == "the samples do not hold mcc (org/b)"
