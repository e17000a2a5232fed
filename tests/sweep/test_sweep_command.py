"""``iberian sweep``: what it says, and how it exits."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cheap_cells import cheap_evaluation, cheap_sweep
from click.testing import CliRunner, Result
from rich.console import Console
from rich.progress import Progress
from sweep_specs import GOOD

from lm_eval_iberian.cli import main, sweep_display
from lm_eval_iberian.cli.sweep_display import SweepBars
from lm_eval_iberian.sweep.cell_process import run_cell
from lm_eval_iberian.sweep.sweep_folder import SweepFolder


Write = Callable[[str], Path]


def iberian(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["sweep", *map(str, arguments)])


@pytest.fixture
def sweep(tmp_path: Path) -> SweepFolder:
    """Two cells that have failed, one that is done, one that is not begun."""
    names = ["a--s-eu", "fails--s-eu", "fails2--s-eu", "z--s-eu"]
    folder = cheap_sweep(tmp_path / "sweep", names)
    for name in names[:3]:
        run_cell(folder, folder.cell(name), cheap_evaluation(0))
    return folder


def test_status(sweep: SweepFolder) -> None:
    found = iberian("status", sweep.path)
    assert found.exit_code == 4  # one is not begun
    assert found.output.split() == [
        "done", "1", "running", "0", "failed", "2", "fails--s-eu", "fails2--s-eu",
        "waiting", "1",
    ]  # fmt: skip
    as_json = json.loads(iberian("status", sweep.path, "--json").output)
    assert as_json["counts"] == {"done": 1, "running": 0, "failed": 2, "waiting": 1}
    assert as_json["cells"]["fails--s-eu"] == "failed"
    run_cell(sweep, sweep.cell("z--s-eu"), cheap_evaluation(0))
    assert iberian("status", sweep.path).exit_code == 3


def test_status_of_a_whole_sweep(tmp_path: Path) -> None:
    folder = cheap_sweep(tmp_path / "sweep", ["a--s-eu"])
    run_cell(folder, folder.cells[0], cheap_evaluation(0))
    assert iberian("status", folder.path).exit_code == 0
    assert iberian("errors", folder.path).exit_code == 0
    done = iberian("cell", folder.path, "a--s-eu")
    assert (done.exit_code, done.output) == (0, "a--s-eu: its result is there\n")
    again = iberian("run", folder.path)
    assert again.exit_code == 0
    assert again.output == "1 of 1 cells done, 0 failed\n"


def test_errors_are_grouped(sweep: SweepFolder) -> None:
    sweep.note_error(sweep.cell("z--s-eu"), "no memory", "a log\x1b[2J", "lm_eval …")
    found = iberian("errors", sweep.path)
    assert found.exit_code == 3
    assert "2 cells: ValueError: s has no such thing" in found.output
    assert "  fails--s-eu, fails2--s-eu" in found.output
    assert "  | it went on" in found.output
    assert f"again: iberian sweep cell {sweep.path} fails--s-eu" in found.output
    assert found.output.index("2 cells") < found.output.index("1 cell: no memory")
    assert "it ran: lm_eval …" in found.output
    assert "\x1b" not in found.output


def test_what_would_run(sweep: SweepFolder) -> None:
    def would_run(*more: str) -> list[str]:
        found = iberian("run", sweep.path, "--dry-run", *more)
        assert found.exit_code == 0, found.output
        return found.stdout.split()

    assert would_run() == ["z--s-eu"]
    assert would_run("--retry-failed") == ["fails--s-eu", "fails2--s-eu", "z--s-eu"]
    assert would_run("--retry-failed", "--only", "model=fails") == ["fails--s-eu"]
    assert would_run("--only", "weight=1", "--only", "language=eu") == ["z--s-eu"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "DIR", "--only", "modle=a"], "Did you mean model"),
        (["run", "DIR", "--only", "model=b"], "Unknown value of --only model 'b'"),
        (["run", "DIR", "--only", "model"], "--only takes KEY=VALUE, found 'model'"),
        (["run", "DIR", "--gpus", "0,0"], "different names"),
        (["run", "DIR", "--gpus", "0", "--jobs", "2"], "--jobs is for cells without"),
        (["run", "DIR", "--jobs", "0"], "not in the range"),
        (["cell", "DIR", "a--s-es"], "Did you mean a--s-eu"),
        (["status", "nowhere"], "iberian sweep plan SPEC.yaml -o nowhere"),
        (["plan", "nothing.yaml", "-o", "DIR"], "cannot be read"),
    ],
)
def test_a_wrong_use_is_a_sentence(
    arguments: list[str], says: str, sweep: SweepFolder
) -> None:
    named = (str(sweep.path) if one == "DIR" else one for one in arguments)
    found = iberian(*named)
    assert found.exit_code == 2
    assert says in found.output


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is not JSON"),
        ("[]", "is not what a plan writes"),
        (
            '{"format": 0, "lm_eval_iberian": "0.0.9"}',
            "planned by lm-eval-iberian",
        ),
    ],
)
def test_a_folder_of_something_else(
    content: str, says: str, sweep: SweepFolder
) -> None:
    (sweep.path / "sweep.json").write_text(content)
    for step in ("run", "status", "errors"):
        found = iberian(step, sweep.path)
        assert found.exit_code == 2
        assert says in found.output


@pytest.mark.slow
def test_a_plan_of_models_that_are_not_here(write: Write, tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = iberian("plan", write(GOOD), "-o", out)
    assert found.exit_code == 0, found.output
    assert "21 cells: 9 models, of which 5 are merges, on 3 sets of tasks" in (
        found.output
    )
    assert "not known before org/base" in found.output
    content = json.loads((out / "sweep.json").read_text("utf-8"))
    assert len(content["cells"]) == 21
    assert content["versions"]["lm_eval"]
    before = (out / "sweep.json").read_bytes()
    # the same once more changes nothing; a comment is no other sweep; a value is
    assert iberian("plan", write(f"# again\n{GOOD}"), "-o", out).exit_code == 0
    assert (out / "sweep.json").read_bytes() == before
    other = iberian(
        "plan", write(GOOD.replace("0.5..1 step", "0.5..2 step")), "-o", out
    )
    assert other.exit_code == 2
    assert "is the folder of another sweep" in other.output
    assert (out / "sweep.json").read_bytes() == before
    full = iberian("plan", write(GOOD), "-o", tmp_path)
    assert full.exit_code == 2
    assert "holds other things" in full.output


@pytest.mark.slow
def test_a_folder_with_a_wrong_name_is_no_model_of_the_hub(
    write: Write, tmp_path: Path
) -> None:
    spec = write(GOOD)  # its models are org/…
    (spec.parent / "org" / "expert-eus").mkdir(parents=True)
    found = iberian("plan", spec, "-o", tmp_path / "out")
    assert found.exit_code == 2
    assert "'org/base' is neither in" in found.output
    assert "(expert-eus) nor in the hub cache" in " ".join(found.output.split())


TASKS: list[tuple[str, str, str, str]] = [
    ("no such task", "[iberian_ifeval_gl_mini]", "[iberian_ifeval_gl_mimi]",
     "line 12: Unknown suite 'iberian_ifeval_gl_mimi'. Did you mean"),
    ("a task in a group", "[iberian_ifeval_gl_mini]",
     "[iberian_ifeval_gl_mini, iberian_ifeval_mini]",
     "line 12: iberian_ifeval_gl_mini is part of iberian_ifeval_gl_mini and of"),
    ("what does not go with a merge", "suites:", "model_args: {peft: x}\nsuites:",
     "line 10: model_args: peft=x does not go with"),
    ("an engine that is not here", "suites:", "engine: vllm\nsuites:",
     "line 10: engine: vllm needs vLLM, which is not installed"),
    ("a folder that is none", "org/base", "/nowhere/at/all", "line 2: the folder of"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("why", "old", "new", "says"), TASKS)
def test_what_a_plan_refuses(
    why: str, old: str, new: str, says: str, write: Write, tmp_path: Path
) -> None:
    found = iberian("plan", write(GOOD.replace(old, new)), "-o", tmp_path / "out")
    assert found.exit_code == 2
    assert says in found.output
    assert not (tmp_path / "out").exists()


def some_bars(sweep: SweepFolder) -> SweepBars:
    return SweepBars(sweep, sweep.cells[:3], sweep.cells[1:3], 2)


def test_in_a_terminal_bars_show_what_runs(
    sweep: SweepFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = io.StringIO()
    to = Console(file=screen, force_terminal=True, width=200, color_system=None)
    monkeypatch.setattr(sweep_display, "progress", lambda: Progress(console=to))
    with some_bars(sweep) as bars:
        bars.began(sweep.cells[1], "0")
        bars._bars.refresh()
        bars.ended(sweep.cells[1], "0", "failed", 1.5)
    said = screen.getvalue()
    assert "  fails--s-eu" in said
    assert "2/3 failed: fails--s-eu (1.5 s)" in said


def test_elsewhere_there_are_lines(
    sweep: SweepFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    with some_bars(sweep) as bars:
        bars.began(sweep.cells[1], "0")
        bars.ended(sweep.cells[1], "0", "elsewhere", 0)
    said = capsys.readouterr()
    assert said.out == "2/3 run by another process: fails--s-eu (0.0 s)\n"
    assert said.err == ""


def recorded(sweep: SweepFolder, name: str, seconds: float) -> None:
    place = sweep.place(sweep.cell(name))
    place.mkdir(parents=True, exist_ok=True)
    (place / "record.json").write_text(json.dumps({"seconds": {"all": seconds}}))


def test_the_time_that_is_left_is_told_by_cells_that_have_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["a--s-eu", "b--s-eu", "c--s-eu", "d--s-eu"]
    sweep = cheap_sweep(tmp_path / "sweep", names)
    assert "left" not in iberian("status", sweep.path).output
    recorded(sweep, "a--s-eu", 400)
    assert "about 20 min left" in iberian("status", sweep.path).output
    recorded(sweep, "b--s-eu", 200)
    assert "about 10 min left" in iberian("status", sweep.path).output
    bars = SweepBars(sweep, sweep.cells, sweep.cells[1:], 2)
    with bars:
        bars.began(sweep.cells[1], "0")
        bars.ended(sweep.cells[1], "0", "done", 200)
    assert capsys.readouterr().out == (
        "2/4 done: b--s-eu (200.0 s), about 5 min left\n"
    )
    with SweepBars(sweep, sweep.cells, sweep.cells[2:], 1) as bars:
        for cell in sweep.cells[2:]:
            bars.began(cell, "0")
            bars.ended(cell, "0", "done", 1)
    assert capsys.readouterr().out.endswith("\n4/4 done: d--s-eu (1.0 s)\n")


def test_status_is_watched_until_nothing_is_in_flight(tmp_path: Path) -> None:
    sweep = cheap_sweep(tmp_path / "sweep", ["a--s-eu", "b--s-eu"])
    first = iberian("status", sweep.path, "--watch")
    assert first.exit_code == 4
    assert first.output.startswith("0 done, 0 running, 0 failed, 2 waiting\n")
    with sweep.driven():
        watching = subprocess.Popen(
            [
                sys.executable, "-m", "lm_eval_iberian.cli", "sweep", "status",
                str(sweep.path), "--watch",
            ],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        with watching, sweep.held(sweep.cells[0]):
            assert watching.stdout is not None
            assert watching.stdout.readline() == (
                "0 done, 1 running, 0 failed, 1 waiting\n"
            )
            recorded(sweep, "a--s-eu", 60)
            assert watching.stdout.readline() == (
                "1 done, 0 running, 0 failed, 1 waiting, about 60 s left\n"
            )
            recorded(sweep, "b--s-eu", 60)
            assert watching.stdout.readline() == (
                "2 done, 0 running, 0 failed, 0 waiting\n"
            )
            assert watching.poll() is None
            sweep._lock("driver").unlink()
            assert watching.wait(30) == 0
    both = iberian("status", sweep.path, "--watch", "--json")
    assert both.exit_code == 2
