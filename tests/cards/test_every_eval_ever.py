"""Records of Every Eval Ever that are written, and read back."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from exchange_rules import faults
from hypothesis import given
from hypothesis import strategies as st
from made_results import Results, everything

from lm_eval_iberian.cards.every_eval_ever import write_every_eval_ever
from lm_eval_iberian.cards.exchange_record import unscaled
from lm_eval_iberian.cli import main
from lm_eval_iberian.comparison import Comparer, subjects_of
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report import Report, build_report, written


STAMP = "2025-01-01T01-00-00.000000"


def sample(number: int, right: bool, **more: Any) -> dict[str, Any]:
    """Return a sample of multiple choice as lm-eval writes it."""
    return {
        "doc_id": number,
        "doc": {"question": f"Zer da {number}?", "passage": "\u2028\x85 <script>"},
        "target": "1",
        "arguments": {
            f"gen_args_{at}": {"arg_0": f"Zer da {number}?", "arg_1": f" {letter}"}
            for at, letter in enumerate("AB")
        },
        "resps": [[["-2.5", "False"]], [["-1.5" if right else "-3.5", "False"]]],
        "filtered_resps": [["-2.5", "False"], ["-1.5" if right else "-3.5", "False"]],
        "filter": "none",
        "metrics": ["acc"],
        "doc_hash": f"hash-{number}",
        "acc": float(right),
    } | more


def with_samples(results: Results, rows: list[dict[str, Any]], **more: Any) -> Path:
    """Write results of a benchmark with these samples beside them."""
    right = sum(row["acc"] for row in rows) / len(rows)
    path = results.write({"belebele_eus_Latn": right}, n=len(rows), **more)
    samples = path.with_name(f"samples_belebele_eus_Latn_{STAMP}.jsonl")
    samples.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def comparable(report: Report) -> Any:
    """Return a report as data, without the names of its files."""
    content = json.loads(written(report, "json"))
    for model in content["models"].values():
        for cell in (*model["benchmarks"].values(), *model["mini"].values()):
            del cell["files"]
        for issue in model["issues"]:
            del issue["files"]
    return content


def records(root: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(root.rglob("*.json"))]


def test_what_is_written_reads_back_as_the_same_report(
    results: Results, tmp_path: Path
) -> None:
    results.write(everything(0.5373))
    results.write(everything(0.07), model="org/other", shots=0)
    results.write(
        {"iberian_ifeval_eu": {"inst_level_strict_acc,none": 0.3, "stop_rate,none": 1}},
        chat_template_sha="0123456789abcdef", shots=0, model="org/third",
    )  # fmt: skip
    results.write({"belebele_eus_Latn_mini": 0.25}, n=20)
    report = build_report([results.root])
    files = write_every_eval_ever(report, None, tmp_path / "eee")
    assert faults(tmp_path / "eee") == []
    again = build_report([tmp_path / "eee"])
    assert comparable(again) == comparable(report)
    assert written(again, "md") == written(report, "md")
    assert len(files) == sum(
        len(cell.results)
        for model in report.models.values()
        for cell in (*model.cells.values(), *model.minis.values())
    )


def test_a_revision_stays_another_model(results: Results, tmp_path: Path) -> None:
    results.write({"belebele_eus_Latn": 0.5})
    args = {"model_args": {"pretrained": "org/model", "revision": "step1"}}
    results.write({"belebele_eus_Latn": 0.6}, config=args)
    report = build_report([results.root])
    write_every_eval_ever(report, None, tmp_path / "eee")
    assert faults(tmp_path / "eee") == []
    assert {one["model_info"]["id"] for one in records(tmp_path / "eee")} == {
        "org/model"
    }
    again = build_report([tmp_path / "eee"])
    assert list(again.models) == ["org/model", "org/model (revision=step1)"]
    assert comparable(again) == comparable(report)


def test_a_killed_run_leaves_what_was_there(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results.write({"belebele_eus_Latn": 0.5, "xstorycloze_eu": 0.6})
    report = build_report([results.root])
    first = write_every_eval_ever(report, None, tmp_path / "eee")
    before = {path: path.read_bytes() for path in first}

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lm_eval_iberian.cards.every_eval_ever._Work._rows", stop)
    with pytest.raises(KeyboardInterrupt):
        write_every_eval_ever(report, None, tmp_path / "eee")
    there = [path for path in (tmp_path / "eee").rglob("*") if path.is_file()]
    assert {path: path.read_bytes() for path in there} == before


def test_runs_stay_runs(results: Results, tmp_path: Path) -> None:
    for score in (0.3, 0.4, 0.5):
        row = {"iberian_ifeval_eu": {"inst_level_strict_acc,none": score}}
        results.write(row, date=1.7e9 + score)
    report = build_report([results.root])
    write_every_eval_ever(report, None, tmp_path / "eee")
    cell = build_report([tmp_path / "eee"]).models["org/model"].cells["ifeval_eu"]
    assert cell.measures == report.models["org/model"].cells["ifeval_eu"].measures
    assert len(cell.results) == 3


@pytest.mark.parametrize("start", [1000.0, None])
def test_both_forms_of_a_result_count_once(
    results: Results, tmp_path: Path, start: float | None
) -> None:
    for score in (0.3, 0.5):
        row = {"iberian_ifeval_eu": {"inst_level_strict_acc,none": score}}
        results.write(row, date=1.7e9 + score, start_time=start)
    report = build_report([results.root])
    write_every_eval_ever(report, None, tmp_path / "eee")
    both = build_report([results.root, tmp_path / "eee"])
    assert len(both.models["org/model"].cells["ifeval_eu"].results) == 2


def test_samples_come_along_and_back(results: Results, tmp_path: Path) -> None:
    rows = [sample(0, True), sample(1, False), sample(2, True)]
    path = with_samples(results, rows)
    write_every_eval_ever(build_report([path]), None, tmp_path / "eee")
    assert faults(tmp_path / "eee") == []
    (record,) = records(tmp_path / "eee")
    assert record["detailed_evaluation_results"]["total_rows"] == 3
    from lm_eval_iberian.report.results_file import read_results, read_samples

    (file,) = (tmp_path / "eee").rglob("*.json")
    found = read_results(file).samples_path("belebele_eus_Latn")
    assert found is not None
    assert [row for _, row in read_samples(found)] == rows
    (first, second, _) = map(json.loads, found.read_text().splitlines())
    assert first["output"] == {"raw": [" B"]}
    assert first["input"]["reference"] == [" B"]
    assert second["output"] == {"raw": [" A"]}
    assert second["evaluation"] == {"score": 0.0, "is_correct": False}


def test_samples_that_are_not_all_there_are_refused(
    results: Results, tmp_path: Path
) -> None:
    path = with_samples(results, [sample(0, True)])
    content = json.loads(path.read_text())
    content["n-samples"]["belebele_eus_Latn"] = {"original": 2, "effective": 2}
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="has 1 samples, but the results count 2"):
        write_every_eval_ever(build_report([path]), None, tmp_path / "eee")
    assert not (tmp_path / "eee").exists()


@pytest.mark.parametrize("score", [float("nan"), "x", {}])
def test_a_sample_s_score_that_is_none_is_refused(
    results: Results, tmp_path: Path, score: object
) -> None:
    path = with_samples(results, [sample(0, True), sample(1, True)])
    samples = path.with_name(f"samples_belebele_eus_Latn_{STAMP}.jsonl")
    rows = [sample(0, True), sample(1, True, acc=score)]
    samples.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    with pytest.raises(DataError, match="line 2: acc is"):
        write_every_eval_ever(build_report([path]), None, tmp_path / "eee")


def test_translations_have_a_score_of_their_sentence(
    results: Results, tmp_path: Path
) -> None:
    path = results.write({"iberian_flores_gl-en": {"bleu,none": 43.69}}, n=2)
    given = {"arguments": {"gen_args_0": {"arg_0": "Traduce", "arg_1": {}}}}
    rows = [
        sample(0, True, metrics=["bleu"], bleu=["A cat.", "A cat."], **given),
        # upstream's has no pair: the reference is the target
        sample(
            1, True, metrics=[], target="A dog.", filtered_resps=["A cow."], **given
        ),
    ]
    path.with_name(f"samples_iberian_flores_gl-en_{STAMP}.jsonl").write_text(
        "".join(f"{json.dumps(row)}\n" for row in rows)
    )
    write_every_eval_ever(build_report([path]), None, tmp_path / "eee")
    assert faults(tmp_path / "eee") == []
    (record,) = records(tmp_path / "eee")
    (one,) = record["evaluation_results"]
    assert one["score_details"]["score"] == 43.69
    (samples,) = (tmp_path / "eee").rglob("*.jsonl")
    same, other = map(json.loads, samples.read_text().splitlines())
    assert same["evaluation"] == {"score": 100.0, "is_correct": True}
    assert 0 < other["evaluation"]["score"] < 60
    assert not other["evaluation"]["is_correct"]
    assert other["metadata"]["score_is"] == "chrF++ of the sentence"


def test_what_was_counted_from_samples_is_called_what_it_is(
    results: Results, tmp_path: Path
) -> None:
    path = results.write({"bertaqa_eu": 0.5}, n=4)
    groups = ("Euskal gaiak", "Euskal gaiak", "Gai orokorrak", "Gai orokorrak")
    rows = [
        sample(at, at != 1, doc={"group": group}, target="0")
        for at, group in enumerate(groups)
    ]
    path.with_name(f"samples_bertaqa_eu_{STAMP}.jsonl").write_text(
        "".join(f"{json.dumps(row)}\n" for row in rows)
    )
    report = build_report([path])
    write_every_eval_ever(report, None, tmp_path / "eee")
    assert faults(tmp_path / "eee") == []
    (record,) = records(tmp_path / "eee")
    assert record["evaluation_results"][0]["evaluation_name"] == "bertaqa_eu_local"
    details = record["source_metadata"]["additional_details"]
    assert details["counted_from"] == "bertaqa_eu"
    assert record["detailed_evaluation_results"]["total_rows"] == 2
    cell = build_report([tmp_path / "eee"]).models["org/model"].cells["bertaqa_eu"]
    assert cell.measures == report.models["org/model"].cells["bertaqa_eu"].measures
    assert cell.n == 2


def test_a_sample_that_no_score_counts_has_no_record(
    results: Results, tmp_path: Path
) -> None:
    row = {"iberian_ifeval_eu": {"inst_level_strict_acc,none": 1.0}}
    path = results.write(row, n=2)
    rows = [
        sample(at, True, metrics=["inst_level_strict_acc"], inst_level_strict_acc=value)
        for at, value in enumerate(([True, False], []))
    ]
    path.with_name(f"samples_iberian_ifeval_eu_{STAMP}.jsonl").write_text(
        "".join(f"{json.dumps(row)}\n" for row in rows)
    )
    write_every_eval_ever(build_report([path]), None, tmp_path / "eee")
    assert faults(tmp_path / "eee") == []
    (record,) = records(tmp_path / "eee")
    assert record["detailed_evaluation_results"]["total_rows"] == 1


def test_a_dataset_is_named_as_the_catalogue_has_it(
    results: Results, tmp_path: Path
) -> None:
    results.write({"belebele_eus_Latn": 0.5, "belebele_eus_Latn_mini": 0.5})
    write_every_eval_ever(build_report([results.root]), None, tmp_path / "eee")
    whole, mini = sorted(
        (
            one["evaluation_results"][0]["source_data"]
            for one in records(tmp_path / "eee")
        ),
        key=lambda source: source["dataset_name"],
    )
    assert whole["hf_repo"] == "facebook/belebele"
    assert whole["additional_details"]["config"] == "eus_Latn"
    # a mini set is nothing of that dataset
    assert mini["source_type"] == "other"
    assert "hf_repo" not in mini


def test_no_path_of_this_machine_is_written(results: Results, tmp_path: Path) -> None:
    model = str(tmp_path / "models" / "merged")
    args = {"config": {"model_args": {"pretrained": model, "peft": f"{model}/p"}}}
    path = with_samples(results, [sample(0, True)], model=model, **args)
    report = build_report([path])
    files = write_every_eval_ever(report, None, tmp_path / "eee")
    for file in files:
        assert str(tmp_path) not in file.read_text()
    assert list(build_report([tmp_path / "eee"]).models) == ["merged"]


def test_two_models_that_would_share_a_name_are_refused(
    results: Results, tmp_path: Path
) -> None:
    results.write({"belebele_eus_Latn": 0.5}, model="/a/merged")
    results.write({"belebele_eus_Latn": 0.6}, model="/b/merged")
    with pytest.raises(
        DataError, match=r"would both be published as merged; .*--rename"
    ):
        write_every_eval_ever(build_report([results.root]), None, tmp_path / "eee")
    assert not (tmp_path / "eee").exists()


@pytest.mark.parametrize(
    "model", ["con/aux", "a/b:c*", "data/data", "..", "ünï/cödé", "a b/c. ", "x" * 90]
)
def test_names_become_parts_of_a_path(
    results: Results, tmp_path: Path, model: str
) -> None:
    results.put(results.content({"belebele_eus_Latn": 0.5}, model), "org/plain")
    write_every_eval_ever(build_report([results.root]), None, tmp_path / "eee")
    assert faults(tmp_path / "eee") == []


def test_the_same_results_have_the_same_names(results: Results, tmp_path: Path) -> None:
    results.write({"belebele_eus_Latn": 0.5})
    report = build_report([results.root])
    first = write_every_eval_ever(report, None, tmp_path / "eee")
    (tmp_path / "eee" / "mine.txt").write_text("kept")
    assert write_every_eval_ever(report, None, tmp_path / "eee") == first
    found = [p.name for p in (tmp_path / "eee").rglob("*") if p.is_file()]
    assert sorted(found) == sorted(["mine.txt", *(p.name for p in first)])


def test_a_folder_that_cannot_be_written_is_one_sentence(
    results: Results, tmp_path: Path
) -> None:
    results.write({"belebele_eus_Latn": 0.5})
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="file/eee cannot be written"):
        write_every_eval_ever(
            build_report([results.root]), None, tmp_path / "file" / "eee"
        )


@given(st.floats(0, 1), st.sampled_from([1.0, 100.0]))
def test_a_score_scales_back_to_the_bit(score: float, scale: float) -> None:
    value = scale * score
    assert math.isclose(unscaled(value, scale), score, rel_tol=1e-15)
    assert scale * unscaled(value, scale) == value


@pytest.mark.slow
def test_the_published_validator_finds_nothing(
    results: Results, tmp_path: Path
) -> None:
    pytest.importorskip(
        "every_eval_ever",
        reason="NO PUBLISHED VALIDATOR: every_eval_ever is on no package index; install"
        " it from its repository",
    )
    results.write(everything(0.5))
    with_samples(results, [sample(0, True)], model="org/other")
    write_every_eval_ever(build_report([results.root]), None, tmp_path / "eee")
    done = subprocess.run(
        [sys.executable, "-m", "every_eval_ever", "validate", "data/*/*/*/*.json*"],
        cwd=tmp_path / "eee", capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ({"lm_eval_version": "0.4.13", "git_hash": "abc"}, "0.4.13"),
        ({"git_hash": "7399ea9"}, "commit 7399ea9"),
        ({}, "unknown"),
    ],
)
def test_the_version_of_lm_eval_comes_along(
    results: Results, tmp_path: Path, said: dict[str, str], version: str
) -> None:
    results.write({"belebele_eus_Latn": 0.5}, **said)
    write_every_eval_ever(build_report([results.root]), None, tmp_path / "a")
    (record,) = records(tmp_path / "a")
    assert record["eval_library"] == {"name": "lm_eval", "version": version}
    # and so it does once more
    write_every_eval_ever(build_report([tmp_path / "a"]), None, tmp_path / "b")
    (again,) = records(tmp_path / "b")
    assert again["eval_library"] == record["eval_library"]
    assert again["evaluation_id"] == record["evaluation_id"]


def test_intervals_come_along(results: Results, tmp_path: Path) -> None:
    path = with_samples(results, [sample(at, at % 3 > 0) for at in range(60)])
    report = build_report([path])
    comparer = Comparer(subjects_of(report), report.catalogue)
    write_every_eval_ever(report, comparer, tmp_path / "eee")
    assert faults(tmp_path / "eee") == []
    (record,) = records(tmp_path / "eee")
    (one,) = record["evaluation_results"]
    interval = one["score_details"]["uncertainty"]["confidence_interval"]
    estimate = comparer.estimate("org/model", "belebele_eu")
    assert estimate is not None
    assert (100 * interval["lower"], 100 * interval["upper"]) == pytest.approx(
        (estimate.low, estimate.high)
    )
    assert interval["confidence_level"] == 0.95
    assert interval["method"] == estimate.method


def test_samples_still_pair(reference: Path, tmp_path: Path) -> None:
    folder = reference / "cpt_ift"
    if not folder.is_dir():
        pytest.skip(f"NO REFERENCE DATA: {folder} is absent")
    write_every_eval_ever(build_report([folder]), None, tmp_path / "eee")
    report = build_report([tmp_path / "eee"])
    comparer = Comparer(subjects_of(report), report.catalogue)
    row = comparer.compare(
        "meta-llama/Llama-3.1-8B", "google/gemma-2-9b", "xstorycloze_eu"
    )
    assert row is not None
    assert row.difference.paired
    assert (row.difference.lost, row.difference.gained) == (80, 151)


@pytest.mark.parametrize("folder", ["hitz_results", "cpt_ift"])
def test_real_results_come_back(reference: Path, tmp_path: Path, folder: str) -> None:
    if not (reference / folder).is_dir():
        pytest.skip(f"NO REFERENCE DATA: {reference / folder} is absent")
    report = build_report([reference / folder])
    write_every_eval_ever(report, None, tmp_path / "eee")
    assert faults(tmp_path / "eee") == []
    before, after = comparable(report), comparable(build_report([tmp_path / "eee"]))
    for name, model in before["models"].items():
        if not name.startswith("/"):
            assert after["models"][name]["benchmarks"] == model["benchmarks"]
            assert after["models"][name]["averages"] == model["averages"]


def test_whoever_keeps_going_gets_records_without_samples_that_are_broken(
    results: Results, tmp_path: Path
) -> None:
    with_samples(results, [sample(n, n < 3) for n in range(4)])
    broken = with_samples(
        results, [sample(n, n < 2) for n in range(4)], model="org/broken"
    )
    samples = next(broken.parent.glob("samples_*"))
    text = samples.read_text().replace('"acc": 1.0', '"acc": NaN', 1)
    name = broken.name.replace("results_", "samples_belebele_eus_Latn_")
    samples.with_name(f"{name}l").write_text(text)
    asked = ["report", str(results.root), "--format", "eee"]
    refused = CliRunner().invoke(main, [*asked, "--out", str(tmp_path / "eee")])
    assert refused.exit_code == 1
    assert "acc is nan" in refused.output
    assert not (tmp_path / "eee").exists()
    done = CliRunner().invoke(
        main, [*asked, "--out", str(tmp_path / "eee"), "--keep-going"]
    )
    assert done.exit_code == 0, done.output
    assert "2 records, 1 with samples" in done.output
    assert "a record is without samples: " in done.output
    assert "acc is nan" in done.output
    assert len(records(tmp_path / "eee")) == 2
