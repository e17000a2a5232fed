"""A process that is asked to end cleans up, and still ends by that signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from mergekit_ext.outputs.termination import held, unwound_by_signals


HEAD = """
import os, signal, sys
from mergekit_ext.outputs.output_folder import whole_or_nothing
from mergekit_ext.outputs.termination import held, unwound_by_signals

def ask(number=signal.SIGTERM):
    os.kill(os.getpid(), number)
"""


def run(code: str, folder: Path, root: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", HEAD + textwrap.dedent(code)],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    return done.returncode, done.stdout


MERGE = """
with unwound_by_signals():
    with whole_or_nothing("out") as workshop:
        (workshop.result / "model.safetensors").touch()
        {}
print("went on", flush=True)
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
@pytest.mark.slow
def test_nothing_is_left_and_the_status_is_the_signal_s(
    name: str, tmp_path: Path, root: Path
) -> None:
    code = MERGE.format(f"ask(signal.{name})")
    assert run(code, tmp_path, root) == (-getattr(signal, name), "")
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
def test_it_cannot_be_caught_for_good(tmp_path: Path, root: Path) -> None:
    code = """
    with unwound_by_signals():
        try:
            ask()
        except BaseException:
            print("caught", flush=True)
    print("went on", flush=True)
    """
    assert run(code, tmp_path, root) == (-signal.SIGTERM, "caught\n")


@pytest.mark.slow
def test_the_first_process_of_a_container_ends_as_well(
    tmp_path: Path, root: Path
) -> None:
    code = """
    real, kills = os.kill, []
    with unwound_by_signals():
        os.kill = lambda *given: kills.append(given)  # the kernel lets it live
        real(os.getpid(), signal.SIGTERM)
    print("went on", flush=True)
    """
    assert run(code, tmp_path, root) == (128 + signal.SIGTERM, "")


@pytest.mark.slow
def test_a_host_s_own_handler_is_left_alone(tmp_path: Path, root: Path) -> None:
    head = """
def own(number, frame):
    print("mine", flush=True)
    sys.exit(3)
signal.signal(signal.SIGTERM, own)
"""
    code = head + MERGE.format("assert signal.getsignal(15) is own; ask()")
    assert run(code, tmp_path, root) == (3, "mine\n")
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
def test_what_the_host_ignores_is_ignored(tmp_path: Path, root: Path) -> None:
    code = """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with unwound_by_signals():
        ask(signal.SIGHUP)
    print("went on", flush=True)
    """
    assert run(code, tmp_path, root) == (0, "went on\n")


@pytest.mark.slow
def test_it_waits_for_a_body_that_is_held(tmp_path: Path, root: Path) -> None:
    code = """
    with unwound_by_signals():
        with held():
            with held():
                ask()
            ask()
            print("to its end", flush=True)
        print("went on", flush=True)
    """
    assert run(code, tmp_path, root) == (-signal.SIGTERM, "to its end\n")


def test_handlers_are_as_before_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with unwound_by_signals():
        with unwound_by_signals():
            pass
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    assert signal.getsignal(signal.SIGTERM) is before


def test_another_thread_installs_nothing() -> None:
    seen = []

    def work() -> None:
        with unwound_by_signals(), held():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]
