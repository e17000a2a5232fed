"""The merges that are searched: methods, and ranges for what they take.

Numbers drawn for the dimensions of a method become one entry of a sweep's
specification, and so a recipe as a sweep has it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lm_eval_iberian.search.placed_weights import EXPERTS, PlacedWeights, places
from lm_eval_iberian.search.search_dimensions import Dimension, read_dimension, rounded
from lm_eval_iberian.search.search_spec import SearchSpec
from lm_eval_iberian.sweep.placed_yaml import Placed
from lm_eval_iberian.sweep.sweep_cell import SweepCell
from lm_eval_iberian.sweep.sweep_expansion import expand
from lm_eval_iberian.sweep.sweep_spec import SweepSpec
from lm_eval_iberian.sweep.sweep_suite import EVERY


METHOD = "method"
Values = Mapping[str, Any]


@dataclass(frozen=True)
class MethodSpace:
    """A merge method with what is drawn for it.

    Attributes:
        label: What tells it from others of the search.
        entry: What the specification says of it.
        dimensions: What is drawn.
        spreads: The parameters that have a value for each of several places.
    """

    label: str
    entry: Placed
    dimensions: tuple[Dimension, ...]
    spreads: tuple[PlacedWeights, ...]


class SearchSpace:
    """All merges that a search may come to.

    Args:
        spec: The specification.

    Raises:
        SweepSpecError: A method or parameter does not exist, or a range leads where it
            cannot, with its line.
    """

    def __init__(self, spec: SearchSpec) -> None:
        self._sweep = spec.sweep
        self.methods = {one.label: one for one in _method_spaces(spec.sweep)}
        self._check(spec)

    def names_of(self, label: str) -> list[Dimension]:
        """Return what is drawn for a method."""
        return list(self.methods[label].dimensions)

    def cells(self, values: Values, name: str) -> list[SweepCell]:
        """Return the evaluations of a candidate, one for each set of tasks.

        Args:
            values: What was drawn, by the names of the dimensions.
            name: What the merge is to be called.

        Raises:
            SweepSpecError: There can be no such merge.
        """
        method = self.methods[_label(values, self.methods)]
        entry = _entry(method, values)
        found = expand(replace(self._sweep, methods=(entry,), baselines=()))
        if len({cell.model for cell in found}) > 1:
            raise entry.fault(
                "this entry is of several merges; a candidate is one: give `experts:"
                " all`, or one language"
            )
        recipe: dict[str, Any] = json.loads(json.dumps(found[0].recipe))
        for spread in method.spreads:
            spread.put_into(recipe, values, self._sweep)
        return [replace(cell, model=name, recipe=recipe) for cell in found]

    def instruct(self) -> list[SweepCell]:
        """Return the evaluations of the instructed model."""
        return expand(replace(self._sweep, methods=(), baselines=("instruct",)))

    def corners(self) -> list[SweepCell]:
        """Return the evaluations of two merges of each method, far apart."""
        found = []
        for number, method in enumerate(self.methods.values()):
            for end in (0, 1):
                values = {one.name: one.ends[end] for one in method.dimensions}
                name = f"corner-{number}-{end}"
                for cell in self.cells({METHOD: method.label, **values}, name):
                    found.append(replace(cell, id=f"{name}--{cell.suite}-{cell.group}"))
        return found

    def suggest(self, trial: Any) -> dict[str, Any]:
        """Have optuna draw a candidate.

        Args:
            trial: A trial, which has been asked for.
        """
        labels = list(self.methods)
        values: dict[str, Any] = {METHOD: labels[0]}
        if len(labels) > 1:
            values[METHOD] = trial.suggest_categorical(METHOD, labels)
        for one in self.methods[values[METHOD]].dimensions:
            values[one.name] = one.drawn(trial)
        return values

    def _check(self, spec: SearchSpec) -> None:
        if not any(one.dimensions for one in self.methods.values()):
            raise spec.sweep.place.value["methods"].fault(
                "nothing is searched here: give a parameter a range, as weight: 0..1.5"
            )
        choosing = len(self.methods) > 1 or any(
            one.choices for method in self.methods.values() for one in method.dimensions
        )
        if spec.settings.sampler == "cmaes" and choosing:
            raise spec.place.fault(
                "the sampler cmaes searches numbers alone, of one method, without lists"
                " of choices; take tpe or nsga2"
            )
        self.corners()


def _label(values: Values, methods: Mapping[str, MethodSpace]) -> str:
    return str(values.get(METHOD, next(iter(methods))))


def _method_spaces(sweep: SweepSpec) -> Iterator[MethodSpace]:
    seen: dict[str, int] = {}
    for entry in sweep.methods:
        keys = entry.mapping("key of a method", (), (METHOD,))
        for one in keys[METHOD].entries("methods"):
            name = one.text("a method")
            seen[name] = seen.get(name, 0) + 1
            label = name if seen[name] == 1 else f"{name} {seen[name]}"
            own = {"experts": Placed(EVERY, entry.file, entry.line), **keys}
            yield _method_space(
                label, replace(entry, value={**own, METHOD: one}), sweep
            )


def _method_space(label: str, entry: Placed, sweep: SweepSpec) -> MethodSpace:
    spreads: list[PlacedWeights] = []
    dimensions: list[Dimension] = []

    def note(path: str, placed: Placed) -> Placed:
        name = f"{label}.{path}"
        found = read_dimension(name, placed)
        if found is None:
            return placed
        one, by = found
        if by:
            parameter, _, model = path.partition(".")
            whole = tuple(replace(one, name=f"{name}.{at}") for at in places(by))
            spread = PlacedWeights(
                parameter, model or EXPERTS, by, tuple(one.name for one in whole)
            )
            spreads.append(spread)
            dimensions.extend(whole)
            spread.check(sweep, placed)
        else:
            dimensions.append(one)
        return placed

    _walk(entry, note)
    return MethodSpace(label, entry, tuple(dimensions), tuple(spreads))


def _walk(entry: Placed, change: Callable[[str, Placed], Placed]) -> Placed:
    """Return an entry with every value of a parameter changed."""
    found: dict[str, Placed] = {}
    for name, placed in entry.value.items():
        if name in (METHOD, "experts"):
            found[name] = placed
        elif isinstance(placed.value, dict):
            parts = {
                part: change(f"{name}.{part}", one)
                for part, one in placed.value.items()
            }
            found[name] = replace(placed, value=parts)
        else:
            found[name] = change(name, placed)
    return replace(entry, value=found)


def _entry(method: MethodSpace, values: Values) -> Placed:
    """Return an entry with the drawn numbers in the place of ranges."""
    spread = {(one.parameter, one.model): one for one in method.spreads}

    def drawn(path: str, placed: Placed) -> Placed:
        name, (parameter, _, model) = f"{method.label}.{path}", path.partition(".")
        if name in values:
            return replace(placed, value=_plain(values[name]))
        if (one := spread.get((parameter, model or EXPERTS))) is not None and (
            read_dimension(name, placed) is not None
        ):
            # what stands for all of them until the recipe is there
            mean = sum(values[each] for each in one.names) / len(one.names)
            return replace(placed, value=rounded(mean))
        return placed

    return _walk(method.entry, drawn)


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
