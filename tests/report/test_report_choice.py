"""Which of several results counts, and what is said about the others."""

from __future__ import annotations

import itertools
import shutil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_results import Results, everything

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report import (
    Measure,
    ModelReport,
    Result,
    Setting,
    Wanted,
    build_report,
    load_catalogue,
)
from lm_eval_iberian.report.choice import choose
from lm_eval_iberian.report.reported_benchmark import ReportedBenchmark


TASK = "belebele_eng_Latn"
CHAT = {"chat_template": "<s>{{ m }}", "chat_template_sha": "abc123"}
IFEVAL = "inst_level_strict_acc"
BENCHMARK = ReportedBenchmark("x", "X", "eu", "choice", ("a", "b"))


def model_of(results: Results, name: str = "org/model", **more: Any) -> ModelReport:
    return build_report([results.root], **more).models[name]


def value(model: ModelReport, benchmark: str = "belebele_en") -> float:
    cell = model.cells[benchmark]
    return cell.measures[cell.metric].value


def kinds(model: ModelReport) -> list[str]:
    return [issue.kind for issue in model.issues]


@pytest.mark.parametrize("old_first", [True, False])
def test_of_equal_settings_the_newest_counts(results: Results, old_first: bool) -> None:
    dates = (1e9, 2e9) if old_first else (2e9, 1e9)
    for date in dates:
        results.write({TASK: 0.6 if date == 2e9 else 0.5}, date=date)
    model = model_of(results)
    assert value(model) == 60
    said = next(i for i in model.issues if i.kind == "duplicate")
    assert "2 results of belebele_eng_Latn" in said.text
    assert "(60.00, 50.00)" in said.text
    assert len(said.files) == 2


@pytest.mark.parametrize(
    ("other", "rule", "difference"),
    [
        ({"shots": 0}, "the shots decide: 5 are wanted", "shots 5, not 0"),
        (CHAT, "no chat template is preferred", "chat template none, not abc123"),
        (
            {"n": 10, "of": 900, "config": {"limit": 10.0}},
            "before one with --limit",
            "limit none, not 10 of 900",
        ),
        (
            {"system_instruction": "Be good.", "system_instruction_sha": "77"},
            "no system instruction is preferred",
            "system instruction none, not 77",
        ),
    ],
)
@pytest.mark.parametrize("newer", [True, False])
def test_of_other_settings_the_paper_s_count(
    results: Results, other: dict[str, Any], rule: str, difference: str, newer: bool
) -> None:
    results.write({TASK: 0.5}, date=1.5e9)
    results.write({TASK: 0.6}, date=2e9 if newer else 1e9, **other)
    model = model_of(results)
    assert value(model) == 50
    said = [i for i in model.issues if i.kind == "conflict"]
    assert len(said) == 1
    assert rule in said[0].text
    assert difference in said[0].text
    assert said[0].benchmark == "belebele_en"


def test_examples_as_turns_are_another_setting(results: Results) -> None:
    results.write({TASK: 0.5}, date=1e9, **CHAT)
    results.write({TASK: 0.6}, date=2e9, fewshot_as_multiturn=True, **CHAT)
    text = next(i.text for i in model_of(results).issues if i.kind == "conflict")
    assert text.endswith("few-shot as turns yes, not none; the newest file counts")


def test_turns_without_a_chat_template_are_none(results: Results) -> None:
    results.write({TASK: 0.5}, date=1e9)
    results.write({TASK: 0.6}, date=2e9, fewshot_as_multiturn=True)
    assert kinds(model_of(results)) == ["duplicate", "incomplete"]


def test_of_two_versions_the_newest_file_counts(results: Results) -> None:
    results.write({TASK: 0.6}, date=1e9)
    results.write({TASK: 0.5}, date=2e9, versions={TASK: 0.0})
    model = model_of(results)
    assert value(model) == 50
    text = next(i.text for i in model.issues if i.kind == "conflict")
    assert text.endswith("task version 0.0, not 1.0; the newest file counts")


def test_the_paper_s_task_comes_before_ours(results: Results) -> None:
    results.write({TASK: 0.6}, date=1e9)
    results.write({"iberian_belebele_en": 0.5}, date=2e9)
    model = model_of(results)
    assert value(model) == 60
    assert kinds(model).count("conflict") == 1


