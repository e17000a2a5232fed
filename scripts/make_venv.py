"""Make a virtual environment for this project: `make_venv.py FOLDER`.

torch comes first, and as a CPU build where no NVIDIA driver answers, so that nothing
installed after it asks for gigabytes of CUDA packages. Where no CPU build can be had,
the package index's own is taken.
"""

# no newer syntax: an old python3 must get as far as the check of its version
import argparse
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path


TORCH = "torch==2.13.0"
CPU_BUILDS = "https://download.pytorch.org/whl/cpu"
PROJECT = Path(__file__).resolve().parent.parent
# a first look may fail: whether the index can be reached at all, the last choice finds
_ONE_TRY = ["--retries", "0", "--timeout", "15"]


def has_gpu() -> bool:
    """Whether an NVIDIA driver answers."""
    tool = shutil.which("nvidia-smi")
    return (
        tool is not None and subprocess.run([tool], capture_output=True).returncode == 0
    )


def cpu_choices() -> "list[list[str]]":
    """Return pip arguments for a CPU build of torch, where one is wanted."""
    if has_gpu() or platform.system() != "Linux":
        return []
    cpu = f"{TORCH}+cpu"
    return [[cpu, *_ONE_TRY], [cpu, *_ONE_TRY, "--index-url", CPU_BUILDS]]


def install_torch(python: Path) -> bool:
    """Install a CPU build, else the index's own; True where one is there at the end."""
    version = TORCH.partition("==")[2]
    here = f"import torch; assert torch.__version__.split('+')[0] == '{version}'"
    if _answers(python, here):
        return True
    choices = cpu_choices()
    if any(pip(python, *choice, quiet=True) for choice in choices):
        return True
    if choices:
        print(
            f"no CPU build of {TORCH} can be had from here: installing the package"
            " index's own, which is larger (gigabytes with CUDA) …",
            flush=True,
        )
    return pip(python, TORCH)


def has_pip(python: Path) -> bool:
    """Whether an environment is whole; one that was interrupted is not."""
    return python.exists() and _answers(python, "import pip")


def pip(python: Path, *arguments: str, quiet: bool = False) -> bool:
    """Run pip install; True where it succeeded."""
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "-q"]
    done = subprocess.run([*command, *arguments], capture_output=quiet)
    return done.returncode == 0


def why_not(folder: Path) -> "str | None":
    """Say why no environment may be made in a folder: nothing else is cleared."""
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / "pyvenv.cfg").is_file():
            return f"{folder} holds something else than a virtual environment"
    elif folder.exists() and not folder.is_dir():
        return f"{folder} is a file"
    return None


def make_environment(folder: Path) -> "Path | None":
    """Return the interpreter of an environment with pip; None after saying why not."""
    if sys.version_info < (3, 10):  # noqa: UP036 (run by whatever python3 is)
        print(
            f"Python 3.10 or later is needed, this is {platform.python_version()}:"
            " make PYTHON=python3.12 …"
        )
        return None
    try:
        why = why_not(folder)
        if why:
            print(f"{why}: name another folder")
            return None
        python = _make(folder)
    except OSError as error:
        print(f"{folder} cannot be made: {error.strerror or error}")
        return None
    if python is None:
        print(
            f"{sys.executable} cannot make a virtual environment with pip: install"
            " ensurepip and venv for it (Debian: python3-venv)"
        )
    return python


def main(folder: Path) -> int:
    """Make the environment and return an exit code."""
    python = make_environment(folder)
    if python is None:
        return 1
    print("installing torch (a minute) …", flush=True)
    if not install_torch(python):
        print(f"no build of {TORCH} could be installed: see pip's message above")
        return 1
    print("installing lm-eval-iberian and what it needs (two minutes) …", flush=True)
    if not pip(python, "-e", f"{PROJECT}[dev]"):
        print("the project could not be installed: see pip's message above")
        return 1
    return 0


def _make(folder: Path) -> "Path | None":
    """Return the interpreter of an environment, None where venv has no pip to give."""
    windows = platform.system() == "Windows"
    python = folder / ("Scripts" if windows else "bin") / "python"
    if has_pip(python):
        return python
    print(f"making {folder} …", flush=True)
    # a process of its own: its tracebacks are not for the user
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "venv", "--clear", str(folder)]
    done = subprocess.run(command, capture_output=True)
    return python if done.returncode == 0 and has_pip(python) else None


def _answers(python: Path, code: str) -> bool:
    command = [str(python), "-c", code]
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(command, capture_output=True, env=env).returncode == 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    sys.exit(main(parser.parse_args().folder))
