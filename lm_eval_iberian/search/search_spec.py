"""What a search is to do: a sweep's specification with a section of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import unknown_name
from lm_eval_iberian.sweep.placed_yaml import Placed
from lm_eval_iberian.sweep.sweep_spec import SweepSpec, read_spec


SAMPLERS = ("tpe", "cmaes", "nsga2")
# the suites by what they are for
LANGUAGE, INSTRUCTIONS = "language", "instructions"
_SECTION = "search"
_MOST_LOOKS = 64


@dataclass(frozen=True)
class SearchSettings:
    """How a search goes on, and what it keeps to.

    Attributes:
        sampler: Who proposes candidates, a name of optuna's.
        seed: What the proposals are made of.
        candidates: How many there are at most.
        items: After how many items no further round begins; ``None`` for no bound.
        at_once: How many are proposed before any of them is known; so many can be
            evaluated side by side.
        population: Of ``nsga2``: how many make a generation.
        first_look: How many items of each task a candidate has done before it is first
            looked at; with each further look twice as many.
        level: With what probability a candidate is stopped that is as good as the one
            it is held against, at most.
        delta: By how many points instruction following may be worse than instruct's.
        no_stop: By how many points more answers may be cut off.
        run_on: By how many points more answers may run on.
        development: Which share of the items is for the search.
        split_seed: What the split of the items is made of, and their order.
    """

    sampler: str = "tpe"
    seed: int = 1
    candidates: int = 60
    items: int | None = None
    at_once: int = 4
    population: int = 16
    first_look: int = 8
    level: float = 0.05
    delta: float = 2.0
    no_stop: float = 5.0
    run_on: float = 5.0
    development: float = 0.5
    split_seed: int = 1234

    def as_data(self) -> dict[str, Any]:
        """Return what decides on which candidates there are; how many is left out."""
        found = asdict(self)
        return {k: v for k, v in found.items() if k not in ("candidates", "items")}


@dataclass(frozen=True)
class SearchSpec:
    """A specification.

    Attributes:
        sweep: What a sweep's has too: models, methods, suites.
        settings: What a search's has beside it.
        place: Where that stands.
    """

    sweep: SweepSpec
    settings: SearchSettings
    place: Placed


def read_search(path: Path) -> SearchSpec:
    """Read a specification; nothing but the file itself is opened.

    Raises:
        SweepSpecError: Something in it does not exist or cannot be, with its line.
    """
    sweep = read_spec(path, "search", (_SECTION,))
    top: dict[str, Placed] = sweep.place.value
    for name in ("baselines", "seeds"):
        if name in top:
            raise top[name].fault(
                f"{name} is of a sweep; a search holds every candidate against the"
                " instructed model"
            )
    if not sweep.methods:
        raise sweep.place.fault("the key of a search 'methods' is missing")
    if sweep.engine == "disk":
        raise top["engine"].fault(
            "engine: disk merges into folders; a search merges in memory: hf or vllm"
        )
    _check_suites(sweep)
    place = top.get(_SECTION, sweep.place)
    keys = {}
    if _SECTION in top:
        known = tuple(SearchSettings.__dataclass_fields__)
        keys = place.mapping("key of the section search", known)
    return SearchSpec(sweep, _settings(keys), place)


def _check_suites(sweep: SweepSpec) -> None:
    """Refuse suites that are for nothing, and what makes items others each time."""
    known = (LANGUAGE, INSTRUCTIONS)
    placed: Placed = sweep.place.value["suites"]
    for suite in sweep.suites:
        if suite.name not in known:
            raise suite.place.fault(
                unknown_name("suite of a search", suite.name, known)
            )
        for name, why in (
            ("limit", "a search chooses the items itself"),
            ("runs", "a search evaluates an item once"),
        ):
            if name in suite.place.value:
                raise suite.place.value[name].fault(f"{name}: {why}; leave it out")
    there = {suite.name for suite in sweep.suites if suite.tasks}
    for name in known:
        if name not in there:
            raise placed.fault(f"the suite {name!r} is missing, or has no task")


def _settings(keys: Mapping[str, Placed]) -> SearchSettings:
    found: dict[str, Any] = {}
    for name, placed in keys.items():
        if name == "sampler":
            value: Any = placed.text("sampler")
            if value not in SAMPLERS:
                raise placed.fault(unknown_name("sampler", value, SAMPLERS))
        elif name in _WHOLE:
            value = placed.number(name, _WHOLE[name])
        else:
            value = _decimal(placed, name, *_DECIMAL[name])
        found[name] = value
    return SearchSettings(**found)


# the least of whole numbers; of the others the least and the most
_WHOLE = {
    "seed": 0, "candidates": 1, "items": 1, "at_once": 1, "population": 2,
    "first_look": 2, "split_seed": 0,
}  # fmt: skip
_DECIMAL = {
    "level": (0.0001, 0.5), "delta": (0.0, 100.0), "no_stop": (0.0, 100.0),
    "run_on": (0.0, 100.0), "development": (0.05, 0.95),
}  # fmt: skip


def _decimal(placed: Placed, name: str, least: float, most: float) -> float:
    value = placed.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise placed.fault(f"{name} must be a number, found {placed.plain()!r}")
    if not least <= value <= most:
        raise placed.fault(
            f"{name} must be from {least:g} to {most:g}, found {value!r}"
        )
    return float(value)
