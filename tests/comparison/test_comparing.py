"""What is compared with what, and what it comes to: on results made for it."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from made_samples import Evaluations, Row, answers, instructions, translations

from lm_eval_iberian.comparison import sample_items
from lm_eval_iberian.comparison.comparing import (
    CompareOptions,
    Comparer,
    ComparisonReport,
    compare_all,
    subjects_of,
)
from lm_eval_iberian.comparison.comparison_row import ComparisonRow
from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.report import build_report, load_catalogue
from lm_eval_iberian.stats.multiple_tests import holm


A, B = "org/a", "org/b"
RANDOM = random.Random(5)  # noqa: S311


def comparer_of(folder: Path, **options: object) -> Comparer:
    report = build_report([folder])
    chosen = CompareOptions(resamples=500, **options)  # type: ignore[arg-type]
    return Comparer(subjects_of(report), report.catalogue, chosen)


def compared(
    folder: Path, only: tuple[str, ...] = (), **options: object
) -> ComparisonReport:
    return compare_all(comparer_of(folder), A, only)


def drawn(n: int, share: float) -> list[bool]:
    return [RANDOM.random() < share for _ in range(n)]


def test_gained_and_lost_are_counted_item_by_item(evaluations: Evaluations) -> None:
    one, other = [1, 1, 1, 0, 0, 0, 1, 0], [1, 0, 1, 1, 1, 1, 1, 0]
    evaluations.evaluated({"xstorycloze_eu": answers(one, 2)}, A)
    # the same documents in another order
    rows = answers(other, 2)[::-1]
    evaluations.evaluated({"xstorycloze_eu": rows}, B)
    row = comparer_of(evaluations.root).compare(A, B, "xstorycloze_eu")
    assert row is not None
    found = row.difference
    assert (found.gained, found.lost, found.n) == (3, 1, 8)
    assert found.difference == pytest.approx(25.0)
    differences = 100.0 * (np.array(other) - np.array(one))
    assert found.stderr == pytest.approx(differences.std(ddof=1) / 8**0.5)


def test_chance_is_not_told_where_the_choices_differ(evaluations: Evaluations) -> None:
    right = [1, 0, 1, 0, 0, 1]
    evaluations.evaluated({"eus_trivia": answers(right, 4)}, A)
    evaluations.evaluated({"eus_trivia": answers(right[::-1], 4)}, B)
    evaluations.evaluated({"eus_trivia": answers(right[::-1], 3)}, "org/c")
    comparer = comparer_of(evaluations.root)
    alike = comparer.compare(A, B, "eus_trivia")
    other = comparer.compare(A, "org/c", "eus_trivia")
    assert alike is not None
    assert other is not None
    # of two that both have wrong, each is right by chance in one case of three
    assert alike.difference.gained_by_chance == pytest.approx(2 / 3)
    assert other.difference.gained == alike.difference.gained
    assert other.difference.gained_by_chance is None


def test_what_is_worse_when_it_is_more_is_lost(evaluations: Evaluations) -> None:
    """An answer that is cut off is not gained."""
    for model, cut in ((A, (1, 0, 0, 0)), (B, (1, 1, 1, 0))):
        rows = instructions([[True, False]] * 4)
        for row, one in zip(rows, cut, strict=True):
            row["no_stop_rate"] = bool(one)
        evaluations.evaluated({"iberian_ifeval_eu": rows}, model, shots=0)
    row = comparer_of(evaluations.root).compare(A, B, "ifeval_eu", "no_stop_rate")
    assert row is not None
    assert row.difference.difference == 50.0
    assert (row.difference.gained, row.difference.lost) == (0, 2)


def every_row(share: float) -> dict[str, list[Row]]:
    """Return samples for every benchmark of EU."""
    passages = [f"passage {number // 3}" for number in range(60)]
    questions = [f"question {number // 2}" for number in range(90)]
    return {
        "belebele_eus_Latn": answers(drawn(60, share), link=passages),
        "xstorycloze_eu": answers(drawn(50, share), 2),
        "eus_reading": answers(drawn(60, share), context=passages),
        "eus_proficiency": answers(drawn(70, share)),
        "bertaqa_eu_local": answers(drawn(40, share), 3),
        "eus_trivia": answers(drawn(30, share)),
        "iberian_eus_exams_eu": answers(drawn(90, share), question=questions),
    }


def test_an_average_is_the_report_s_and_has_an_interval(
    evaluations: Evaluations,
) -> None:
    for model, share in ((A, 0.5), (B, 0.6)):
        evaluations.evaluated(every_row(share), model)
    report = build_report([evaluations.root])
    comparer = Comparer(subjects_of(report), report.catalogue)
    row = comparer.compare(A, B, "EU")
    assert row is not None
    for name, value in ((A, row.difference.a_value), (B, row.difference.b_value)):
        average = report.models[name].averages["EU"].value
        assert average is not None
        assert value == pytest.approx(average, abs=1e-9)
        estimate = comparer.estimate(name, "EU")
        assert estimate is not None
        assert estimate.value == pytest.approx(average, abs=1e-9)
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low < estimate.value < estimate.high
    assert row.level == "average"
    assert row.difference.paired
    assert row.difference.n == 400
    assert row.difference.clusters == 20 + 50 + 20 + 70 + 40 + 30 + 45
    # benchmarks as a draw from more of their kind: wider
    wider = comparer_of(evaluations.root, benchmarks="random").compare(A, B, "EU")
    assert wider is not None
    assert width(wider.difference) > width(row.difference)


def width(difference: object) -> float:
    low, high = difference.low, difference.high  # type: ignore[attr-defined]
    assert low is not None
    assert high is not None
    return float(high - low)


@pytest.mark.parametrize("benchmarks", ["fixed", "random"])
def test_an_average_without_the_samples_of_one_benchmark_is_wider_and_says_it(
    evaluations: Evaluations, benchmarks: str
) -> None:
    mine = every_row(0.5)
    path = evaluations.evaluated(mine, A)
    theirs = {
        task: [row | {"acc": max(row["acc"], drawn(1, 0.2)[0])} for row in rows]
        for task, rows in mine.items()
    }
    evaluations.evaluated(theirs, B)

    def found() -> ComparisonRow:
        comparer = comparer_of(evaluations.root, benchmarks=benchmarks)
        row = comparer.compare(A, B, "EU")
        assert row is not None
        return row

    whole = found()
    next(path.parent.glob("samples_eus_trivia*")).unlink()
    row = found()
    assert row.note == f"eus_trivia: no samples lie beside the results ({A})"
    assert not row.difference.paired
    assert row.difference.a_value == pytest.approx(whole.difference.a_value)
    assert row.difference.n == whole.difference.n
    for samples in path.parent.glob("samples_*"):
        samples.unlink()
    widths = [width(one.difference) for one in (whole, row, found())]
    assert widths == sorted(widths)
    if benchmarks == "fixed":
        # the pairs of the other six are not lost
        assert widths[2] > 1.2 * widths[1] > 1.2 * widths[0]


def test_directions_share_their_segments(evaluations: Evaluations) -> None:
    """30 segments in two directions are 30 clusters, not 60."""
    words = [f"word{number}" for number in range(15)]

    def pairs(kept: float) -> list[tuple[str, str]]:
        found = []
        for _ in range(30):
            reference = RANDOM.sample(words, 8)
            translation = [w for w in reference if RANDOM.random() < kept] or ["no"]
            found.append((" ".join(reference), " ".join(translation)))
        return found

    for model, kept in ((A, 0.6), (B, 0.9)):
        evaluations.evaluated(
            {
                "iberian_flores_es-eu": translations(pairs(kept)),
                "iberian_flores_en-eu": translations(pairs(kept)),
            },
            model,
        )
    report = build_report([evaluations.root])
    comparer = Comparer(
        subjects_of(report), report.catalogue, CompareOptions(resamples=400)
    )
    row = comparer.compare(A, B, "*-EU")
    assert row is not None
    assert (row.difference.n, row.difference.clusters) == (60, 30)
    assert row.difference.method == "bootstrap"
    assert row.difference.a_value == pytest.approx(
        report.models[A].averages["*-EU"].value, abs=1e-9
    )
    for name in ("*-EU chrF++", "*-EU TER"):
        other = comparer.compare(A, B, name)
        assert other is not None
        assert other.difference.b_value == pytest.approx(
            report.models[B].averages[name].value, abs=1e-9
        )


def test_stored_errors_of_directions_are_not_taken_for_independent(
    evaluations: Evaluations,
) -> None:
    """Their segments are the same: the error of their mean is no less than each's."""
    row = {"bleu,none": 30.0, "bleu_stderr,none": 1.0}
    tasks = {"iberian_flores_es-eu": row, "iberian_flores_en-eu": row}
    evaluations.write(tasks, A, n=1012)
    evaluations.write({task: {**row, "bleu,none": 35.0} for task in tasks}, B, n=1012)
    found = comparer_of(evaluations.root).compare(A, B, "*-EU")
    assert found is not None
    assert found.difference.stderr == pytest.approx(2**0.5)
    alone = comparer_of(evaluations.root).compare(A, B, "flores_es-eu")
    assert alone is not None
    assert alone.difference.stderr == pytest.approx(2**0.5)


