"""The start-up hook in a venv of its own, from a wheel and from an editable install.

The venvs see the packages of this environment through a plain path, so that nothing is
downloaded; start-up files of this environment are not read there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest


pytestmark = pytest.mark.slow

PROBE = """
import json, sys
loaded = sorted(name for name in sys.modules if name.split(".")[0] in (
    "lm_eval", "mergekit", "torch", "yaml", "lm_eval_iberian", "mergekit_ext"))
from lm_eval.tasks import TaskManager
import mergekit.merge_methods as methods
import lm_eval_iberian
from lm_eval_iberian.paths import data, task_configs
from lm_eval_iberian.report import load_catalogue
names = TaskManager().all_tasks
print(json.dumps({
    "at_start": loaded,
    "tasks": [n for n in names if n.startswith("ifeval_eu")],
    "upstream": len(names) > 10_000,
    "methods": sorted(m.spec.name for m in methods.registered_methods()
                      if m.spec.name.startswith(("fused_", "layer_"))),
    "package": lm_eval_iberian.__file__,
    "averaged": load_catalogue().blocks["accuracy"].columns["EN"],
    "data": str(data()), "task_configs": str(task_configs()),
}))
"""

METHODS = [
    "fused_breadcrumbs",
    "fused_breadcrumbs_ties",
    "fused_dare_linear",
    "fused_dare_ties",
    "fused_della",
    "fused_della_linear",
    "fused_linear",
    "fused_lines",
    "fused_nearswap",
    "fused_null_space",
    "fused_null_space_lines",
    "fused_task_arithmetic",
    "fused_ties",
    "fused_widen",
    "layer_swap",
]


def make_venv(folder: Path) -> Path:
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    Path(site, "a_outer.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def install(python: Path, *what: str) -> None:
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q"]
    command += ["--no-deps", "--no-build-isolation", "--force-reinstall", *what]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def probe(python: Path, cwd: Path, autoload: str = "1") -> dict[str, object]:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment |= {"LM_EVAL_IBERIAN_AUTOLOAD": autoload, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [python, "-W", "error::RuntimeWarning", "-c", PROBE],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
    command += ["--outdir", str(out), str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module", params=["wheel", "editable"])
def installed(
    request: pytest.FixtureRequest, root: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    python = make_venv(tmp_path_factory.mktemp(request.param) / "venv")
    if request.param == "wheel":
        install(python, str(request.getfixturevalue("wheel")))
    else:
        install(python, "-e", str(root))
    return request.param, python


def test_plain_commands_find_the_plugin(
    installed: tuple[str, Path], tmp_path: Path, root: Path
) -> None:
    kind, python = installed
    found = probe(python, tmp_path)
    assert found["tasks"] == ["ifeval_eu", "ifeval_eu_mini"]
    assert found["methods"] == METHODS
    assert found["upstream"]
    assert found["averaged"] == ["belebele_en", "xstorycloze_en", "bertaqa_en"]
    assert found["at_start"] == ["lm_eval_iberian", "lm_eval_iberian._bootstrap"]
    here = str(python.parent.parent)
    inside = "_shipped" in str(found["data"])
    if kind == "wheel":
        assert str(found["package"]).startswith(here)
        assert inside
    else:
        assert str(found["package"]).startswith(str(root))
        assert found["task_configs"] == str(root / "task_configs")


def test_the_switch_turns_everything_off(
    installed: tuple[str, Path], tmp_path: Path
) -> None:
    found = probe(installed[1], tmp_path, autoload="0")
    assert found["tasks"] == found["methods"] == found["at_start"] == []
    assert found["upstream"]


def test_uninstalling_leaves_no_start_up_file(wheel: Path, tmp_path: Path) -> None:
    python = make_venv(tmp_path / "venv")
    install(python, str(wheel))
    site = next((tmp_path / "venv").glob("lib/*/site-packages"))
    assert sorted(p.name for p in site.glob("lm_eval_iberian_autoload.*")) == [
        "lm_eval_iberian_autoload.pth",
        "lm_eval_iberian_autoload.start",
    ]
    command = [sys.executable, "-m", "pip", "--python", str(python)]
    command += ["uninstall", "-q", "-y", "lm-eval-iberian"]
    subprocess.run(command, check=True, capture_output=True)
    assert not list(site.glob("lm_eval_iberian*"))


def test_the_wheel_holds_what_it_needs_and_no_more(wheel: Path) -> None:
    import zipfile

    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {
        "lm_eval_iberian",
        "mergekit_ext",
        "lm_eval_iberian_autoload.pth",
        "lm_eval_iberian_autoload.start",
        f"{wheel.name.split('-py3')[0]}.dist-info",
    }
    assert "lm_eval_iberian/_shipped/task_configs/ifeval/ifeval_eu.yaml" in names
    assert "lm_eval_iberian/_shipped/data/ifeval/mini/eu.jsonl" in names
    assert "lm_eval_iberian/languages/packs/eu.toml" in names
    assert not [name for name in names if "__pycache__" in name]
