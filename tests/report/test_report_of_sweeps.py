"""A sweep's folder is read as it is, without the cells that still run."""

from __future__ import annotations

from pathlib import Path

import pytest

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.results_file import find_results


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text("{}", "utf-8")
    return path


def test_what_still_runs_is_no_result(tmp_path: Path) -> None:
    sweep = tmp_path / "all" / "sweep"
    done = put(sweep / "cells" / "a--s-eu" / "results_1.json")
    put(sweep / "running" / "b--s-eu.12345678" / "lm_eval" / "b" / "results_1.json")
    (sweep / "sweep.json").write_text("{}")
    # a folder of that name somewhere else is like any other
    other = put(tmp_path / "all" / "running" / "results_2.json")
    assert find_results([sweep]) == [done]
    assert find_results([tmp_path]) == [other, done]
    with pytest.raises(DataError, match="holds no"):
        find_results([sweep / "running"])