def test_prompts_are_clusters_and_instructions_items(evaluations: Evaluations) -> None:
    many = [[True, False], [True], [False, False, True], [True, True]] * 5
    more = [[True, True], [True], [False, True, True], [True, True]] * 5
    evaluations.evaluated({"iberian_ifeval_eu": instructions(many)}, A, shots=0)
    evaluations.evaluated({"iberian_ifeval_eu": instructions(more)}, B, shots=0)
    comparer = comparer_of(evaluations.root)
    row = comparer.compare(A, B, "ifeval_eu")
    assert row is not None
    found = row.difference
    assert (found.n, found.clusters, found.gained, found.lost) == (40, 20, 10, 0)
    assert found.b_value == pytest.approx(100 * 35 / 40)
    # a scorer that leaves prompts out leaves them out of the clusters too
    original = comparer.compare(A, B, "ifeval_eu", "inst_level_strict_acc_original")
    assert original is not None
    assert (original.difference.n, original.difference.clusters) == (20, 15)


def test_runs_are_a_level_of_their_own(evaluations: Evaluations) -> None:
    for model, share in ((A, 0.5), (B, 0.7)):
        for date in (1.0e9, 1.1e9, 1.2e9):
            rows = instructions([drawn(2, share) for _ in range(30)])
            evaluations.evaluated(
                {"iberian_ifeval_eu": rows}, model, shots=0, date=date
            )
    report = build_report([evaluations.root])
    comparer = Comparer(subjects_of(report), report.catalogue)
    row = comparer.compare(A, B, "IFEval EU")
    assert row is not None
    assert row.difference.paired
    assert row.difference.a_value == pytest.approx(
        report.models[A].averages["IFEval EU"].value, abs=1e-9
    )
    estimate = comparer.estimate(A, "IFEval EU")
    assert estimate is not None
    assert estimate.runs == 3
    assert [len(run) for run in comparer.rows(A, "ifeval_eu")] == [30, 30, 30]


