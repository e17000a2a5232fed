from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lm_eval_iberian import __version__
from lm_eval_iberian._bootstrap import TARGETS
from lm_eval_iberian.cli import _VERBS, main
from lm_eval_iberian.diagnosis import diagnose
from lm_eval_iberian.paths import task_configs
from lm_eval_iberian.tasks.catalogue import shipped


ROOT = Path(__file__).resolve().parent.parent.parent


def iberian(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_every_verb_has_help() -> None:
    shown = iberian("--help").output
    for verb in _VERBS:
        assert verb in shown
        assert iberian(verb, "--help").exit_code == 0
    assert __version__ in iberian("--version").output


def test_an_unknown_verb_is_told_the_nearest() -> None:
    result = iberian("scores")
    assert result.exit_code != 0
    assert "Unknown command 'scores'. Did you mean score" in result.output


def test_tasks_path_is_the_folder_alone() -> None:
    assert iberian("tasks", "--path").output == f"{task_configs()}\n"


def test_tasks_are_listed() -> None:
    output = iberian("tasks").output
    assert "ifeval_eu_mini" in output
    one = iberian("tasks", "ifeval_eu").output
    assert "ifeval_eu_mini" not in one


def test_an_unknown_task_is_told_the_nearest() -> None:
    result = iberian("tasks", "ifeval_eux")
    assert result.exit_code == 1
    assert result.output.startswith("Error: Unknown task 'ifeval_eux'. Did you mean")
    near = result.output.partition("Did you mean ")[2].partition("?")[0]
    assert len(near.split(", ")) == 3
    assert result.output.endswith("`iberian tasks` lists all\n")
    assert len(result.output) < 160


def test_there_is_one_way_to_fetch() -> None:
    result = iberian("tasks", "--fetch", "ifeval_eu_mini")
    assert result.exit_code == 2
    assert "No such option '--fetch'" in result.output.replace(":", "")
    folders = [
        ROOT / name for name in ("lm_eval_iberian", "mergekit_ext", "task_configs")
    ]
    spelled = [
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.suffix in (".py", ".md", ".yaml")
        and "tasks --fetch" in path.read_text()
    ]
    assert spelled == []


def test_doctor_says_what_computes_a_merge(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n: None if n == "numba" else find(n)
    )
    (row,) = (f for f in diagnose(network=False) if f.what == "merge kernels")
    assert row.state == "note"
    assert "CPU: plain PyTorch; pip install lm-eval-iberian[fast]" in row.found


def test_doctor_says_what_is_there() -> None:
    result = iberian("doctor", "--no-network")
    for what in ("lm-eval", "mergekit", "torch", "route", "tasks", "GPU", "hub"):
        assert what in result.output
    assert "not tried: --no-network" in result.output


@pytest.mark.parametrize("arguments", [("tasks",), ("doctor", "--no-network")])
def test_a_pipe_gets_whole_lines(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line for each row, nothing cut and nothing wrapped."""
    monkeypatch.setenv("COLUMNS", "40")
    lines = iberian(*arguments).output.splitlines()
    if arguments == ("tasks",):
        entries = shipped()
        assert len(lines) == 1 + len(entries)
        assert all(
            entry.description in line
            for entry, line in zip(entries, lines[1:], strict=True)
        )
    else:
        assert len(lines) == 1 + len(diagnose(network=False))
    assert not any("…" in line for line in lines)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    prompts = [
        {
            "key": key,
            "prompt": f"Say {word} without a comma.",
            "instruction_id_list": ["punctuation:no_comma", "keywords:existence"],
            "kwargs": [{}, {"keywords": [word]}],
        }
        for key, word in ((1, "sea"), (2, "hill"), (3, "sky"))
    ]
    answers = [
        {"key": 1, "response": "The sea."},
        {"prompt": "Say  hill without a comma.\r\n", "response": "No, no."},
        {"key": 3, "response": None},
        {"prompt": "Say nothing.", "response": "x"},
    ]
    for name, rows in (("prompts", prompts), ("answers", answers)):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / f"{name}.jsonl").write_text(text, encoding="utf-8")
    return tmp_path


def score(files: Path, *more: str, lang: str = "en") -> Result:
    return iberian(
        "score", str(files / "answers.jsonl"), "--data", str(files / "prompts.jsonl"),
        "--lang", lang, *more,
    )  # fmt: skip


def test_score_prints_the_four_accuracies_and_what_was_left_over(files: Path) -> None:
    result = score(files)
    assert result.exit_code == 0
    assert result.output.count("33.33 ± ") >= 4
    assert "3 prompts, 6 instructions scored" in result.output
    assert "1 answers without a prompt: " in result.output
    assert "empty 33.33 %, unclosed thought 0.00 %" in result.output
    assert "punctuation:no_comma" in result.output


def test_score_writes_every_verdict_with_its_reason(files: Path) -> None:
    out = files / "scores.json"
    assert score(files, "--json", str(out)).exit_code == 0
    found = json.loads(out.read_text())
    assert found["lang"] == "en"
    assert found["scoring"] == "repaired"
    assert found["metrics"]["inst_level_strict_acc"] == pytest.approx(1 / 3)
    assert len(found["rows"]) == 6
    assert all(row["reason"] for row in found["rows"])
    assert set(found["rows"][0]) == {
        "key", "instruction_id", "index", "strict", "loose", "reason",
    }  # fmt: skip


def test_both_scorings_stand_side_by_side(files: Path) -> None:
    out = files / "scores.json"
    thought = '{"key": 1, "response": "<think>a, b</think>The sea."}\n'
    (files / "answers.jsonl").write_text(thought)
    result = score(files, "--scoring", "both", "--json", str(out))
    assert result.exit_code == 0, result.output
    assert "repaired" in result.output
    assert "original" in result.output
    found = json.loads(out.read_text())
    assert found["scoring"] == "both"
    metrics = found["metrics"]
    assert metrics["inst_level_strict_acc"] == 1
    assert metrics["inst_level_strict_acc_original"] == 0.5
    comma = next(r for r in found["rows"] if r["instruction_id"].endswith("no_comma"))
    assert (comma["strict"], comma["strict_original"]) == (True, False)
    assert comma["reason_original"]


def test_the_original_scoring_alone_has_the_plain_names(files: Path) -> None:
    out = files / "scores.json"
    assert score(files, "--scoring", "original", "--json", str(out)).exit_code == 0
    found = json.loads(out.read_text())
    assert found["scoring"] == "original"
    assert set(found["rows"][0]) == {
        "key", "instruction_id", "index", "strict", "loose", "reason",
    }  # fmt: skip


def test_several_files_are_several_runs(files: Path) -> None:
    out, second = files / "scores.json", files / "second.jsonl"
    words = ((1, "sea"), (2, "hill"), (3, "sky"))
    rows = [{"key": key, "response": f"The {word}."} for key, word in words]
    second.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = iberian(
        "score", str(files / "answers.jsonl"), str(second), "--lang", "en",
        "--data", str(files / "prompts.jsonl"), "--json", str(out),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "2 runs, mean ± standard deviation" in result.output
    assert "66.67 ± 47.14" in result.output
    found = json.loads(out.read_text())
    assert found["metrics"]["inst_level_strict_acc"] == pytest.approx(2 / 3)
    assert found["sd"]["inst_level_strict_acc"] == pytest.approx(2 / 3 / 2**0.5)
    assert [run["answers"] for run in found["runs"]][1] == str(second)


def test_a_server_s_finish_reason_is_believed(files: Path) -> None:
    line = '{"key": 1, "response": "The sea.", "finish_reason": "length"}\n'
    (files / "answers.jsonl").write_text(line)
    assert "cut off 100.00 %" in score(files).output


def test_a_lone_surrogate_is_written_as_json(files: Path) -> None:
    out = files / "scores.json"
    line = '{"key": 1, "response": "The sea \\udc80, yes."}\n'
    (files / "answers.jsonl").write_text(line)
    assert score(files, "--json", str(out), "--scoring", "both").exit_code == 0
    assert json.loads(out.read_text("utf-8"))["rows"]


def test_score_without_data_takes_the_shipped_prompts(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"key": 1, "response": "Kaixo."}) + "\n")
    result = iberian("score", str(path), "--lang", "eu", "--set", "mini")
    assert result.exit_code == 0, result.output
    assert "49 prompts without an answer: keys 2, 3" in result.output


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        ("lang", "Unknown language 'eus'. Did you mean eu"),
        ("answers", "answers.jsonl, line 2: not JSON"),
        ("missing", "cannot be read: No such file"),
        ("twice", "a second answer to key 1"),
        ("nothing", "no answer belongs to any of the prompts"),
        ("response", "needs a 'response' that is a text or null"),
    ],
)
def test_bad_input_is_named(files: Path, break_it: str, said: str) -> None:
    answers = files / "answers.jsonl"
    line = '{"key": 1, "response": "a"}\n'
    match break_it:
        case "answers":
            answers.write_text(line + '{"key": \n')
        case "missing":
            answers.unlink()
        case "twice":
            answers.write_text(line * 2)
        case "nothing":
            answers.write_text('{"key": 99, "response": "a"}\n')
        case "response":
            answers.write_text('{"key": 1, "response": 3}\n')
    result = score(files, lang="eus" if break_it == "lang" else "en")
    assert result.exit_code == 1
    assert said in " ".join(result.output.split())
    assert "Traceback" not in result.output


def test_answers_of_a_real_model(reference: Path) -> None:
    folder = reference / "m_ifeval"
    result = iberian(
        "score", str(folder / "en_responses_gpt-4o-mini-2024-07-18.jsonl"),
        "--data", str(folder / "en_input_data.jsonl"), "--lang", "en",
    )  # fmt: skip
    assert result.exit_code == 0
    assert "541 prompts, 834 instructions scored" in result.output


def test_doctor_says_what_was_attached_to_each_target(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from lm_eval_iberian import _bootstrap

    _bootstrap.start()
    monkeypatch.setitem(_bootstrap.attached, "lm_eval.tasks.manager", "")
    monkeypatch.setitem(_bootstrap.attached, "mergekit.merge", "CompatError: moved")
    monkeypatch.delitem(_bootstrap.attached, "lm_eval.evaluator_utils", False)
    found = {finding.what: finding for finding in diagnose(network=False)}
    assert set(_bootstrap.TARGETS) <= set(found)
    assert found["lm_eval.tasks.manager"].found == "add tasks: attached"
    one = found["mergekit.merge"]
    assert (one.state, one.found) == (
        "missing",
        "guard merge: not attached, CompatError: moved",
    )
    assert "passed the hook by" in found["lm_eval.evaluator_utils"].found


FAULTY = """
import sys
from lm_eval_iberian import _bootstrap
_bootstrap.start()
sys.modules["mergekit_ext.attach"] = None
from lm_eval_iberian.cli import main
main(["doctor", "--no-network"])
"""


@pytest.mark.slow
def test_doctor_finds_out_what_is_attached_itself(tmp_path: Path) -> None:
    """With the real hosts, of which a fault of ours meets one."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FAULTY],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 1, done.stderr
    lines = [line.strip().split(maxsplit=2) for line in done.stdout.splitlines()]
    found = {line[1]: (line[0], line[2]) for line in lines[1:]}
    for target in TARGETS:
        mark, text = found[target]
        if target in ("mergekit.merge", "mergekit.options"):
            assert mark == "✗"
            assert "not attached, ModuleNotFoundError: " in text
        else:
            assert mark == "✓"
            assert text.endswith(": attached")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device is always full")
def test_what_cannot_be_printed_for_want_of_space_is_a_sentence() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "lm_eval_iberian.cli", "tasks"],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert "Error: the output cannot be written: No space left" in done.stderr
    assert "Traceback" not in done.stderr
