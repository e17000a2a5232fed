"""Make the virtual environment of the Makefile: `make_venv.py FOLDER`.

torch comes first, and as a CPU build where no NVIDIA driver answers, so that nothing
installed after it asks for gigabytes of CUDA packages.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import venv
from pathlib import Path


TORCH = "torch==2.13.0"
CPU_BUILDS = "https://download.pytorch.org/whl/cpu"
PROJECT = Path(__file__).resolve().parent.parent


def has_gpu() -> bool:
    """Whether an NVIDIA driver answers."""
    tool = shutil.which("nvidia-smi")
    return (
        tool is not None and subprocess.run([tool], capture_output=True).returncode == 0
    )


def torch_choices() -> list[list[str]]:
    """Return pip arguments for torch, the first that works is taken."""
    if has_gpu() or platform.system() != "Linux":
        return [[TORCH]]
    cpu = f"{TORCH}+cpu"
    return [[cpu], [cpu, "--index-url", CPU_BUILDS]]


def has_pip(python: Path) -> bool:
    """Whether an environment is whole; one that was interrupted is not."""
    if not python.exists():
        return False
    command = [str(python), "-m", "pip", "--version"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def pip(python: Path, *arguments: str) -> bool:
    """Run pip install; True where it succeeded."""
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "-q"]
    return subprocess.run([*command, *arguments]).returncode == 0


def main(folder: Path) -> int:
    """Make the environment and return an exit code."""
    if sys.version_info < (3, 10):  # noqa: UP036 (run by whatever python3 is)
        print(f"Python 3.10 or later is needed, this is {platform.python_version()}")
        return 1
    python = (
        folder / ("Scripts" if platform.system() == "Windows" else "bin") / "python"
    )
    if not has_pip(python):
        print(f"making {folder} …", flush=True)
        venv.create(folder, with_pip=True, clear=True)
    print("installing torch (a minute) …", flush=True)
    if not any(pip(python, *choice) for choice in torch_choices()):
        print(f"no build of {TORCH} could be installed: see pip's message above")
        return 1
    print("installing lm-eval-iberian and what it needs (two minutes) …", flush=True)
    if not pip(python, "-e", f"{PROJECT}[dev]"):
        print("the project could not be installed: see pip's message above")
        return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1])))
