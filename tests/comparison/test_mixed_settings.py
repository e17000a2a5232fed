"""Which settings of two results are two experiments, and which are not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from made_samples import Evaluations, answers, instructions

from lm_eval_iberian.comparison.comparing import (
    CompareOptions,
    Comparer,
    compare_all,
    subjects_of,
)
from lm_eval_iberian.comparison.mixed_settings import differences_between
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report import Setting, build_report, load_catalogue


@dataclass(frozen=True)
class Case:
    """Two settings, and in what they differ."""

    one: Setting
    other: Setting
    said: str
    why: str


PLAIN = Setting("xstorycloze_eu", "1.0", 5, items=1511)
TEMPLATE = replace(PLAIN, chat_template="abc", prompts="p1")
IFEVAL = Setting("iberian_ifeval_eu", "1.0", 0, "abc", generation='{"do_sample": true}')

CASES = [
    Case(PLAIN, PLAIN, "", "the same"),
    Case(PLAIN, replace(PLAIN, shots=0), "shots 5, not 0", "another prompt"),
    Case(PLAIN, replace(PLAIN, version="2.0"), "task version 1.0, not 2.0", "changed"),
    Case(
        PLAIN, replace(PLAIN, limit="10 of 1511"), "limit none, not 10 of 1511",
        "other items",
    ),
    Case(PLAIN, replace(PLAIN, items=1500), "items 1511, not 1500", "other data"),
    Case(PLAIN, replace(PLAIN, system="5ab"), "system instruction none, not 5ab", "it"),
    Case(
        PLAIN, replace(PLAIN, task="iberian_xstorycloze_eu"),
        "task xstorycloze_eu, not iberian_xstorycloze_eu", "perhaps other prompts",
    ),
    Case(
        TEMPLATE, PLAIN, "chat template yes, not none",
        "a chat against none; that prompts differ follows from it",
    ),
    Case(
        replace(TEMPLATE, multiturn=True), PLAIN, "chat template yes, not none",
        "turns follow from the template",
    ),
    Case(
        TEMPLATE, replace(TEMPLATE, chat_template="xyz", prompts="p2"), "",
        "every model has its own template, and its own prompts by it",
    ),
    Case(
        TEMPLATE, replace(TEMPLATE, prompts="p2"), "prompts p1, not p2",
        "by one template the prompts must be the same",
    ),
    Case(
        replace(TEMPLATE, multiturn=True), TEMPLATE, "few-shot as turns yes, not none",
        "the examples look otherwise",
    ),
    Case(
        replace(TEMPLATE, multiturn=True, shots=0), replace(TEMPLATE, shots=0), "",
        "without examples there are no turns of them",
    ),
    Case(
        IFEVAL, replace(IFEVAL, generation=None),
        'generation {"do_sample": true}, not none', "sampled against greedy",
    ),
    Case(
        PLAIN, replace(PLAIN, version="\x1b[31m\ud800"),
        r"task version 1.0, not \x1b[31m\ud800", "no terminal obeys it",
    ),
    Case(
        IFEVAL, replace(IFEVAL, task="ifeval_eu"), "", "two names of one task, by us",
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.why)
def test_settings_differ_where_it_matters(case: Case) -> None:
    benchmark = load_catalogue().by_task()[case.one.task]
    assert differences_between(case.one, case.other, benchmark) == case.said
    turned = differences_between(case.other, case.one, benchmark)
    assert bool(turned) == bool(case.said)


def test_all_that_is_mixed_is_named_at_once(evaluations: Evaluations) -> None:
    rows = answers([1, 0, 1, 1, 0, 1])
    tasks = {"xstorycloze_eu": rows, "eus_trivia": rows}
    evaluations.evaluated(tasks, "org/a")
    evaluations.evaluated(tasks, "org/b", shots=0)
    evaluations.evaluated(tasks, "org/c", shots=0)
    evaluations.evaluated(tasks, "org/d")
    report = build_report([evaluations.root])
    subjects = subjects_of(report)
    with pytest.raises(DataError) as raised:
        compare_all(Comparer(subjects, report.catalogue), "org/a")
    assert str(raised.value) == (
        "results were not had as those of org/a were: shots 0, not 5 (org/b, org/c:"
        " xstorycloze_eu, eus_trivia); evaluate again, or choose results with --shots"
        " or --chat-template, or pass --allow-mixed to compare them all the same, and"
        " mark them"
    )
    options = CompareOptions(allow_mixed=True)
    found = compare_all(Comparer(subjects, report.catalogue, options), "org/a")
    mixed = {row.b: row.mixed for row in found.rows if row.benchmark == "eus_trivia"}
    assert mixed == {"org/b": "shots 0, not 5", "org/c": "shots 0, not 5", "org/d": ""}
    assert all(row.difference.paired for row in found.rows)


def test_of_exams_the_parts_that_differ_are_named(evaluations: Evaluations) -> None:
    parts = list(load_catalogue().benchmarks["eus_exams_eu"].parts)
    rows = answers([1, 0, 1])
    tasks = {f"eus_exams_eu_{part}": rows for part in parts}
    evaluations.evaluated(tasks, "org/a")
    evaluations.evaluated(dict(list(tasks.items())[1:]), "org/b")
    evaluations.evaluated(dict(list(tasks.items())[:1]), "org/b", shots=0)
    report = build_report([evaluations.root])
    comparer = Comparer(subjects_of(report), report.catalogue)
    mixed = comparer.mixed("org/a", "org/b", "eus_exams_eu")
    assert mixed == {"eus_exams_eu": f"shots 0, not 5 ({parts[0]})"}


def test_seeds_and_dates_are_no_settings(evaluations: Evaluations) -> None:
    rows = instructions([[True], [False], [True, False]])
    for model, seed in (("org/a", 1), ("org/b", 2)):
        evaluations.evaluated(
            {"iberian_ifeval_eu": rows}, model, shots=0, date=1e9 + seed,
            config={"gen_kwargs": {"do_sample": True, "seed": seed}},
        )  # fmt: skip
    report = build_report([evaluations.root])
    comparer = Comparer(subjects_of(report), report.catalogue)
    assert comparer.mixed("org/a", "org/b", "IFEval EU") == {}
