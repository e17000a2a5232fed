"""Imports as isort orders them."""

from __future__ import annotations

import subprocess
import sys

from mergekit_ext.source_code.import_lines import (
    FUTURE,
    OWN,
    STANDARD,
    THIRD_PARTY,
    Import,
    import_lines,
    section_of,
)


IMPORTS = {
    "Task": Import("mergekit.graph", "Task"),
    "torch": Import("torch"),
    **{
        name: Import("itertools", name)
        for name in ("zip_longest", "Beta", "ALPHA", "alpha", "_own", "X")
    },
    **{
        name: Import("os.path", name)
        for name in (
            "a_name_as_long_as_it_needs_to_be",
            "and_another_one_of_the_same_length_at_least",
        )
    },
    "math": Import("math"),
    "annotations": Import("__future__", "annotations"),
    "os": Import("os"),
    "np": Import("numpy"),
    "sep": Import("os", "sep"),
    "kept": Import("shutil", "move"),
    "importlib": Import("importlib.util"),
}
WRITTEN = """\
from __future__ import annotations

import importlib.util
import math
import os
from itertools import ALPHA, Beta, X, _own, alpha, zip_longest
from os import sep
from os.path import (
    a_name_as_long_as_it_needs_to_be,
    and_another_one_of_the_same_length_at_least,
)
from shutil import move as kept

import numpy as np
import torch

from mergekit.graph import Task
"""


def test_imports_are_sorted_as_isort_does() -> None:
    text = "\n".join([*import_lines(IMPORTS, "mergekit"), ""])
    assert text == WRITTEN
    rules = ["--isolated", "--select", "I001", "--config"]
    known = "lint.isort.known-first-party = ['mergekit']"
    command = [sys.executable, "-m", "ruff", "check", *rules, known, "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_comment_stands_behind_every_name_of_its_module() -> None:
    imports = {name: Import("typing", name) for name in ("Any", "Final")}
    comments = {"Any": "  # noqa: X"}
    assert import_lines(imports, "own", comments=comments) == [
        "from typing import Any, Final  # noqa: X"
    ]
    assert import_lines(imports, "own", 39, comments) == [
        "from typing import (",
        "    Any,  # noqa: X",
        "    Final,  # noqa: X",
        ")",
    ]


def test_the_section_is_that_of_the_package() -> None:
    found = [
        section_of(Import(module), "lm_eval")
        for module in ("__future__", "os.path", "torch", "lm_eval.tasks", "lm_evaluate")
    ]
    assert found == [FUTURE, STANDARD, THIRD_PARTY, OWN, THIRD_PARTY]