def test_shots_can_be_asked_for(results: Results) -> None:
    results.write({TASK: 0.5})
    results.write({TASK: 0.4, "xstorycloze_en": 0.3}, shots=0)
    model = model_of(results, wanted=Wanted(shots=0))
    assert value(model) == 40
    assert "settings" not in kinds(model)
    assert model.cells["belebele_en"].settings()[0].shots == 0
    with pytest.raises(DataError, match="no result with 3 shots among 3"):
        model_of(results, wanted=Wanted(shots=3))


def test_a_chat_template_can_be_asked_for(results: Results) -> None:
    results.write({TASK: 0.5})
    results.write({TASK: 0.4}, **CHAT)
    assert value(model_of(results, wanted=Wanted(chat_template=True))) == 40
    assert value(model_of(results, wanted=Wanted(chat_template=False))) == 50


def test_other_shots_are_taken_and_flagged(results: Results) -> None:
    results.write({TASK: 0.5}, shots=0)
    model = model_of(results)
    assert value(model) == 50
    text = next(i.text for i in model.issues if i.kind == "settings")
    assert text == "belebele_eng_Latn was run with 0 shots, not with 5"


def test_an_average_over_several_settings_is_flagged(
    results: Results, english: dict[str, float]
) -> None:
    last = english.pop("bertaqa_en_local")
    results.write(english)
    results.write({"bertaqa_en_local": last}, n=2364, **CHAT)
    model = model_of(results)
    assert model.averages["EN"].value == pytest.approx(70)
    text = next(i.text for i in model.issues if i.kind == "mixed")
    assert text == (
        "EN mixes results that differ in chat template: abc123: bertaqa_en; "
        "none: belebele_en, xstorycloze_en"
    )


def test_a_limit_is_flagged(results: Results, english: dict[str, float]) -> None:
    results.write(english, n=10, of=900, config={"limit": 10})
    model = model_of(results)
    assert kinds(model).count("limit") == 3
    assert model.averages["EN"].limited
    assert any("was scored on 10 of 900" in i.text for i in model.issues)


def test_a_limit_no_smaller_than_the_task_is_none(results: Results) -> None:
    results.write({TASK: 0.5}, config={"limit": 900})
    assert kinds(model_of(results)) == ["incomplete"]


def test_a_limit_is_known_without_counts(results: Results) -> None:
    content = results.content({TASK: 0.5}, config={"limit": 7})
    del content["n-samples"]
    results.put(content)
    assert "limit" in kinds(model_of(results))


def test_another_number_of_items_is_flagged(results: Results) -> None:
    results.write({TASK: 0.5}, n=899)
    text = next(i.text for i in model_of(results).issues if i.kind == "items")
    assert text == "Belebele has 899 items here, the paper's 900"


def test_a_copy_counts_once(results: Results) -> None:
    path = results.write({TASK: 0.5})
    shutil.copy(path, path.with_name("results_copy.json"))
    report = build_report([results.root, path])
    assert kinds(report.models["org/model"]) == ["duplicate", "incomplete"]
    assert "is a copy of" in report.models["org/model"].issues[0].text


def test_all_exams_twice_are_one_issue(results: Results) -> None:
    exams = {t: a for t, a in everything().items() if t.startswith("eus_exams")}
    results.write(exams, date=1e9)
    results.write(exams, date=2e9)
    model = model_of(results)
    assert kinds(model).count("duplicate") == 1
    assert "(and so 28 more parts)" in model.issues[0].text


def ifeval(results: Results, *values: float, **more: Any) -> None:
    for at, share in enumerate(values):
        metrics = {f"{IFEVAL},none": share, f"{IFEVAL}_stderr,none": "N/A"}
        options: dict[str, Any] = {"shots": 0, "n": 541, "date": 1e9 + at} | more
        results.write({"iberian_ifeval_eu": metrics}, **options)


def test_ifeval_runs_are_averaged(results: Results) -> None:
    ifeval(results, 0.5, 0.6, 0.7)
    model = model_of(results)
    found = model.averages["IFEval EU"]
    assert found.value == pytest.approx(60)
    assert found.sd == pytest.approx(10)
    assert found.runs == 3
    assert kinds(model) == []


def test_ifeval_runs_may_be_alike(results: Results) -> None:
    ifeval(results, 0.5, 0.5)
    found = model_of(results).averages["IFEval EU"]
    assert (found.value, found.sd, found.runs) == (50, 0, 2)


