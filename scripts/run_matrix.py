"""Run the tests under every Python that the project supports: `run_matrix.py FOLDER`.

Each version gets an environment of its own in FOLDER, kept for the next time. Options
for pytest go into PYTEST_ADDOPTS.
"""

from __future__ import annotations

import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path


VERSIONS = ("3.10", "3.11", "3.12", "3.13")
PROJECT = Path(__file__).resolve().parent.parent


def find_python(version: str) -> str | None:
    """Return an interpreter of a version: from the path, or one that pyenv has."""
    home = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    found = shutil.which(f"python{version}")
    builds = sorted(glob.glob(f"{home}/versions/{version}.*/bin/python{version}"))
    for python in [*([found] if found else []), *reversed(builds)]:
        # pyenv puts a file on the path for versions that are not switched on
        code = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
        done = subprocess.run([python, "-c", code], capture_output=True, text=True)
        if done.stdout.strip() == version:
            return python
    return None


def run_version(version: str, folder: Path) -> tuple[bool | None, str]:
    """Run the suite under one version.

    Returns:
        Whether it passed, None where it was not run; and what happened, in a line.
    """
    python = find_python(version)
    if python is None:
        return None, "skipped: it is not installed"
    there = folder / version
    make = [python, str(PROJECT / "scripts" / "make_venv.py"), str(there)]
    if subprocess.run(make, cwd=PROJECT).returncode:
        return False, "FAILED: its environment could not be made"
    tests = [str(there / "bin" / "python"), "-m", "pytest", "-q"]
    done = subprocess.run(tests, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    last = outcome(done.stdout)
    if done.returncode == 0:
        return True, last
    print(done.stdout, flush=True)
    return False, f"FAILED: {last}"


def outcome(said: str) -> str:
    """Return pytest's own last line: what was skipped stands below it."""
    lines = said.strip().splitlines() or ["pytest said nothing"]
    counts = (line for line in reversed(lines) if re.search(r" in \d+\.\d+s", line))
    return next(counts, lines[-1]).strip("= ")


def main(folder: Path, versions: list[str]) -> int:
    """Run the versions, one after the other, and return an exit code."""
    unknown = [version for version in versions if version not in VERSIONS]
    if unknown:
        print(f"unknown version {unknown[0]!r}: there are {', '.join(VERSIONS)}")
        return 1
    results = {}
    for version in versions or VERSIONS:
        print(f"Python {version} …", flush=True)
        results[version] = run_version(version, folder.absolute())
    print()
    for version, (_, said) in results.items():
        print(f"Python {version}  {said}")
    passed = [ok for ok, _ in results.values()]
    if not any(ok is not None for ok in passed):
        print("no version was tried: install one of them")
    return 0 if any(passed) and False not in passed else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("versions", nargs="*", metavar="VERSION")
    asked = parser.parse_args()
    sys.exit(main(asked.folder, asked.versions))