def test_parts_are_one_benchmark(evaluations: Evaluations) -> None:
    """The first questions of two exams are not one item, though they have one id."""
    for model, share in ((A, 0.4), (B, 0.6)):
        evaluations.evaluated(
            {
                f"eus_exams_eu_{part}": answers(drawn(10 + at, share))
                for at, part in enumerate(exams())
            },
            model,
        )
    report = build_report([evaluations.root])
    comparer = Comparer(subjects_of(report), report.catalogue)
    row = comparer.compare(A, B, "eus_exams_eu")
    assert row is not None
    assert row.difference.paired
    n = sum(10 + at for at in range(len(exams())))
    assert (row.difference.n, row.difference.clusters) == (n, n)
    measures = report.models[A].cells["eus_exams_eu"].measures
    assert row.difference.a_value == pytest.approx(measures["acc"].value, abs=1e-9)
    assert len(comparer.rows(A, "eus_exams_eu")[0]) == n


def exams() -> list[str]:
    return list(load_catalogue().benchmarks["eus_exams_eu"].parts)


def test_of_a_task_that_holds_more_only_the_benchmark_s_items_count(
    evaluations: Evaluations,
) -> None:
    groups = ["Euskal gaiak", "Gai orokorrak"] * 10
    for model, right in ((A, [0, 1] * 10), (B, [1, 0] * 10)):
        evaluations.evaluated({"bertaqa_eu": answers(right, 3, group=groups)}, model)
    row = comparer_of(evaluations.root).compare(A, B, "bertaqa_eu")
    assert row is not None
    found = row.difference
    assert (found.n, found.a_value, found.b_value) == (10, 0.0, 100.0)
    assert (found.gained, found.lost) == (10, 0)