def test_a_copied_run_is_no_run(results: Results) -> None:
    metrics = {f"{IFEVAL},none": 0.5}
    content = results.content({"ifeval_eu": metrics}, shots=0, n=541)
    for extra in ("a", "b"):
        results.count += 1
        results.put(content | {"pretty_env_info": extra})
    found = model_of(results).averages["IFEval EU"]
    assert (found.sd, found.runs) == (None, 1)


def test_runs_that_differ_in_their_seed_are_runs(results: Results) -> None:
    for seed in (1, 2, 3):
        sampling = {"gen_kwargs": f"temperature=0.7,seed={seed}"}
        ifeval(results, 0.1 * seed, config=sampling, date=seed)
    assert model_of(results).averages["IFEval EU"].runs == 3


def test_runs_that_are_sampled_otherwise_are_a_conflict(results: Results) -> None:
    ifeval(results, 0.5, 0.6, config={"gen_kwargs": "temperature=0.7"})
    ifeval(results, 0.9, config={"gen_kwargs": {"temperature": 0.0}}, date=2e9)
    model = model_of(results)
    assert model.averages["IFEval EU"].runs == 2
    text = next(i.text for i in model.issues if i.kind == "conflict")
    assert 'generation {"temperature": 0.7}, not {"temperature": 0.0}' in text
    assert text.endswith("more runs come before fewer")


def test_ifeval_prefers_a_chat_template(results: Results) -> None:
    ifeval(results, 0.5, 0.6, **CHAT)
    ifeval(results, 0.9, date=2e9)
    model = model_of(results)
    assert model.averages["IFEval EU"].value == pytest.approx(55)
    assert kinds(model) == ["conflict"]


def test_shots_asked_for_leave_ifeval_alone(results: Results) -> None:
    ifeval(results, 0.5)
    results.write({TASK: 0.5})
    model = model_of(results, wanted=Wanted(shots=5))
    assert model.averages["IFEval EU"].value == 50


def test_the_paper_s_scorer_is_a_column_of_its_own(results: Results) -> None:
    for at, (ours, theirs) in enumerate(((0.5, 0.3), (0.7, 0.5))):
        metrics = {f"{IFEVAL},none": ours, f"{IFEVAL}_original,none": theirs}
        results.write({"iberian_ifeval_gl": metrics}, shots=0, n=541, date=1e9 + at)
    averages = model_of(results).averages
    assert averages["IFEval GL"].value == pytest.approx(60)
    assert averages["IFEval GL original"].value == pytest.approx(40)
    assert averages["IFEval GL original"].sd == pytest.approx(200**0.5)
    assert "IFEval EU original" not in averages


@pytest.mark.parametrize("lang", ["eu", "gl"])
def test_two_names_of_one_task_are_two_runs(results: Results, lang: str) -> None:
    for at, name in enumerate((f"ifeval_{lang}", f"iberian_ifeval_{lang}")):
        metrics = {f"{IFEVAL},none": 0.4 + 0.2 * at}
        results.write({name: metrics}, shots=0, n=541, date=1e9 + at)
    model = model_of(results)
    found = model.averages[f"IFEval {lang.upper()}"]
    assert found.value == pytest.approx(50)
    assert found.runs == 2
    assert kinds(model) == []
    cell = model.cells[f"ifeval_{lang}"]
    assert {r.setting.task for r in cell.results} == {
        f"ifeval_{lang}", f"iberian_ifeval_{lang}",
    }  # fmt: skip


def test_two_names_of_one_task_in_one_file_are_two_runs(results: Results) -> None:
    rows = {"ifeval_eu": {f"{IFEVAL},none": 0.4}}
    rows["iberian_ifeval_eu"] = {f"{IFEVAL},none": 0.6}
    results.write(rows, shots=0, n=541)
    assert model_of(results).averages["IFEval EU"].runs == 2


def test_neither_name_of_one_task_comes_first(results: Results) -> None:
    for at, name in enumerate(("iberian_ifeval_eu", "ifeval_eu")):
        sampling = {"gen_kwargs": f"temperature={at}"}
        row = {f"{IFEVAL},none": 0.4 + 0.2 * at}
        results.write({name: row}, shots=0, n=541, date=1e9 + at, config=sampling)
    model = model_of(results)
    assert model.averages["IFEval EU"].value == pytest.approx(60)
    (text,) = (i.text for i in model.issues if i.kind == "conflict")
    assert text.endswith("the newest file counts")


