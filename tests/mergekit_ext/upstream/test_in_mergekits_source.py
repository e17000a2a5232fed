"""The exported files in mergekit's source, with the tests that its release contains."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from mergekit_ext.upstream import write_pull_requests
from mergekit_ext.upstream.pull_request_list import PULL_REQUESTS


pytestmark = pytest.mark.slow

RELEASE = "mergekit==0.1.5"
# those that look at every method that is registered, or at what the patches touch
TESTS = (
    "test_config_parameters",
    "test_merge_method_interface",
    "test_merge_method_regressions",
    "test_sparsify",
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source of the release, unpacked."""
    folder = tmp_path_factory.mktemp("source")
    command = [sys.executable, "-m", "pip", "download", "--dest", str(folder)]
    command += ["--disable-pip-version-check", "--retries", "1", "--no-deps"]
    command += ["--no-binary", "mergekit", "--no-build-isolation", RELEASE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and "(from versions: none)" in done.stderr:
        pytest.skip("NO MERGEKIT SOURCE: the package index cannot be reached")
    assert done.returncode == 0, done.stderr
    (archive,) = folder.glob("mergekit-*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    tree = folder / archive.name.removesuffix(".tar.gz")
    (tree / "tests" / "__init__.py").touch()
    common = Path(__file__).with_name("host_common.py")
    shutil.copyfile(common, tree / "tests" / "common.py")
    return tree


def test_its_own_tests_pass_after_the_commands_of_the_readme(
    checkout: Path, tmp_path: Path
) -> None:
    write_pull_requests(tmp_path)
    page = (tmp_path / "README.md").read_text("utf-8")
    (commands,) = re.findall(r"```bash\n(.*?)```", page, re.S)
    assert "CHECKOUT" in commands
    for request in PULL_REQUESTS:
        mine = commands.replace("layer_swap", request.name)
        mine = mine.replace("CHECKOUT", f"'{checkout}'")
        if not request.methods:  # there is no new file but the test
            mine = mine.replace(f"{request.name}/mergekit ", "")
        subprocess.run(["bash", "-ec", mine], cwd=tmp_path, check=True)
    environment = os.environ | {
        "PYTHONPATH": str(checkout), "LM_EVAL_IBERIAN_AUTOLOAD": "0",
        "HF_HUB_OFFLINE": "1",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        + [f"tests/{name}.py" for name in TESTS],
        cwd=checkout, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert re.search(r"\b\d{3} passed", done.stdout)
