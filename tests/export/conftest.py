"""Exported families, and a copy of lm-eval that has them and not this project."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from site import getsitepackages

import pytest

from lm_eval_iberian.export import family_names, write_lm_eval
from lm_eval_iberian.export.task_family import task_family
from lm_eval_iberian.paths import data
from lm_eval_iberian.tasks.benchmark_catalogue import benchmarks
from lm_eval_iberian.tasks.minis import from_mini


Host = Callable[..., "subprocess.CompletedProcess[str]"]
# not imported: only its files are of interest
LM_EVAL = Path(str(find_spec("lm_eval").origin)).parent  # type: ignore[union-attr]


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All families, as they are written."""
    folder = tmp_path_factory.mktemp("exported")
    write_lm_eval(folder, family_names())
    return folder


@pytest.fixture(scope="session")
def tree(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of lm-eval that has the exported tasks.

    Where a task has an address on the hub, its copy has that of a folder with the
    shipped rows in the same form; nothing else of it is changed.
    """
    place = tmp_path_factory.mktemp("tree")
    tasks = place / "lm_eval" / "tasks"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(LM_EVAL, place / "lm_eval", ignore=ignored, copy_function=_link)
    for folder in filter(Path.is_dir, exported.iterdir()):
        assert not (tasks / folder.name).exists()
        shutil.copytree(folder, tasks / folder.name)
    addresses = _hub(place / "hub")
    changed = [path for f in exported.iterdir() for path in (tasks / f.name).rglob("*")]
    for path in [*changed, tasks / "eus_exams" / "eus_exams"]:
        if path.name.endswith((".yaml", "_yaml", "eus_exams")) and path.is_file():
            _lead_elsewhere(path, addresses)
    return place


def _link(source: str, target: str) -> None:
    """Copy a file by a link: nothing of it is changed."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _hub(folder: Path) -> dict[str, str]:
    """Write the shipped rows as datasets; return them by the address of the real ones.

    ``datasets`` reads them as it reads a folder that came from the hub.
    """
    configs: dict[Path, list[str]] = {}
    addresses = {}
    for dataset in benchmarks():
        place = folder / dataset.path
        for name in dataset.names:
            config = name or "default"
            splits = []
            for split, rows in from_mini(dataset).items():
                path = place / config / f"{split}.jsonl"
                path.parent.mkdir(parents=True, exist_ok=True)
                lines = [json.dumps(row, ensure_ascii=False) for row in rows]
                path.write_text("\n".join([*lines, ""]), "utf-8")
                splits.append(f"  - split: {split}\n    path: {config}/{split}.jsonl")
            entry = "\n".join([f"- config_name: {config}", "  data_files:", *splits])
            configs.setdefault(place, []).append(entry)
        addresses[dataset.path] = str(place)
    for place, entries in configs.items():
        text = "\n".join(["---", "configs:", *entries, "---", ""])
        (place / "README.md").write_text(text, "utf-8")
    return addresses


def _lead_elsewhere(path: Path, addresses: Mapping[str, str]) -> None:
    text = path.read_text("utf-8")
    for real, ours in addresses.items():
        text = text.replace(f"dataset_path: {real}\n", f"dataset_path: {ours}\n")
    for lang in task_family("ifeval").packs:
        before, _, after = text.partition('test: "https://')
        if f"input_data.{lang}.jsonl" in after:
            ours = str(data() / "ifeval" / "mini" / f"{lang}.jsonl")
            text = f"{before}test: {ours}\n{after.partition(chr(10))[2]}"
    path.unlink()  # it may be a link to the host's own
    path.write_text(text, "utf-8")


@pytest.fixture(scope="session")
def host(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Host:
    """Run Python with that copy of lm-eval, what it needs, and no plug-in."""
    home = tmp_path_factory.mktemp("home")
    nowhere = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy")}
    env = os.environ | nowhere
    paths = [str(tree), *getsitepackages()]
    env |= {"PYTHONPATH": os.pathsep.join(paths), "HF_HOME": str(home)}
    env |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        # -S: no .pth file is read, so neither the start-up file nor the checkout
        return subprocess.run(
            [sys.executable, "-S", *arguments],
            capture_output=True, text=True, cwd=home, env=env, check=False,
        )  # fmt: skip

    return run
