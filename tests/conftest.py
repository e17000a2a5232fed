"""What several test files need."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants  # noqa: F401 (before a test sets HF_HOME: read once)
import pytest
from hypothesis import settings
from skip_report import skips
from slurm_cluster import SlurmCluster, why_not


# a machine may be busy with something else while an example runs
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

# tiny tensors: a second thread costs more than it brings
os.environ.setdefault("OMP_NUM_THREADS", "1")


ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT.parent / "shared" / "reference"


# what makes each test that asks for it slow: commands on a small hub, and the real data
SLOW_FIXTURES = {"place", "reference"}
# files that take minutes begin, so that no worker waits for one at the end
LONGEST = (
    "demo/test_run.py",
    "sweep/test_slurm_cluster.py",
    "sweep/test_killed_sweep.py",
    "search/test_search_on_slurm.py",
    "search/test_search_command.py",
    "sweep/test_sweep_worker.py",
    "sweep/test_whole_sweep.py",
    "integration/test_hook_off.py",
    "export/test_in_lm_eval.py",
    "mergekit_ext/outputs/test_output_folder.py",
    "mergekit_ext/kernels/test_kernel_memory.py",
    "mergekit_ext/kernels/test_triton_compiles.py",
    "mergekit_ext/test_old_mergekit.py",
    "mergekit_ext/kernels/test_triton_interpreter.py",
)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their argument: an archive holds the time, and workers agree."""
    return argname if isinstance(val, bytes) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if SLOW_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: not item.path.as_posix().endswith(LONGEST))


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache; nothing forbids the network or leads it elsewhere."""
    home = tmp_path / "hf"
    monkeypatch.setenv("HF_HOME", str(home))
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(home))
    for kind in ("HF_HUB", "HF_DATASETS", "TRANSFORMERS"):
        monkeypatch.delenv(f"{kind}_OFFLINE", raising=False)
    monkeypatch.delenv("LM_EVAL_IBERIAN_MIRROR", raising=False)
    return home


@pytest.fixture(scope="module")
def whole_cluster() -> Iterator[SlurmCluster]:
    """A real SLURM of this machine."""
    if (why := why_not()) is not None:
        pytest.skip(why)
    pytest.importorskip("submitit", reason="NO SUBMITIT: pip install submitit")
    found = SlurmCluster()
    yield found
    found.stop()


@pytest.fixture
def cluster(
    whole_cluster: SlurmCluster, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SlurmCluster]:
    """The same, which its commands find, without jobs at the end."""
    for name, value in whole_cluster.environment.items():
        monkeypatch.setenv(name, value)
    yield whole_cluster
    whole_cluster.say("scancel", f"--user={os.getuid()}")
    whole_cluster.wait_until_idle()


@pytest.fixture(scope="session")
def reference() -> Path:
    """The real data that nobody here wrote; it is not part of the project."""
    if not REFERENCE.is_dir():
        pytest.skip(f"NO REFERENCE DATA: {REFERENCE} is absent")
    return REFERENCE


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End a run with what was skipped and why: nobody scrolls up for it."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or config.option.collectonly:  # a worker has none
        return
    lines = skips(reporter.stats.get("skipped", []))
    reporter.write_line(f"skipped:{'' if lines else ' nothing'}")
    for line in lines:
        reporter.write_line(line)
