"""Results files of every make, and files that are none."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_results import Results

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report import build_report, load_catalogue
from lm_eval_iberian.report.collect import model_name
from lm_eval_iberian.terminal import shown


TASK = "belebele_eng_Latn"


def the_value(results: Results) -> float:
    (model,) = build_report([results.root]).models.values()
    return model.cells["belebele_en"].measures["acc"].value


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"model_name": "org/model"}, "org/model"),
        ({"model_name": "org__model"}, "org/model"),
        ({"model_name": "./runs/eu-linear/"}, "runs/eu-linear"),
        ({"config": {"model_args": "dtype=auto,pretrained=org/model"}}, "org/model"),
        ({"config": {"model_args": {"pretrained": "org/model"}}}, "org/model"),
        ({"config": {"model_args": "pretrained=a/b,peft=c/d"}}, "c/d"),
        ({}, "folder/model"),
        ({"model_name": None, "config": None}, "folder/model"),
        (
            {"model_name": "a/b", "config": {"model_args": "revision=step10"}},
            "a/b (revision=step10)",
        ),
        (
            {"model_name": "a/b", "config": {"model_args": {"load_in_8bit": True}}},
            "a/b (load_in_8bit=True)",
        ),
        ({"model_name": "a/b", "config": {"model_args": "revision=main"}}, "a/b"),
        ({"model_name": "meta-llama/Meta-Llama-3.1-8B"}, "meta-llama/Llama-3.1-8B"),
        ({"model_name": "old"}, "new"),
        ({"model_name": "a\x1b[31mb\n\u202ec"}, "a\\x1b[31mb\\n\\u202ec"),
    ],
)
def test_the_model_s_name(content: dict[str, Any], expected: str) -> None:
    path = Path("x/folder__model/results_1.json")
    found = model_name(content, path, load_catalogue(), {"old": "new"})
    assert found == expected


def test_a_lone_surrogate_is_spelt_out() -> None:
    assert shown("a\udc80b") == "a\\udc80b"


def test_a_folder_of_another_model_is_said(results: Results) -> None:
    content = results.content({TASK: 0.5}, model="org/one")
    results.put(content, model="org/two")
    model = build_report([results.root]).models["org/one"]
    assert "the folder org__two holds results of org/one" in model.issues[0].text


def test_commits_of_the_weights_are_told_apart(results: Results) -> None:
    for sha in ("a" * 40, "b" * 40):
        results.write({TASK: 0.5}, config={"model_sha": sha})
    issues = build_report([results.root]).models["org/model"].issues
    assert any("2 commits of the model" in issue.text for issue in issues)


@pytest.mark.parametrize(
    "row",
    [
        {"acc,none": 0.5},
        {"acc": 0.5, "acc_stderr": 0.01},
        {"acc,strip": 0.5, "acc_norm,strip": 0.6},
        {"acc,none": 0.5, "acc,strip": 0.9},
        {"acc,none": 0.5, "acc_stderr,none": "N/A"},
        {"acc,none": 0.5, "acc_stderr,none": float("nan")},
        {"acc,none": 0.5, "acc_norm,none": float("nan"), "f1,none": None},
        {"name": TASK, "sample_len": 900, "acc,none": 0.5},
    ],
)
def test_a_metric_is_found_however_it_is_keyed(
    results: Results, row: dict[str, Any]
) -> None:
    results.write({TASK: row})
    assert the_value(results) == 50


def test_an_old_file_says_less(results: Results) -> None:
    results.put({"results": {TASK: {"acc": 0.5}}, "configs": {TASK: {}}, "config": {}})
    assert the_value(results) == 50


def test_a_task_without_the_metric_is_said(results: Results) -> None:
    results.write({TASK: {"acc_norm,none": 0.5}, "xstorycloze_en": 0.5}, n=1511)
    model = build_report([results.root]).models["org/model"]
    assert "belebele_en" not in model.cells
    text = next(i.text for i in model.issues if i.kind == "metric")
    assert text == "belebele_eng_Latn has no acc; its metrics: acc_norm,none"


BAD_VALUES = [
    (float("nan"), "is 'nan', not a number"),
    (float("inf"), "is 'inf', not a number"),
    (10**400, "not a number"),
    (None, "is 'None', not a number"),
    ("0.5", "is '0.5', not a number"),
    (True, "is 'True', not a number"),
    (47.36, "is 47.36, but accuracy lies between 0.0 and 1.0"),
    (-0.1, "is -0.1, but accuracy lies between"),
]


@pytest.mark.parametrize(("value", "said"), BAD_VALUES)
def test_a_value_that_is_none(results: Results, value: Any, said: str) -> None:
    path = results.write({TASK: {"acc,none": value}, "xstorycloze_en": 0.5}, n=1511)
    with pytest.raises(DataError, match=re.escape(said)) as caught:
        build_report([results.root])
    assert f"{path}: results.{TASK}.acc,none" in str(caught.value)
    report = build_report([results.root], keep_going=True)
    assert said in report.issues[0].text
    assert set(report.models["org/model"].cells) == {"xstorycloze_en"}


def test_two_filters_are_not_guessed_between(results: Results) -> None:
    results.write({TASK: {"acc,a": 0.5, "acc,b": 0.6}})
    with pytest.raises(DataError, match="by 2 filters, acc,a, acc,b"):
        build_report([results.root])


BAD_FILES = [
    (b"", "is not JSON, or not all of it is there"),
    (b'{"results": {"a": {"acc,no', "is not JSON, or not all of it is there"),
    (b"[" * 100_000, "is not JSON"),
    (b"9" * 10_000, "is not JSON"),
    (b"\xff\xfe{}", "is not"),
    (b'{"a\xf1": 1}', "run the evaluation again, or pass --keep-going"),
    (b"[]", "is not a results file of lm-eval"),
    (b'{"results": []}', "is not a results file of lm-eval"),
    (b'{"results": {}}', "is not a results file of lm-eval"),
    (b'{"results": {"a": 1}, "config": {}}', "results.a is not a JSON object"),
    (b'{"results": {}, "n-shot": []}', "n-shot is not a JSON object"),
]


@pytest.mark.parametrize(("content", "said"), BAD_FILES)
def test_a_file_that_is_none(results: Results, content: bytes, said: str) -> None:
    bad = results.write({TASK: 0.1})
    bad.write_bytes(content)
    results.write({TASK: 0.5}, model="org/other")
    with pytest.raises(DataError, match=re.escape(said)) as caught:
        build_report([results.root])
    assert str(bad) in str(caught.value)
    assert "\n" not in str(caught.value)
    report = build_report([results.root], keep_going=True)
    assert [issue.kind for issue in report.issues] == ["bad file"]
    assert list(report.models) == ["org/other"]


def test_odd_settings_are_no_settings(results: Results) -> None:
    odd = {
        "n-shot": {TASK: "5"},
        "n-samples": {TASK: 3},
        "configs": {TASK: []},
        "versions": None,
        "date": "yesterday",
        "chat_template": 7,
    }
    results.write({TASK: 0.5}, **odd)
    assert the_value(results) == 50


def packed(path: Path) -> Path:
    """Put a gzipped file in the place of another."""
    found = path.with_name(f"{path.name}.gz")
    found.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    return found


def test_results_may_be_gzipped_as_their_samples_may(results: Results) -> None:
    path = packed(results.write({TASK: 0.5}))
    assert the_value(results) == 50
    for root in (results.root, path):
        report = build_report([root])
        assert report.inputs == (str(path),)
    name = path.name.replace("results_", f"samples_{TASK}_").replace(".json", ".jsonl")
    path.with_name(name).write_bytes(gzip.compress(b"{}"))
    (found,) = report.models["org/model"].cells["belebele_en"].results
    assert found.samples_path() == path.with_name(name)


def test_a_gzipped_copy_beside_results_is_a_copy(results: Results) -> None:
    path = results.write({TASK: 0.5})
    content = path.read_bytes()
    packed(path)
    path.write_bytes(content)
    assert the_value(results) == 50


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda raw: raw[:-20], "breaks off"),
        (lambda raw: b"no gzip", "is not gzip, or is damaged"),
        (lambda raw: gzip.compress(b"{"), "is not JSON, or not all of it is there"),
        (lambda raw: gzip.compress(b"\xff"), "is not UTF-8"),
        (lambda raw: gzip.compress(b" " * (300 << 20)), "unpacks to more than 256 MiB"),
    ],
)
def test_gzipped_results_that_are_not_whole(
    results: Results, spoil: Callable[[bytes], bytes], said: str
) -> None:
    path = packed(results.write({TASK: 0.5}))
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DataError, match=said) as caught:
        build_report([results.root])
    assert str(path) in str(caught.value)


def test_a_folder_without_results(tmp_path: Path, results: Results) -> None:
    with pytest.raises(DataError, match="does not exist; give the folder"):
        build_report([tmp_path / "nothing"])
    with pytest.raises(DataError, match=r"holds no results_\*.json; give"):
        build_report([tmp_path])
    content = results.content({TASK: 0.5})
    (tmp_path / "scores.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match="but 1 other JSON files; name those"):
        build_report([tmp_path])
    report = build_report([tmp_path / "scores.json"])
    assert report.models["org/model"].cells["belebele_en"].n == 900


def test_a_file_named_twice_is_one_file(results: Results) -> None:
    path = results.write({TASK: 0.5})
    samples(path, TASK, [])
    again = results.root / ".." / results.root.name
    report = build_report([results.root, again, path, *path.parent.iterdir()])
    assert len(report.inputs) == 1
    issues = report.models["org/model"].issues
    assert [issue.kind for issue in issues] == ["incomplete"]


def test_nothing_of_the_paper(results: Results) -> None:
    results.write({"mmlu": 0.5, "arc": 0.5})
    with pytest.raises(DataError, match=r"no result of any benchmark .*: arc, mmlu"):
        build_report([results.root])


def samples(
    path: Path, task: str, rows: list[dict[str, Any]], *, gz: bool = False
) -> Path:
    stamp = path.name.removeprefix("results_").removesuffix(".json")
    out = path.with_name(f"samples_{task}_{stamp}.jsonl{'.gz' if gz else ''}")
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    out.write_bytes(gzip.compress(data) if gz else data)
    return out


def bertaqa(count: int) -> list[dict[str, Any]]:
    """Local and global in turn; of the local ones every second is right."""
    groups = ("Euskal gaiak", "Gai orokorrak")
    return [
        {"doc_id": i, "doc": {"group": groups[i % 2]}, "acc": float(i % 4 != 2)}
        for i in range(count)
    ]


@pytest.mark.parametrize("gz", [False, True])
def test_bertaqa_s_local_items_are_counted_from_samples(
    results: Results, gz: bool
) -> None:
    path = results.write({"bertaqa_eu": 0.75}, n=8)
    found = samples(path, "bertaqa_eu", bertaqa(8), gz=gz)
    cell = build_report([results.root]).models["org/model"].cells["bertaqa_eu"]
    assert cell.measures["acc"].value == 50
    assert cell.measures["acc"].stderr == pytest.approx(100 * (0.25 / 3) ** 0.5)
    assert (cell.n, cell.results[0].from_samples) == (4, True)
    assert cell.results[0].path == path
    assert cell.results[0].samples_path() == found
    # a shell's * names it too
    assert len(build_report([path, found]).inputs) == 1


def test_samples_of_the_filter_that_the_results_are_of_count(results: Results) -> None:
    """lm-eval repeats every sample for each filter."""
    path = results.write({"bertaqa_eu": {"acc,first": 0.75}}, n=8)
    right = [row | {"filter": "first"} for row in bertaqa(8)]
    wrong = [row | {"filter": "other", "acc": 0.0} for row in bertaqa(8)]
    samples(path, "bertaqa_eu", [*wrong, *right])
    cell = build_report([results.root]).models["org/model"].cells["bertaqa_eu"]
    assert cell.measures["acc"].value == 50
    samples(path, "bertaqa_eu", wrong)
    with pytest.raises(DataError, match=r"no sample of the filter 'first'.*has: other"):
        build_report([results.root])


def test_bertaqa_without_samples_is_not_bertaqa_local(results: Results) -> None:
    results.write({"bertaqa_eu": 0.7, "eus_trivia": 0.5}, n=1715)
    model = build_report([results.root]).models["org/model"]
    assert "bertaqa_eu" not in model.cells
    text = next(i.text for i in model.issues if i.kind == "subset")
    assert text.endswith("with --log_samples, or iberian_bertaqa_eu_local")
    results.write({"bertaqa_eu_local": 0.4}, n=2364)
    model = build_report([results.root]).models["org/model"]
    assert all(issue.kind != "subset" for issue in model.issues)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (bertaqa(6), "has 6 samples, but the results count 8"),
        ([{"doc_id": 1, "acc": 1.0}], "the sample has no doc.group"),
        ([row | {"doc_id": None} for row in bertaqa(8)], "the sample has no doc_id"),
        ([*bertaqa(8), {**bertaqa(1)[0], "acc": 0.0}], "doc 0 has two results"),
        ([row | {"acc": float("nan")} for row in bertaqa(8)], "acc is 'nan'"),
        ([row | {"acc": 0.3} for row in bertaqa(8)], "acc is '0.3', not 0 or 1"),
        (
            [row | {"doc": {"group": "x"}} for row in bertaqa(8)],
            "has no sample with group 'Euskal gaiak'",
        ),
    ],
)
def test_samples_that_are_not_whole(
    results: Results, rows: list[dict[str, Any]], said: str
) -> None:
    path = results.write({"bertaqa_eu": 0.75}, n=8)
    samples(path, "bertaqa_eu", rows)
    with pytest.raises(DataError, match=re.escape(said)):
        build_report([results.root])