def test_mcc_is_drawn_and_accuracy_is_not(evaluations: Evaluations) -> None:
    for model, share in ((A, 0.6), (B, 0.9)):
        rows = answers(drawn(80, share), 2)
        for number, row in enumerate(rows):
            gold = number % 2
            row["mcc"] = [gold, gold if row["acc"] else 1 - gold]
        evaluations.evaluated({"catcola": rows}, model)
    comparer = comparer_of(evaluations.root)
    accuracy = comparer.compare(A, B, "cola_ca")
    mcc = comparer.compare(A, B, "cola_ca", "mcc")
    assert accuracy is not None
    assert mcc is not None
    assert (accuracy.difference.method, mcc.difference.method) == ("t", "bootstrap")
    assert mcc.difference.gained is None
    assert mcc.difference.low is not None


def test_holm_is_over_all_that_is_shown(evaluations: Evaluations) -> None:
    for model, share in ((A, 0.5), (B, 0.6)):
        evaluations.evaluated(every_row(share), model)
    report = compared(evaluations.root)
    assert [row.p_holm for row in report.rows] == holm(
        [row.difference.p for row in report.rows]
    )
    few = compared(evaluations.root, ("EU", "eus_trivia"))
    assert [row.benchmark for row in few.rows] == ["EU", "eus_trivia"]
    assert few.rows[1].p_holm is not None
    assert few.rows[1].difference == next(
        row.difference for row in report.rows if row.benchmark == "eus_trivia"
    )


def test_an_average_of_one_benchmark_is_not_compared_twice(
    evaluations: Evaluations,
) -> None:
    for model in (A, B):
        rows = instructions([drawn(2, 0.5) for _ in range(20)])
        evaluations.evaluated({"iberian_ifeval_gl": rows}, model, shots=0)
    shown = [(row.benchmark, row.metric) for row in compared(evaluations.root).rows]
    assert shown == [
        ("IFEval GL", "inst_level_strict_acc"),
        ("IFEval GL original", "inst_level_strict_acc_original"),
        ("IFEval GL stops", "stop_rate"),
        ("ifeval_gl", "no_stop_rate"),
    ]
    # who asks for the benchmark has it by its own name
    few = compared(evaluations.root, ("ifeval_gl",)).rows
    assert [row.metric for row in few] == [metric for _, metric in shown]
    assert {row.benchmark for row in few} == {"ifeval_gl"}


@pytest.mark.parametrize("kind", ["one item", "one cluster", "all equal"])
def test_no_interval_is_0_wide_without_a_word(
    evaluations: Evaluations, kind: str
) -> None:
    n = 1 if kind == "one item" else 12
    columns = {"link": ["the same"] * n} if kind == "one cluster" else {}
    right = [True] * n if kind == "all equal" else [False] * n
    evaluations.evaluated({"belebele_eus_Latn": answers(right, **columns)}, A)
    right = [True] * n
    evaluations.evaluated({"belebele_eus_Latn": answers(right, **columns)}, B)
    row = comparer_of(evaluations.root).compare(A, B, "belebele_eu")
    assert row is not None
    found = row.difference
    assert found.why
    if kind == "all equal":
        assert found.low is not None
        assert found.high is not None
        assert found.low < 0 < found.high
    else:
        assert (found.low, found.high, found.p) == (None, None, None)
        assert found.difference == 100.0


def test_who_is_not_there_is_not_known(evaluations: Evaluations) -> None:
    evaluations.evaluated({"xstorycloze_eu": answers([1, 0])}, A)
    evaluations.evaluated({"eus_trivia": answers([1, 0])}, B)
    comparer = comparer_of(evaluations.root)
    assert comparer.compare(A, B, "xstorycloze_eu") is None
    assert comparer.estimate(B, "xstorycloze_eu") is None
    assert comparer.compare(A, B, "EU") is None
    assert comparer.rows(B, "xstorycloze_eu") == []
    with pytest.raises(UnknownNameError, match="Did you mean org/a"):
        comparer.estimate("org/aa", "EU")
    with pytest.raises(UnknownNameError, match="Did you mean xstorycloze_eu"):
        comparer.compare(A, B, "xstorycloze_eus")
    with pytest.raises(UnknownNameError, match="metric of eus_trivia 'bleu'"):
        comparer.estimate(B, "eus_trivia", "bleu")
    with pytest.raises(DataError, match="no benchmark in common") as raised:
        compare_all(comparer, A)
    assert "org/b has eus_trivia" in str(raised.value)


