"""The merges of a sweep as series: one method, one set of values, one that is swept."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lm_eval_iberian.errors import UnknownNameError
from lm_eval_iberian.report.sweep_results import SweptModel


_WEIGHT = "weight"
# what tells a series from others, whatever its language
SeriesKey = tuple[str, tuple[tuple[str, str], ...]]
# merges that differ in it are repetitions, not points
_SEED = "seed"


@dataclass(frozen=True)
class SweptSeries:
    """Merges that differ in the value of one parameter.

    Args:
        method: Their method.
        languages: The languages of their experts.
        settings: The values of all other parameters that the specification sets.
        parameter: The one that is swept; empty where the merge has no number.
        points: Its values, ascending, each with its merge.
    """

    method: str
    languages: tuple[str, ...]
    settings: Mapping[str, str]
    parameter: str
    points: tuple[tuple[float | None, SweptModel], ...]

    @property
    def swept(self) -> bool:
        """Whether there is something to choose from."""
        return len(self.points) > 1

    @property
    def name(self) -> str:
        """Method and settings."""
        return merge_name(self.method, self.settings)

    def of_point(self, value: float | None) -> str:
        """Return the name of one of its merges."""
        if value is None:
            return self.name
        here = {self.parameter: shown_number(value)}
        return merge_name(self.method, {**here, **self.settings})


def merge_name(method: str, values: Mapping[str, str]) -> str:
    """Return what a merge is called: ``linear weight=0.5``."""
    return " ".join([method, *(f"{name}={text}" for name, text in values.items())])


def series_key(series: SweptSeries) -> SeriesKey:
    """Return what tells a series from others, whatever its language."""
    return series.method, tuple(series.settings.items())


def names_of_series(keys: Iterable[SeriesKey]) -> dict[SeriesKey, str]:
    """Return every series with its name: its method, and what tells it from others."""
    every = list(dict.fromkeys(keys))
    found = {}
    for method, settings in every:
        same = [dict(others) for name, others in every if name == method]
        told = {k: v for k, v in settings if any(one.get(k) != v for one in same)}
        found[method, settings] = merge_name(method, told)
    return found


def shown_number(value: float) -> str:
    """Return a number as a specification has it: 1 for 1.0."""
    return f"{value:.12g}"


def series_of(merges: Iterable[SweptModel], swept: str = "") -> list[SweptSeries]:
    """Return the series of some merges, in the order of the plan.

    Args:
        merges: The merges.
        swept: The parameter that is swept; left out, a weight that has several values,
            or else the first number that has.

    Raises:
        UnknownNameError: No merge has such a parameter.
    """
    merges = list(merges)
    labels = dict.fromkeys(label for merge in merges for label in merge.values)
    if swept and swept not in labels:
        raise UnknownNameError("parameter of the sweep", swept, labels)
    families: dict[tuple[str, tuple[str, ...]], list[SweptModel]] = {}
    for merge in merges:
        families.setdefault((merge.method, merge.languages), []).append(merge)
    return [
        series
        for family in families.values()
        for series in _of_family(family, swept or _varied(family))
    ]


def _of_family(family: Sequence[SweptModel], swept: str) -> list[SweptSeries]:
    groups: dict[tuple[tuple[str, str], ...], list[SweptModel]] = {}
    for merge in family:
        others = tuple(item for item in merge.values.items() if item[0] != swept)
        groups.setdefault(others, []).append(merge)
    found = []
    for others, group in groups.items():
        points = [(number_of(one.values.get(swept, "")), one) for one in group]
        if any(value is None for value, _ in points):  # none is a number, or has one
            found += [
                SweptSeries(one.method, one.languages, one.values, "", ((None, one),))
                for _, one in points
            ]
            continue
        points.sort(key=lambda point: point[0] or 0.0)
        first = group[0]
        settings = dict(others)
        found.append(
            SweptSeries(first.method, first.languages, settings, swept, tuple(points))
        )
    return found


def _varied(family: Sequence[SweptModel]) -> str:
    """Return the parameter that is swept in a family of merges."""
    labels = dict.fromkeys(label for merge in family for label in merge.values)
    order = sorted(labels, key=lambda label: not is_weight(label))
    for label in order:
        if label == _SEED:
            continue
        values: dict[tuple[tuple[str, str], ...], set[float | None]] = {}
        for merge in family:
            if label in merge.values:
                others = tuple(i for i in merge.values.items() if i[0] != label)
                number = number_of(merge.values[label])
                values.setdefault(others, set()).add(number)
        if any(len(found) > 1 and None not in found for found in values.values()):
            return label
    return next(filter(is_weight, order), "")


def is_weight(label: str) -> bool:
    """Return whether a parameter is a weight of a merge's models."""
    return label.partition(".")[0] == _WEIGHT


def number_of(text: str) -> float | None:
    """Return a text as a finite number, if it is one."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
