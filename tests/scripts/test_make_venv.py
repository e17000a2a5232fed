"""The environment of the Makefile, made by real pips from small indexes."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from types import ModuleType

import pytest


def load(root: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, root / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def script(root: Path) -> ModuleType:
    return load(root, "make_venv")


@pytest.fixture
def matrix(root: Path) -> ModuleType:
    return load(root, "run_matrix")


def add_torch(index: Path, version: str) -> str:
    """Put a torch that does nothing into an index; return the index's address."""
    folder = index / "torch"
    folder.mkdir(parents=True, exist_ok=True)
    info = f"torch-{version}.dist-info"
    files = {
        "torch.py": f"__version__ = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
        rows.append(f"{name},sha256={digest.decode().rstrip('=')},{len(text)}")
    rows.append(f"{info}/RECORD,,")
    name = f"torch-{version}-py3-none-any.whl"
    with zipfile.ZipFile(folder / name, "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
        wheel.writestr(f"{info}/RECORD", "\n".join(rows) + "\n")
    links = "".join(f'<a href="{one.name}">{one.name}</a>' for one in folder.iterdir())
    (folder / "index.html").write_text(
        f"<!DOCTYPE html><html><body>{links}</body></html>"
    )
    return index.as_uri()


@pytest.fixture
def python(tmp_path: Path, script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The interpreter of a bare environment that knows no index but the test's."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setattr(script, "has_gpu", lambda: False)
    monkeypatch.setattr(script, "CPU_BUILDS", "http://127.0.0.1:9/cpu")
    made: Path | None = script._make(tmp_path / "env")
    assert made is not None
    return made


def version_in(python: Path) -> str:
    code = "import torch; print(torch.__version__)"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True)
    return done.stdout.strip()


@pytest.mark.slow
def test_without_a_cpu_build_the_index_s_own_is_taken(
    tmp_path: Path, script: ModuleType, python: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("PIP_INDEX_URL", add_torch(tmp_path / "index", "2.13.0"))
    started = time.monotonic()
    assert script.install_torch(python)
    assert time.monotonic() - started < 20, "pip's retries were waited for"
    assert version_in(python) == "2.13.0"
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert "larger" in out
    # what is there is not asked for again
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    assert script.install_torch(python)
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_a_cpu_build_is_taken_where_there_is_one(
    tmp_path: Path, script: ModuleType, python: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("PIP_INDEX_URL", add_torch(tmp_path / "index", "2.13.0"))
    cpu = add_torch(tmp_path / "cpu", "2.13.0+cpu")
    monkeypatch.setattr(script, "CPU_BUILDS", cpu)
    assert script.install_torch(python)
    assert version_in(python) == "2.13.0+cpu"
    assert capsys.readouterr().out == ""


def test_only_the_last_choice_is_tried_again_and_again(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "has_gpu", lambda: False)
    asked: list[tuple[str, ...]] = []

    def fail(python: Path, *arguments: str, quiet: bool = False) -> bool:
        asked.append(arguments)
        return False

    monkeypatch.setattr(script, "pip", fail)
    monkeypatch.setattr(script, "_answers", lambda python, code: False)
    assert not script.install_torch(Path("no/such/python"))
    assert asked[-1] == (script.TORCH,)
    for choice in asked[:-1]:
        assert choice[choice.index("--retries") + 1] == "0"
    monkeypatch.setattr(script, "has_gpu", lambda: True)
    assert script.cpu_choices() == []


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "scripts" / arguments[0]), *arguments[1:]]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_folder_of_others_is_not_cleared(root: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.tex").write_text("years")
    done = run(root, "make_venv.py", str(home))
    assert done.returncode == 1
    assert done.stdout == (
        f"{home} holds something else than a virtual environment: name another folder\n"
    )
    assert (home / "thesis.tex").read_text() == "years"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("make_venv.py",), "the following arguments are required: FOLDER"),
        (("make_venv.py", "a", "b"), "unrecognized arguments: b"),
        (("make_venv.py", "--clear"), "required: FOLDER"),
        (("make_venv.py", os.devnull), f"{os.devnull} is a file: name another folder"),
        (("make_venv.py", "/proc/no"), "/proc/no cannot be made: No such file"),
        (("run_matrix.py", "/proc/no", "3.9"), "unknown version '3.9': there are 3.10"),
        (("run_matrix.py",), "required: FOLDER"),
        (("make_vllm_venv.py",), "required: FOLDER"),
        (("make_vllm_venv.py", os.devnull), "is a file: name another folder"),
    ],
)
def test_bad_input_is_a_sentence(
    root: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = run(root, *arguments)
    assert done.returncode != 0
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_version_that_is_not_installed_is_skipped(
    matrix: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert matrix.main(tmp_path, ["3.12"]) == 1
    out = capsys.readouterr().out
    assert "Python 3.12  skipped: it is not installed\n" in out
    assert out.endswith("no version was tried: install one of them\n")


MAKE = """
import sys
from pathlib import Path

python = Path(sys.argv[1], "bin", "python")
python.parent.mkdir(parents=True)
python.write_text(f'#!/bin/sh\\nexec {sys.executable} "$@"\\n')
python.chmod(0o755)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("made", "test", "code", "said"),
    [
        (MAKE, "def test_a(): pass", 0, "1 passed in"),
        (MAKE, "def test_a(): assert 0", 1, "FAILED: 1 failed in"),
        ("raise SystemExit(1)", "", 1, "FAILED: its environment could not be made"),
    ],
)
def test_each_version_is_said_to_pass_or_fail(
    matrix: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str], made: str, test: str, code: int, said: str,
) -> None:  # fmt: skip
    project = tmp_path / "project"
    (project / "scripts").mkdir(parents=True)
    (project / "scripts" / "make_venv.py").write_text(made)
    (project / "test_it.py").write_text(test)
    monkeypatch.setattr(matrix, "PROJECT", project)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setattr(
        matrix, "find_python", lambda version: sys.executable * (version == "3.12")
    )
    assert matrix.main(tmp_path / "made", ["3.12"]) == code
    assert f"Python 3.12  {said}" in capfd.readouterr().out.splitlines()[-1]
    assert (tmp_path / "made" / "3.12").exists() == (made == MAKE)


def test_the_interpreter_is_asked_for_its_version(
    matrix: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pyenv has a file on the path for every version, switched on or not."""
    version = ".".join(map(str, sys.version_info[:2]))
    shim = tmp_path / "bin" / f"python{version}"
    real = tmp_path / "pyenv" / "versions" / f"{version}.9" / "bin" / shim.name
    for path in (shim, real):
        path.parent.mkdir(parents=True)
    shim.write_text("#!/bin/sh\necho 'command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    real.symlink_to(Path(sys.executable).resolve())
    monkeypatch.setenv("PATH", str(shim.parent))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    assert matrix.find_python(version) == str(real)


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("..\n2 passed in 0.04s\nskipped: nothing\n", "2 passed in 0.04s"),
        ("= 1 failed in 61.02s (0:01:01) =\nskipped:\n    1  no GPU", "1 failed in"),
        ("", "pytest said nothing"),
        ("ERROR: no such option", "ERROR: no such option"),
    ],
)
def test_the_line_of_a_version_is_pytest_s_own(
    matrix: ModuleType, said: str, outcome: str
) -> None:
    assert matrix.outcome(said).startswith(outcome)


@pytest.mark.slow
def test_vllm_for_a_cpu_is_found_by_the_name_of_the_other(
    root: Path, python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(root / "scripts"))
    made = load(root, "make_vllm_venv")
    code = "from importlib.metadata import version; print(version('vllm'))"
    for _ in range(2):
        made.add_stub(python)
        done = subprocess.run([python, "-c", code], capture_output=True, text=True)
        assert done.stdout.strip() == f"{made.VLLM}+cpu"
