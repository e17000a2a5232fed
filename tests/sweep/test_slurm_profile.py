"""How jobs are asked for: by the command line, by files, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.sweep.slurm_profile import minutes, read_profile


YAML = """\
account: eu-merge
partition: gpu
time: 4:00:00
cpus-per-gpu: 8
max_jobs: 12
sbatch: {mem: 64G, exclusive: true, constraint: no}
setup:
  - module load cuda
  - export A=1
"""
TOML = """\
account = "eu-merge"
partition = "gpu"
time = 04:00:00
cpus-per-gpu = 8
max_jobs = 12
setup = ["module load cuda", "export A=1"]
[sbatch]
mem = "64G"
exclusive = true
constraint = "no"
"""


@pytest.mark.parametrize(("name", "text"), [("p.yaml", YAML), ("p.toml", TOML)])
def test_a_file_says_what_the_command_line_says(
    name: str, text: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    given = {
        "account": "eu-merge", "partition": "gpu", "time": "4:00:00",
        "cpus-per-gpu": "8", "max-jobs": "12",
        "sbatch": ("mem=64G", "exclusive", "constraint=no"),
        "setup": ("module load cuda", "export A=1"),
    }  # fmt: skip
    found = read_profile(path, {})
    assert found == read_profile(None, given)
    assert found.time == 240
    assert found.sbatch == {"mem": "64G", "exclusive": True, "constraint": "no"}
    assert (found.gpus_per_job, found.merges_per_job) == (1, 1)
    # the command line wins, option by option
    more = {"time": "30", "sbatch": ("mem=8G",), "setup": ("true",)}
    both = read_profile(path, more)
    assert (both.time, both.account) == (30, "eu-merge")
    assert both.sbatch == {"mem": "8G", "exclusive": True, "constraint": "no"}
    assert both.setup == ("true",)


TIMES = [
    ("30", 30, "minutes"),
    ("30:00", 30, "minutes:seconds"),
    ("0:30", 1, "rounded up"),
    ("4:00:00", 240, "hours:minutes:seconds"),
    ("1:30:30", 91, "rounded up"),
    ("2-12", 3600, "days-hours"),
    ("1-0:30", 1470, "days-hours:minutes"),
    ("1-01:00:00", 1500, "days-hours:minutes:seconds"),
]


@pytest.mark.parametrize(("text", "wanted", "why"), TIMES)
def test_times_are_sbatchs(text: str, wanted: int, why: str) -> None:
    assert minutes(text) == wanted, why


FAULTS: list[tuple[str, str, Mapping[str, Any], str]] = [
    ("a key", "partitoin: gpu\n", {}, "line 1: Unknown key of a profile 'partitoin'."
     " Did you mean partition?"),
    ("the same in TOML", "partitoin = 'gpu'\n", {}, "Did you mean partition?"),
    ("no limit of time", "account: a\n", {}, "jobs need a limit of time: give --time"),
    ("a time", "", {"time": "4h"}, "time must be as sbatch takes it"),
    ("no time at all", "", {"time": "0:00"}, "a minute at least"),
    ("a number", "", {"time": "1", "max-jobs": "none"},
     "--max-jobs must be a whole number from 1 on, found 'none'"),
    ("too small", "", {"time": "1", "max-jobs": "0"}, "from 1 on, found '0'"),
    ("no digits of ours", "", {"time": "1", "max-jobs": "²"}, "from 1 on"),
    ("a second line", "", {"time": "1", "account": "a\nrm"}, "a text in one line"),
    ("a line in an option", "", {"time": "1", "sbatch": ("mem=1\nrm -r x",)},
     "a text in one line"),
    ("no option", "", {"time": "1", "sbatch": ("me m=1",)}, "'me m' is no option of"),
    ("what is ours", "", {"time": "1", "sbatch": ("array=1-3",)},
     "array is set by the sweep itself"),
    ("what has an option", "", {"time": "1", "sbatch": ("--partition=a",)},
     "partition has an option of its own, --partition"),
    ("GPUs by another name", "", {"time": "1", "sbatch": ("gpus-per-node=2",)},
     "--gpus-per-job"),
    ("cores of no GPU", "", {"time": "1", "gpus-per-job": "0", "cpus-per-gpu": "2"},
     "--sbatch cpus-per-task=N"),
    ("sbatch as a list", "time: 1\nsbatch: [a]\n", {}, "must be a mapping"),
    ("a list where a text is", "time: 1\naccount: [a]\n", {}, "account must be a text"),
    ("a mapping of setup", "time: 1\nsetup: {a: b}\n", {}, "a list of lines"),
    ("a key twice", "time: 1\ntime: 2\n", {}, "line 2: the key 'time' is there twice"),
    ("an empty file", "# nothing\n", {}, "is empty"),
]  # fmt: skip


@pytest.mark.parametrize(("why", "text", "given", "says"), FAULTS)
def test_what_is_refused(
    why: str, text: str, given: Mapping[str, Any], says: str, tmp_path: Path
) -> None:
    path = tmp_path / ("p.toml" if " = " in text else "p.yaml")
    path.write_text(text, "utf-8")
    with pytest.raises(DataError) as caught:
        read_profile(path if text else None, given)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for name in ("p.yaml", "p.toml"):
        with pytest.raises(DataError, match=name):
            read_profile(tmp_path / name, {})
