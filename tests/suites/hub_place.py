"""A folder, a cache and a hub for the commands to run in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hub_server import Hub, serve


TASK = """task: {name}
dataset_path: {dataset}
dataset_name: {config}
test_split: test
fewshot_split: train
num_fewshot: 2
output_type: multiple_choice
doc_to_text: "{text}"
doc_to_target: "{{{{answer}}}}"
doc_to_choice: ["bai", "ez"]
{more}
"""


@dataclass
class Place:
    """A folder with tasks, a cache of its own and the commands run in it."""

    folder: Path
    hub: Hub | None = None

    @property
    def tasks(self) -> Path:
        return self.folder / "tasks"

    @property
    def lock(self) -> Path:
        return self.folder / "iberian.lock.json"

    def task(
        self, name: str, dataset: str | None = None, *, config: str = "eu",
        text: str = "Galdera: {{question}}\\nErantzuna:", more: str = "",
    ) -> None:  # fmt: skip
        self.tasks.mkdir(exist_ok=True)
        written = TASK.format(
            name=name, dataset=dataset or f"own/{name}", config=config, text=text,
            more=more,
        )  # fmt: skip
        (self.tasks / f"{name}.yaml").write_text(written, encoding="utf-8")

    def group(self, name: str, *members: str) -> None:
        listed = "".join(f"  - {member}\n" for member in members)
        path = self.tasks / f"{name}.yaml"
        path.write_text(f"group: {name}\ntask:\n{listed}", encoding="utf-8")

    def locked(self) -> dict[str, Any]:
        found = json.loads(self.lock.read_text("utf-8"))
        return {entry["dataset"]: entry for entry in found["datasets"]}

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        switches = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_TOKEN")
        env = {k: v for k, v in os.environ.items() if k not in switches}
        env |= {
            "HF_HOME": str(self.folder / "home"),
            "HF_ENDPOINT": self.hub.url if self.hub else "http://127.0.0.1:9",
        }
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "lm_eval_iberian.cli", *arguments),
                *("--include-path", str(self.tasks)),
            ],
            cwd=self.folder,
            env=env | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        child = self.start(*arguments, **more)
        out, err = child.communicate(timeout=300)
        return subprocess.CompletedProcess(arguments, child.returncode, out, err)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with serve() as server:
        yield Place(tmp_path, server)
