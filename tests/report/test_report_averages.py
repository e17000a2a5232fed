from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_results import Results, everything

from lm_eval_iberian.report import (
    Measure,
    build_report,
    load_catalogue,
)
from lm_eval_iberian.report.average import Average
from lm_eval_iberian.report.measure import micro


shares = st.floats(0, 100)
counts = st.tuples(st.integers(1, 3000), st.integers(0, 3000)).map(
    lambda pair: (pair[0], min(pair))
)


def average(values: dict[str, float], missing: tuple[str, ...] = ()) -> Average:
    return Average("acc", {k: Measure(v) for k, v in values.items()}, missing)


@given(st.lists(counts, min_size=1, max_size=40))
def test_micro_is_the_share_of_right_items(parts: list[tuple[int, int]]) -> None:
    found = micro([(Measure(100 * right / n), n) for n, right in parts])
    total, rights = (sum(column) for column in zip(*parts, strict=True))
    assert found.value == pytest.approx(100 * rights / total, abs=1e-9)


@given(st.lists(shares, min_size=1, max_size=40), st.integers(1, 3000))
def test_micro_of_parts_of_one_size_is_the_mean(values: list[float], n: int) -> None:
    found = micro([(Measure(value), n) for value in values])
    assert found.value == pytest.approx(statistics.fmean(values), abs=1e-9)


@given(st.lists(st.tuples(shares, st.integers(1, 3000)), min_size=1), st.data())
def test_micro_does_not_depend_on_how_parts_are_cut(
    parts: list[tuple[float, int]], data: st.DataObject
) -> None:
    whole = [(Measure(value), n) for value, n in parts]
    cut = []
    for measure, n in whole:
        first = data.draw(st.integers(0, n))
        cut += [(measure, k) for k in (first, n - first) if k]
    assert micro(cut).value == pytest.approx(micro(whole).value, abs=1e-9)


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 3000)), min_size=1))
def test_micro_s_error_is_at_most_the_largest(parts: list[tuple[float, int]]) -> None:
    found = micro([(Measure(50, error), n) for error, n in parts]).stderr
    assert found is not None
    assert 0 <= found <= max(error for error, _ in parts) + 1e-9
    assert (
        micro([(Measure(50, e), n) for e, n in parts] + [(Measure(1), 1)]).stderr
        is None
    )


@pytest.mark.parametrize("parts", [[], [(Measure(1), 0)]])
def test_micro_of_nothing_is_refused(parts: list[tuple[Measure, int]]) -> None:
    with pytest.raises(ValueError, match="at least one item"):
        micro(parts)


@given(st.dictionaries(st.text(), shares, min_size=1))
def test_an_average_is_a_mean_of_equal_weights(values: dict[str, float]) -> None:
    found = average(values).value
    assert found is not None
    assert math.isclose(found, statistics.mean(values.values()), abs_tol=1e-9)
    assert min(values.values()) - 1e-9 <= found <= max(values.values()) + 1e-9
    assert average(dict(reversed(values.items()))).value == found


@given(st.dictionaries(st.text(), shares), st.lists(st.text(), min_size=1, max_size=5))
def test_an_average_with_a_gap_has_no_value(
    values: dict[str, float], missing: list[str]
) -> None:
    found = average(values, tuple(missing))
    assert not found.complete
    assert (found.value, found.stderr, found.sd) == (None, None, None)
    assert (found.partial is None) == (not values)


def test_every_column_is_formed_of_its_benchmarks(results: Results) -> None:
    results.write(everything(0.5))
    averages = build_report([results.root]).models["org/model"].averages
    assert {name: a.value for name, a in averages.items()} == dict.fromkeys(
        averages, 50
    )
    sizes = {name: len(a.measures) for name, a in averages.items()}
    assert [sizes[name] for name in ("EU", "EN", "GL", "CA", "ES")] == [7, 3, 5, 4, 4]
    assert [sizes[f"*-{lang}"] for lang in ("EU", "GL", "CA", "ES", "EN")] == [
        2, 2, 2, 4, 4,
    ]  # fmt: skip
    assert len(averages) == 5 + 4 * 5 + 3 * 6  # IFEval in Portuguese, too


