"""A sweep's folder is read as it is, without the cells that still run."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from made_sweeps import MadeSweep, following, galician, two_methods

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report import find_sweeps, load_catalogue
from lm_eval_iberian.report.results_file import find_results
from lm_eval_iberian.report.sweep_results import SweepResults
from lm_eval_iberian.sweep.sweep_expansion import expand
from lm_eval_iberian.sweep.sweep_folder import FORMAT
from lm_eval_iberian.sweep.sweep_spec import read_spec


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


def test_a_sweep_that_has_no_result_yet_says_so(tmp_path: Path) -> None:
    sweep = MadeSweep(tmp_path / "sweep")
    sweep.model("linear-gl", {"choice": None}, method="linear")
    with pytest.raises(DataError, match=r"no cell of this sweep .* iberian sweep run"):
        find_results([tmp_path / "sweep"])


def sweeps_of(*paths: Path, **more: Any) -> list[SweepResults]:
    return find_sweeps(paths, load_catalogue(), more.pop("renamed", {}), **more)


def test_sweeps_are_found_at_any_depth_each_once(tmp_path: Path) -> None:
    two_methods(tmp_path / "all" / "deep" / "sweep")
    (tmp_path / "all" / "sweep.json").write_text('{"another": "program"}')
    folder = tmp_path / "all" / "deep" / "sweep"
    (sweep,) = sweeps_of(tmp_path / "all", folder, folder / "sweep.json")
    assert sweep.path == folder
    assert [model.name for model in sweep.baselines] == [
        "base", "instruct", "expert-gl",
    ]  # fmt: skip
    assert len(sweep.merges) == 9
    assert len(sweep.cells) == 24
    assert sweeps_of(tmp_path / "all" / "deep" / "sweep" / "cells") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ('{"cells": [], "format": 2, "lm_eval_iberian": "9"}', "lm-eval-iberian 9"),
        (
            '{"cells": [{"id": "a"}], "format": 1}',
            "is not what a plan writes: 'recipe'",
        ),
        ('{"cells": 5, "format": 1}', "is not what a plan writes"),
    ],
)
def test_a_plan_that_cannot_be_read(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "sweep.json").write_text(text)
    with pytest.raises(DataError, match=re.escape(said)):
        sweeps_of(tmp_path)


def test_two_sweeps_may_share_a_model_but_no_name(tmp_path: Path) -> None:
    """Runs of two merges by one name would be averaged."""
    suites = {"ifeval": following("gl", 0.5)}
    for name, weight in (("a", "1"), ("b", "1"), ("c", "2")):
        sweep = MadeSweep(tmp_path / name)
        sweep.model("instruct", suites)
        sweep.model("linear-gl", suites, method="linear", weight=weight)
    assert len(sweeps_of(tmp_path / "a", tmp_path / "b")) == 2
    with pytest.raises(DataError, match="different models, and both are called linear"):
        sweeps_of(tmp_path)
    with pytest.raises(DataError, match="both are called instruct"):
        sweeps_of(tmp_path / "a", renamed={"linear-gl": "instruct"})


def test_a_cell_is_of_its_own_model(tmp_path: Path) -> None:
    sweep = MadeSweep(tmp_path / "sweep")
    suites = {"choice": galician(0.5), "ifeval": following("gl", 0.5)}
    sweep.model("linear-gl", suites, method="linear")
    path = next((tmp_path / "sweep" / "cells" / "linear-gl--ifeval-gl").glob("res*"))
    path.write_text(path.read_text().replace("linear-gl", "other"))
    with pytest.raises(DataError, match="is of other, and other cells of linear-gl"):
        sweeps_of(tmp_path)


def test_a_cell_s_results_are_one_file(tmp_path: Path) -> None:
    two_methods(tmp_path / "sweep")
    place = tmp_path / "sweep" / "cells" / "base--choice-gl"
    (path,) = place.glob("results_*")
    shutil.copy(path, place / "results_more.json")
    with pytest.raises(DataError, match="has 2 results_"):
        sweeps_of(tmp_path)
    (sweep,) = sweeps_of(tmp_path, keep_going=True)
    assert sweep.missing[0] == "base--choice-gl"
    path.write_text("{")
    (place / "results_more.json").unlink()
    with pytest.raises(DataError, match="is not JSON"):
        sweeps_of(tmp_path)


def test_a_report_reads_what_a_plan_writes(tmp_path: Path) -> None:
    """The two rooms share a format, and no code."""
    spec = tmp_path / "sweep.yaml"
    spec.write_text(
        "models: {base: o/b, instruct: o/i, experts: {eu: o/eu, gl: o/gl}}\n"
        "methods: [{method: linear, weight: [0.5, 1], experts: all}]\n"
        "suites: {ifeval: {tasks: {gl: [iberian_ifeval_gl]}, runs: 2}}\n"
    )
    cells = expand(read_spec(spec))
    content = {"format": FORMAT, "cells": [cell.as_data() for cell in cells]}
    (tmp_path / "sweep.json").write_text(json.dumps(content))
    (sweep,) = sweeps_of(tmp_path)
    assert sweep.missing == [cell.id for cell in cells]
    assert [(one.role, one.name) for one in sweep.models] == [
        ("base", "base"), ("instruct", "instruct"), ("expert", "expert-gl"),
        ("merge", "linear-eu+gl-weight0.5"), ("merge", "linear-eu+gl-weight1"),
    ]  # fmt: skip
    assert sweep.merges[0].values == {"weight": "0.5"}
    assert [cell.run for cell in sweep.merges[0].cells] == [0, 1]
