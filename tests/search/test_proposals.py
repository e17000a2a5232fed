"""What is proposed depends on a seed, the number and what was told: nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from search_specs import ALONE

from lm_eval_iberian.search.proposals import Proposals, Told
from lm_eval_iberian.search.search_space import SearchSpace
from lm_eval_iberian.search.search_spec import SearchSettings, read_search


optuna = pytest.importorskip(
    "optuna", reason="NO OPTUNA: pip install 'optuna>=5' cmaes", minversion="5"
)
NUMBERS = ALONE.partition("  - method: fused_dare")[0].replace(
    "{eu: 0..1.5}", "{instruct: 0.5..1, eu: 0..1.5}"
) + ALONE[ALONE.index("suites:") :]  # fmt: skip
SAMPLERS = ["tpe", "cmaes", "nsga2"]


def told(values: dict[str, Any]) -> Told | None:
    """Return what comes of values: best at 0.7, with a rule; one that fails too."""
    weight = next(v for k, v in values.items() if k.endswith(("eu", "weight")))
    if weight > 1.4:
        return None
    lost = -20 * weight**2
    return Told(-((weight - 0.7) ** 2), lost, {"instructions": -10 - lost})


def proposed(
    space: SearchSpace, settings: SearchSettings, journal: Path, count: int, width: int
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    proposals = Proposals(space, settings, journal)
    while len(found) < count:
        numbers = range(len(found), min(len(found) + width, count))
        found += [proposals.ask(number) for number in numbers]
        for number in numbers:
            proposals.tell(number, told(found[number]))
    return found


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("width", [1, 4])
def test_who_begins_anew_proposes_the_same(
    written: Callable[[str], Path], tmp_path: Path, sampler: str, width: int
) -> None:
    spec = read_search(written(NUMBERS))
    space = SearchSpace(spec)
    settings = replace(spec.settings, sampler=sampler, population=6)
    whole = proposed(space, settings, tmp_path / "a", 24, width)
    again = proposed(space, settings, tmp_path / "a", 24, width)
    assert again == whole
    assert len({tuple(one.values()) for one in whole}) > 20
    # one that ended early had the same as far as it came
    assert proposed(space, settings, tmp_path / "b", 12, width) == whole[:12]
    other = replace(settings, seed=8)
    assert proposed(space, other, tmp_path / "c", 12, width) != whole[:12]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_it_comes_nearer_to_what_is_best(
    written: Callable[[str], Path], tmp_path: Path, sampler: str
) -> None:
    spec = read_search(written(NUMBERS))
    space = SearchSpace(spec)
    settings = replace(spec.settings, sampler=sampler, population=6)
    found = proposed(space, settings, tmp_path / "a", 60, 1)
    # the rule forbids what is above sqrt(1/2): all good ones are below
    best = math.sqrt(0.5)
    weights = [one["task_arithmetic.weight.eu"] for one in found]
    ours, theirs = (
        sum(0 <= best - one < 0.25 for one in some)
        for some in (weights[-20:], weights[:20])
    )
    assert ours > theirs


def test_of_several_methods_each_has_its_own(
    written: Callable[[str], Path], tmp_path: Path
) -> None:
    spec = read_search(written(ALONE))
    space = SearchSpace(spec)
    found = proposed(space, spec.settings, tmp_path / "a", 40, 4)
    assert {one["method"] for one in found} == {"task_arithmetic", "fused_dare_linear"}
    for one in found:
        assert {name.partition(".")[0] for name in one} == {"method", one["method"]}


def test_optuna_s_own_tools_read_the_journal(
    written: Callable[[str], Path], tmp_path: Path
) -> None:
    spec = read_search(written(NUMBERS))
    space = SearchSpace(spec)
    journal = tmp_path / "journal.log"
    for count in (4, 9):  # made anew, not gone on with
        found = proposed(space, spec.settings, journal, count, 2)
        backend = optuna.storages.journal.JournalFileBackend(str(journal))
        storage = optuna.storages.JournalStorage(backend)
        study = optuna.load_study(study_name="search", storage=storage)
        assert [one.number for one in study.trials] == list(range(count))
        weights = [one.params["task_arithmetic.weight.eu"] for one in study.trials]
        ours = [one["task_arithmetic.weight.eu"] for one in found]
        assert weights == pytest.approx(ours, abs=1e-4)


def test_a_lock_that_a_kill_left_is_not_waited_for(
    written: Callable[[str], Path], tmp_path: Path
) -> None:
    spec = read_search(written(NUMBERS))
    (tmp_path / "a").write_text('{"half', "utf-8")
    (tmp_path / "a.lock").symlink_to("a")
    assert proposed(SearchSpace(spec), spec.settings, tmp_path / "a", 2, 1)