@pytest.mark.parametrize(("lang", "name"), [("ca", "ifeval_ca"), ("en", "ifeval")])
def test_upstream_s_ifeval_is_no_run_of_ours(
    results: Results, lang: str, name: str
) -> None:
    for at, task in enumerate((name, f"iberian_ifeval_{lang}")):
        metrics = {f"{IFEVAL},none": 0.4 + 0.2 * at}
        results.write({task: metrics}, shots=0, n=541, date=1e9 + at)
    model = model_of(results)
    assert model.averages[f"IFEval {lang.upper()}"].value == pytest.approx(60)
    assert kinds(model) == ["conflict"]


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        ({"n": 536}, "items 541, not 536"),
        ({"task_hashes": {"iberian_ifeval_eu": "b" * 64}}, "prompts aaaa"),
    ],
)
def test_runs_over_other_prompts_are_not_averaged(
    results: Results, other: dict[str, Any], difference: str
) -> None:
    known = {"task_hashes": {"iberian_ifeval_eu": "a" * 64}}
    ifeval(results, 0.5, 0.7, **known)
    ifeval(results, 0.1, date=3e9, **known | other)
    model = model_of(results)
    assert model.averages["IFEval EU"].value == pytest.approx(60)
    assert model.averages["IFEval EU"].runs == 2
    (text,) = (i.text for i in model.issues if i.kind == "conflict")
    assert difference in text


def test_a_run_that_does_not_say_its_prompts_is_a_run(results: Results) -> None:
    ifeval(results, 0.5, date=1e9)
    ifeval(results, 0.7, date=2e9, task_hashes={"iberian_ifeval_eu": "a" * 64})
    model = model_of(results)
    assert model.averages["IFEval EU"].runs == 2
    assert kinds(model) == []


def test_runs_that_are_alike_in_everything_are_said(results: Results) -> None:
    ifeval(results, 0.5, 0.5)
    (issue,) = model_of(results).issues
    assert issue.kind == "duplicate"
    assert "2 runs of iberian_ifeval_eu have the same values" in issue.text


def test_translation_is_in_points(results: Results) -> None:
    metrics = {"bleu,none": 12.5, "bleu_stderr,none": 0.5, "ter,none": 130.0}
    other = {"bleu,none": 13.5, "bleu_stderr,none": 0.5, "ter,none": 90.0}
    results.write(
        {"basque_bench_flores_es-eu": metrics, "iberian_flores_en-eu": other}, n=1012
    )
    averages = model_of(results).averages
    assert averages["*-EU"].value == 13
    assert averages["*-EU"].stderr == pytest.approx(0.5**0.5 / 2)
    assert averages["*-EU TER"].value == 110
    assert "*-EU chrF++" not in averages
    assert "*-EU chrF" not in averages


settings = st.builds(
    Setting,
    task=st.sampled_from(["a", "b"]),
    version=st.sampled_from(["0.0", "1.0"]),
    shots=st.sampled_from([0, 5, None]),
    chat_template=st.sampled_from([None, "x"]),
    system=st.sampled_from([None, "y"]),
    limit=st.sampled_from([None, "1 of 2"]),
)
candidates = st.lists(
    st.builds(
        lambda setting, when: (setting, float(when)), settings, st.integers(0, 3)
    ),
    min_size=1,
    max_size=6,
)


@given(candidates, st.randoms(use_true_random=False))
def test_the_order_of_files_does_not_matter(
    given_results: list[tuple[Setting, float]], random: Any
) -> None:
    kind = load_catalogue().kinds["choice"]
    results = [
        Result("m", setting, {"acc": Measure(i)}, 9, f"f{i}", when, run=f"r{i}")
        for i, (setting, when) in enumerate(given_results)
    ]
    shuffled = list(results)
    random.shuffle(shuffled)
    one, two = (
        choose(r, kind, ("a", "b"), Wanted(), BENCHMARK) for r in (results, shuffled)
    )
    assert one.results == two.results
    assert len(one.results) == 1
    best = one.results[0].setting
    # nothing better was left lying
    assert best.limit is None or all(r.setting.limit for r in results)
    same = [r for r in results if (r.setting.limit is None) == (best.limit is None)]
    assert best.shots == 5 or all(r.setting.shots != 5 for r in same)
    named = set(itertools.chain.from_iterable(issue.files for issue in one.issues))
    assert named == ({r.file for r in results} if len(results) > 1 else set())