def test_of_many_models_one_with_nothing_in_common_is_named(
    evaluations: Evaluations,
) -> None:
    for model in (A, B):
        evaluations.evaluated({"xstorycloze_eu": answers([1, 0])}, model)
    evaluations.evaluated({"eus_trivia": answers([1, 0])}, "org/c")
    report = compared(evaluations.root)
    assert {row.b for row in report.rows} == {B}
    texts = [note.text for note in report.notes if note.about == "org/c"]
    assert "no result of xstorycloze_eu, which org/a has" in texts


def test_what_only_one_has_is_named(evaluations: Evaluations) -> None:
    both = answers([1, 0, 1])
    evaluations.evaluated({"xstorycloze_eu": both, "eus_trivia": both}, A)
    evaluations.evaluated({"xstorycloze_eu": both}, B)
    notes = compared(evaluations.root).notes
    texts = [one.text for one in notes if one.kind == "not compared"]
    assert texts[0] == "no result of eus_trivia, which org/a has"
    assert any(text.startswith("the average EU: no Belebele") for text in texts)


def test_tasks_of_no_benchmark_are_named(evaluations: Evaluations) -> None:
    rows = answers([1, 0, 1])
    evaluations.evaluated({"xstorycloze_eu": rows, "xnli_eu": rows}, A)
    evaluations.evaluated({"xstorycloze_eu": rows, "copa_es": rows}, B)
    texts = [note.text for note in compared(evaluations.root).notes]
    assert "in no benchmark of the paper: copa_es, xnli_eu" in texts


def test_samples_are_read_once(
    evaluations: Evaluations, monkeypatch: pytest.MonkeyPatch
) -> None:
    for model, share in ((A, 0.5), (B, 0.6), ("org/c", 0.7)):
        evaluations.evaluated(every_row(share), model)
    seen: list[Path] = []
    read = sample_items.read_samples

    def counting(path: Path, wanted: str) -> object:
        seen.append(path)
        return read(path, wanted)

    monkeypatch.setattr(sample_items, "read_samples", counting)
    compared(evaluations.root)
    assert len(seen) == len(set(seen)) == 21


def test_other_examples_are_noticed(evaluations: Evaluations) -> None:
    rows = answers([1, 0, 1, 1])
    evaluations.evaluated({"xstorycloze_eu": rows}, A)
    for row in rows[:3]:
        row["prompt_hash"] = "another"
    evaluations.evaluated({"xstorycloze_eu": rows}, B)
    notes = [
        note for note in compared(evaluations.root).notes if note.kind == "prompts"
    ]
    assert len(notes) == 1
    assert notes[0].text.startswith("3 of 4 prompts are other ones than those of org/a")


def test_a_p_is_not_bounded_by_the_number_of_draws(evaluations: Evaluations) -> None:
    """Among hundreds of tests Holm would make every p of the draws a large one."""
    one = [("a b c d e f g h", "a b c d x y z w")] * 60
    other = [("a b c d e f g h", "a b c d e f z w")] * 50 + one[:10]
    for model, pairs in ((A, one), (B, other)):
        evaluations.evaluated({"iberian_flores_es-eu": translations(pairs)}, model)
    row = comparer_of(evaluations.root).compare(A, B, "flores_es-eu", "chrf++")
    assert row is not None
    found = row.difference
    assert found.method == "bootstrap"
    assert found.stderr is not None
    assert found.p is not None
    assert found.difference > 8 * found.stderr
    assert 0 < found.p < 1e-8  # of 500 draws the least is .004


def test_draws_do_not_depend_on_what_was_read_before(evaluations: Evaluations) -> None:
    for model, share in ((A, 0.6), (B, 0.9)):
        rows = answers(drawn(80, share), 2)
        for number, row in enumerate(rows):
            row["mcc"] = [number % 2, int(row["acc"])]
        evaluations.evaluated({"catcola": rows}, model)
        evaluations.evaluated({"xstorycloze_eu": rows[::-1]}, model)
    one = comparer_of(evaluations.root).compare(A, B, "cola_ca", "mcc")
    other = comparer_of(evaluations.root)
    other.compare(B, A, "xstorycloze_eu")
    assert other.compare(A, B, "cola_ca", "mcc") == one
