"""Which is the best of a column, which the second, and what may be as good."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_results import Results
from made_tables import accuracy, belebele, column, made_tables, marks

from lm_eval_iberian.comparison import Comparer, subjects_of
from lm_eval_iberian.paper_tables import ranked
from lm_eval_iberian.report import Measure, build_report
from lm_eval_iberian.report.table_entries import Entry, Source, Table, interval_text


BASQUE = "Table 3: benchmarks, Basque"


def test_best_second_and_what_may_be_as_good(results: Results) -> None:
    values = {
        "a": (0.70, 0.015),
        "b": (0.69, 0.015),
        "c": (0.67, 0.015),
        "d": (0.5, 0.015),
    }
    belebele(results, values)
    table = made_tables([results.root])[BASQUE]
    assert marks(table, "Belebele") == {
        "a": "best", "b": "second as_good", "c": "as_good", "d": "",
    }  # fmt: skip
    found = column(table, "Belebele")
    best, last = found["a"], found["d"]
    assert best.row is None
    assert last.row is not None
    assert last.row.a == "a"
    assert last.row.p_holm is not None
    assert last.row.p_holm < 1e-6
    assert best.interval == pytest.approx((70 - 2.94, 70 + 2.94), abs=0.02)
    assert "of stored standard errors, without a look at samples" in table.foot


def test_p_is_adjusted_for_the_column(results: Results) -> None:
    """Each of three alone is told from the best, p = .034; together they are not."""
    values = {"a": (0.70, 0.02)} | {name: (0.64, 0.02) for name in "bcd"}
    belebele(results, values)
    table = made_tables([results.root])[BASQUE]
    found = column(table, "Belebele")["b"].row
    assert found is not None
    assert found.difference.p == pytest.approx(0.034, abs=0.001)
    assert found.p_holm == pytest.approx(3 * 0.034, abs=0.003)
    assert marks(table, "Belebele") == {"a": "best"} | dict.fromkeys(
        "bcd", "second as_good"
    )


def test_where_less_is_better_the_least_is_the_best(results: Results) -> None:
    for model, value in (("a", 60.0), ("b", 50.0), ("c", 55.0)):
        row = {"bleu,none": 20.0, "ter,none": value}
        tasks = {f"iberian_flores_{d}-eu": row for d in ("es", "en")}
        results.write(tasks, model=model, n=1012)
    tables = made_tables([results.root])
    table = tables["Table 3: translation by direction, TER (lower is better)"]
    assert marks(table, "es-eu") == {"a": "", "b": "best", "c": "second"}


def test_without_samples_and_errors_nothing_is_claimed(results: Results) -> None:
    belebele(results, {"a": (0.7, 0.02), "b": (0.7001, None), "c": (0.69, 0.02)})
    table = made_tables([results.root])[BASQUE]
    found = column(table, "Belebele")
    assert found["b"].interval is None
    assert marks(table, "Belebele") == {"a": "second", "b": "best", "c": ""}
    told = [
        line for line in table.foot if line.startswith("not tested against the best")
    ]
    assert len(told) == 1
    assert "a and c in Belebele" in told[0]
    assert any(line.startswith("no interval (b in Belebele)") for line in table.foot)


def test_one_model_is_not_the_best(results: Results) -> None:
    belebele(results, {"a": (0.7, 0.02)})
    table = made_tables([results.root])[BASQUE]
    assert marks(table, "Belebele") == {"a": ""}
    assert column(table, "Belebele")["a"].interval is not None


def test_equals_are_the_best_together(results: Results) -> None:
    belebele(results, {"a": (0.7, 0.02), "b": (0.5, 0.02), "c": (0.700001, 0.02)})
    table = made_tables([results.root])[BASQUE]
    assert marks(table, "Belebele") == {"a": "best", "b": "second", "c": "best"}


def test_what_is_not_as_in_the_paper_has_no_rank_beside_what_is(
    results: Results,
) -> None:
    belebele(results, {"a": (0.6, 0.02), "b": (0.5, 0.02)})
    belebele(results, {"c": (0.9, 0.02)}, n=10, of=900)
    table = made_tables([results.root])[BASQUE]
    assert marks(table, "Belebele") == {"a": "best", "b": "second", "c": ""}


def test_where_nothing_is_as_in_the_paper_all_are_ranked(results: Results) -> None:
    belebele(results, {"a": (0.6, 0.02), "b": (0.5, 0.02)}, n=10, of=900)
    table = made_tables([results.root])[BASQUE]
    assert marks(table, "Belebele") == {"a": "best", "b": "second"}


CHAT = {"chat_template": "<s>", "chat_template_sha": "abc"}


def test_other_settings_than_the_best_are_told_not_tested(results: Results) -> None:
    belebele(results, {"a": (0.7, 0.02), "b": (0.69, 0.02)})
    belebele(results, {"c": (0.68, 0.02)}, **CHAT)
    table = made_tables([results.root])[BASQUE]
    assert marks(table, "Belebele") == {"a": "best", "b": "second as_good", "c": ""}
    assert (
        "not tested against the best (c in Belebele): other settings, chat template"
        " yes, not none"
    ) in table.foot
    allowed = made_tables([results.root], allow_mixed=True)[BASQUE]
    assert marks(allowed, "Belebele")["c"] == "as_good"
    assert (
        "other settings than the best (c in Belebele): chat template yes, not none"
    ) in allowed.foot


def test_of_equals_the_one_whose_settings_others_share_is_the_reference(
    results: Results,
) -> None:
    belebele(results, {"a": (0.7, 0.02)}, **CHAT)
    belebele(results, {"b": (0.7, 0.02), "c": (0.69, 0.02)})
    table = made_tables([results.root])[BASQUE]
    assert marks(table, "Belebele") == {"a": "best", "b": "best", "c": "second as_good"}


def test_samples_are_paired(results: Results, tmp_path: Path) -> None:
    """30 of 200 differ, all in one direction: stored errors would not tell."""
    for model, wrong in (("a", 80), ("b", 95)):
        row = {"belebele_eus_Latn": accuracy(1 - wrong / 200, 0.035)}
        path = results.write(row, model=model, n=200)
        stem = path.stem.removeprefix("results_")
        samples = path.with_name(f"samples_belebele_eus_Latn_{stem}.jsonl")
        lines = [
            {
                "doc_id": at, "doc_hash": f"h{at}", "doc": {"link": f"passage {at}"},
                "target": "0", "arguments": [["q", " a"]], "resps": [[["-1", "True"]]],
                "filtered_resps": [["-1", "True"]], "acc": float(at >= wrong),
            }
            for at in range(200)
        ]  # fmt: skip
        samples.write_text("".join(json.dumps(line) + "\n" for line in lines))
    table = made_tables([results.root])[BASQUE]
    assert marks(table, "Belebele") == {"a": "best", "b": "second"}
    found = column(table, "Belebele")["b"]
    assert found.row is not None
    assert found.row.difference.paired
    assert not any("stored" in line for line in table.foot)


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        ((49.83, 52.61), "[49.8, 52.6]"),
        ((49.83, 49.91), "[49.830, 49.910]"),
        ((1.871, 1.8746), "[1.8710, 1.8746]"),
        ((-3.2, 4.0), "[-3.2, 4.0]"),
        ((50.0, 50.0), "[50.0, 50.0]"),
        ((0.0, 1e-9), "[0.000000, 0.000000]"),
    ],
)
def test_the_ends_of_an_interval_are_told_apart(
    interval: tuple[float, float], text: str
) -> None:
    assert interval_text(interval) == text


def test_a_table_without_intervals_has_no_word_of_them() -> None:
    table = Table("t", ("c",), {"a": (Entry(None),)})
    assert table.explained({}) == []


def test_a_value_of_other_results_has_no_interval_of_these(results: Results) -> None:
    """A sweep's own value, where the same model has other results beside it."""
    belebele(results, {"a": (0.7, 0.02), "b": (0.69, 0.02)})
    report = build_report([results.root])
    comparer = Comparer(subjects_of(report), report.catalogue)
    rows = {
        name: (Entry(Measure(value), source=Source(name, "belebele_eu", "acc")),)
        for name, value in (("a", 70.0), ("b", 69.5))
    }
    table = ranked(Table("t", ("Belebele",), rows), comparer)
    found = column(table, "Belebele")
    assert found["a"].interval is not None
    assert found["b"].interval is None
    assert marks(table, "Belebele") == {"a": "best", "b": "second"}
    why = "all results of the model together have another value"
    assert f"no interval (b in Belebele): {why}" in table.foot
    assert f"not tested against the best (b in Belebele): {why}" in table.foot
