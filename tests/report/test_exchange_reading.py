"""Every Eval Ever, as others write it, becomes results of the report."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from exchange_records import converted, euroeval, mangled, put, sample_row

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report import build_report
from lm_eval_iberian.report.results_file import read_results, read_samples


def value(
    path: Path, model: str = "org/model", benchmark: str = "belebele_eu"
) -> float:
    return build_report([path]).models[model].cells[benchmark].measures["acc"].value


def test_what_lm_eval_s_converter_wrote_is_a_result(tmp_path: Path) -> None:
    put(tmp_path, converted("belebele_eus_Latn", acc=0.5))
    report = build_report([tmp_path])
    (result,) = report.models["org/model"].cells["belebele_eu"].results
    assert result.measures["acc"].value == 50.0
    assert result.measures["acc"].stderr == pytest.approx(1.5)
    assert result.n == 900
    assert result.when == 1_700_000_000.0
    assert result.sha == "abc"
    assert result.setting.shots == 5


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"max_score": 100, "score": 50.0}, "the bounds say per cent"),
        ({"metric_id": "accuracy", "evaluation_description": "x"}, "by its id"),
        ({"metric_name": "Accuracy", "evaluation_description": ""}, "by its name"),
        ({"metric_unit": "percent", "score": 50.0}, "the unit says per cent"),
    ],
)
def test_others_call_and_scale_accuracy_otherwise(
    tmp_path: Path, change: dict[str, Any], why: str
) -> None:
    record = converted("belebele_eus_Latn", acc=0.5)
    (one,) = record["evaluation_results"]
    one["score_details"]["score"] = change.pop("score", 0.5)
    if "metric_unit" in change:
        del one["metric_config"]["max_score"]
    one["metric_config"] |= change
    put(tmp_path, record)
    assert value(tmp_path) == 50.0, why


def test_euroeval_s_lines_are_records(tmp_path: Path) -> None:
    records = [euroeval("ifeval", test_instruction_accuracy=61.5),
               euroeval("belebele-es", test_mcc=40.0, test_accuracy=55.0)]  # fmt: skip
    path = tmp_path / "euroeval_benchmark_results.jsonl"
    path.write_text("".join(f"{json.dumps(one)}\n" for one in records))
    model = build_report([tmp_path]).models["org/model"]
    cell = model.cells["ifeval_en"]
    assert cell.measures["inst_level_strict_acc"].value == pytest.approx(61.5)
    # its runs are not items, and another program's answers are not lm-eval's
    assert cell.n is None
    assert cell.results[0].setting.version == "euroeval 17.6.0"
    # a sample of Belebele is not Belebele
    assert model.others == ("belebele-es",)
    assert "belebele_es" not in model.cells


def test_another_program_s_result_is_no_run_of_lm_eval_s(tmp_path: Path) -> None:
    put(tmp_path, converted("ifeval", inst_level_strict_acc=0.5))
    other = converted("ifeval", inst_level_strict_acc=0.7)
    other["eval_library"] = {"name": "helm", "version": "1"}
    put(tmp_path, other)
    model = build_report([tmp_path]).models["org/model"]
    assert len(model.cells["ifeval_en"].results) == 1
    assert "conflict" in {issue.kind for issue in model.issues}


def test_tasks_of_no_benchmark_are_named(tmp_path: Path) -> None:
    put(tmp_path, converted("gsm8k", exact_match=0.5))
    put(tmp_path, converted("belebele_eus_Latn", acc=0.5))
    assert build_report([tmp_path]).models["org/model"].others == ("gsm8k",)


def test_two_unknown_metrics_of_a_task_do_not_clash(tmp_path: Path) -> None:
    put(tmp_path, converted("gsm8k", flexible=0.5, strict=0.25))
    put(tmp_path, converted("belebele_eus_Latn", acc=0.5))
    assert value(tmp_path) == 50.0


@pytest.mark.parametrize(
    ("key", "broken", "says"),
    [
        (
            "schema_version",
            "0.9.0",
            "is Every Eval Ever '0.9.0', and this version reads",
        ),
        ("schema_version", "0.30", "is Every Eval Ever '0.30'"),
        ("model_info", {"name": "x"}, "has no model_info.id"),
        ("model_info", "x", "has no model_info"),
        ("eval_library", None, "has no eval_library"),
        ("evaluation_results", [], "has no evaluation_results"),
        ("evaluation_results", [3], "has no evaluation_results[0]"),
        ("evaluation_results", [{}], "evaluation_results[0] has no metric_config"),
    ],
)
def test_a_broken_record_is_one_sentence(
    tmp_path: Path, key: str, broken: object, says: str
) -> None:
    path = put(tmp_path, converted("belebele_eus_Latn", acc=0.5) | {key: broken})
    with pytest.raises(DataError) as error:
        build_report([tmp_path])
    assert says in str(error.value)
    assert path.name in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("score", [float("nan"), "0.5", None, True, 1.5, 10**400])
def test_a_score_that_is_none_is_refused(tmp_path: Path, score: object) -> None:
    record = converted("belebele_eus_Latn", acc=0.5)
    record["evaluation_results"][0]["score_details"]["score"] = score
    put(tmp_path, record)
    with pytest.raises(DataError, match=r"results\.belebele_eus_Latn\.acc,none"):
        build_report([tmp_path])


def test_two_values_of_one_metric_are_refused(tmp_path: Path) -> None:
    record = converted("belebele_eus_Latn", acc=0.5)
    other = converted("belebele_eus_Latn", acc=0.6)
    record["evaluation_results"] += other["evaluation_results"]
    put(tmp_path, record)
    with pytest.raises(DataError, match="second value of belebele_eus_Latn"):
        build_report([tmp_path])


def test_bad_lines_among_records_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "euroeval_benchmark_results.jsonl"
    good = json.dumps(euroeval("ifeval", test_instruction_accuracy=61.5))
    path.write_text(f"{good[:50]}\n{good}\n")
    with pytest.raises(DataError, match="line 1: not JSON"):
        build_report([tmp_path])
    report = build_report([tmp_path], keep_going=True)
    assert "ifeval_en" in report.models["org/model"].cells
    assert [issue.kind for issue in report.issues] == ["bad file"]


def test_samples_of_others_are_read_beside_their_record(tmp_path: Path) -> None:
    record = converted("belebele_eus_Latn", acc=0.5, n=2)
    path = put(tmp_path, record, [sample_row(0, True), sample_row(1, False)])
    file = read_results(path)
    samples = file.samples_path("belebele_eus_Latn")
    assert samples is not None
    rows = [row for _, row in read_samples(samples)]
    assert [row["acc"] for row in rows] == [1.0, 0.0]
    assert [row["doc_hash"] for row in rows] == ["hash-0", "hash-1"]
    assert rows[0]["arguments"]["gen_args_1"] == {"arg_0": "Galdera 0", "arg_1": "B"}
    assert rows[0]["resps"] == [["A"]]
    # a pattern of a shell names them too
    build_report([path, samples])
    with pytest.raises(DataError, match="holds samples; give the"):
        build_report([samples])


def test_a_sample_with_several_metrics_is_one(tmp_path: Path) -> None:
    record = converted("ifeval", inst_level_strict_acc=0.5, stop_rate=0.5, n=1)
    for one in record["evaluation_results"]:
        one["evaluation_result_id"] = one["metric_config"]["evaluation_description"]
    rows = [
        sample_row(0, right) | {"evaluation_result_id": name, "metadata": None}
        for name, right in (("inst_level_strict_acc", True), ("stop_rate", False))
    ]
    samples = read_results(put(tmp_path, record, rows)).samples_path("ifeval")
    assert samples is not None
    ((_, row),) = read_samples(samples)
    assert (row["inst_level_strict_acc"], row["stop_rate"]) == (1.0, 0.0)
    assert row["doc_hash"] == "sample-0"


def test_a_sample_without_a_score_is_one_sentence(tmp_path: Path) -> None:
    row = sample_row(0, True)
    del row["evaluation"]["score"]
    path = put(tmp_path, converted("belebele_eus_Latn", acc=0.5, n=1), [row])
    samples = read_results(path).samples_path("belebele_eus_Latn")
    assert samples is not None
    with pytest.raises(
        DataError, match=r"line 1 has no sample_id or evaluation\.score"
    ):
        list(read_samples(samples))


def test_a_name_alone_makes_no_record(tmp_path: Path) -> None:
    put(tmp_path, converted("belebele_eus_Latn", acc=0.5))
    name = "98ea850e-7019-4728-a558-8b1819ec47c2.json"
    (tmp_path / name).write_text('{"of": "another program"}')
    assert value(tmp_path) == 50.0
    (tmp_path / name).write_text("")
    with pytest.raises(DataError, match=f"{name} is not JSON, or not all of it"):
        build_report([tmp_path])
    (tmp_path / name).write_text('{"schema_version": "0.3.0", "evaluation')
    with pytest.raises(DataError, match=f"{name} is not JSON, or not all of it"):
        build_report([tmp_path])


@pytest.mark.slow
def test_junk_anywhere_in_a_record_is_read_or_refused(tmp_path: Path) -> None:
    path = put(tmp_path, converted("belebele_eus_Latn", acc=0.5))
    for record in (converted("belebele_eus_Latn", acc=0.5), euroeval("ifeval", a=1.0)):
        for content in mangled(record):
            path.write_text(json.dumps(content))
            with suppress(DataError):
                build_report([path], needed=False)


@pytest.mark.slow
def test_junk_anywhere_in_a_sample_is_read_or_refused(tmp_path: Path) -> None:
    record = converted("belebele_eus_Latn", acc=0.5, n=1)
    path = put(tmp_path, record, [sample_row(0, True)])
    samples = read_results(path).samples_path("belebele_eus_Latn")
    assert samples is not None
    for row in mangled(sample_row(0, True)):
        samples.write_text(json.dumps(row))
        with suppress(DataError):
            list(read_samples(samples))