@pytest.mark.parametrize("column", ["EU", "EN", "GL", "CA", "ES"])
def test_without_any_one_benchmark_there_is_no_average(
    results: Results, column: str
) -> None:
    catalogue = load_catalogue()
    for key in catalogue.blocks["accuracy"].columns[column]:
        tasks = everything()
        for name in catalogue.benchmarks[key].every_task():
            tasks.pop(name, None)
        results.write(tasks, model=f"without/{key}")
    for name, model in build_report([results.root]).models.items():
        found = model.averages[column]
        assert found.missing == (name.removeprefix("without/"),)
        assert found.value is None
        assert found.partial == 50
        said = [i.text for i in model.issues if i.kind == "incomplete"]
        gone = catalogue.benchmarks[found.missing[0]].name
        assert any(
            t.startswith(column) and t.endswith(f"missing: {gone}") for t in said
        )


def test_an_exam_too_few_is_an_average_too_few(results: Results) -> None:
    tasks = everything()
    del tasks["eus_exams_eu_osakidetza7e"]
    results.write(tasks)
    model = build_report([results.root]).models["org/model"]
    assert model.averages["EU"].missing == ("eus_exams_eu",)
    assert model.cells["eus_exams_eu"].missing == ("osakidetza7e",)
    assert any("28 of 29 parts" in i.text for i in model.issues)


def test_exams_weigh_as_many_as_they_have_items(results: Results) -> None:
    tasks = everything()
    parts = [t for t in tasks if t.startswith("eus_exams_eu_")]
    content = results.content(tasks, n=10)
    content["results"][parts[0]]["acc,none"] = 1.0
    content["n-samples"][parts[0]] = {"original": 720, "effective": 720}
    results.put(content)
    model = build_report([results.root]).models["org/model"]
    assert model.cells["eus_exams_eu"].measures["acc"].value == pytest.approx(86)


def test_exams_may_be_one_task(results: Results) -> None:
    results.write({"iberian_eus_exams_eu": 0.4}, n=15_724)
    cell = build_report([results.root]).models["org/model"].cells["eus_exams_eu"]
    assert cell.measures["acc"].value == 40
    assert cell.n == 15_724


@pytest.mark.parametrize(
    ("shots", "missing", "counts"), [(5, 0, 50), (0, 0, 40), (5, 1, 40)]
)
def test_exams_as_one_task_and_in_parts(
    results: Results, shots: int, missing: int, counts: int
) -> None:
    results.write({"iberian_eus_exams_eu": 0.4}, n=15_724)
    exams = [task for task in everything() if task.startswith("eus_exams")]
    results.write(dict.fromkeys(exams[missing:], 0.5), shots=shots)
    model = build_report([results.root]).models["org/model"]
    assert model.cells["eus_exams_eu"].measures["acc"].value == counts
    said = [i.text for i in model.issues if "of its parts" in i.text]
    which = "latter count" if counts == 50 else "former counts"
    assert said == [
        f"there are results of iberian_eus_exams_eu and of its parts; the {which}"
    ]


def test_a_group_s_own_average_is_not_used(results: Results) -> None:
    content = results.content({"xstorycloze_eu": 0.5})
    content["results"]["eus_exams_eu"] = {"acc,none": 0.9, "alias": "eus_exams_eu"}
    content["results"]["bertaqa_eu"] = {" ": " ", "alias": "bertaqa_eu"}
    results.put(content)
    model = build_report([results.root]).models["org/model"]
    assert set(model.cells) == {"xstorycloze_eu"}
    assert model.others == ()
    assert {issue.kind for issue in model.issues} == {"items", "incomplete"}
