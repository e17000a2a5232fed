"""What Every Eval Ever calls the metrics and tasks of the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.toml import read_toml


NAMES = Path(__file__).parent / "exchange_names.toml"


@dataclass(frozen=True)
class ExchangedMetric:
    """A metric as Every Eval Ever names it.

    Args:
        id: What others join on.
        name: What it is called.
        kind: The family it is of.
        unit: The unit of lm-eval's own value.
        also: What others call it.
    """

    id: str
    name: str
    kind: str
    unit: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExchangeNames:
    """The names, and the versions of the schema.

    Args:
        version: The version of the schema that is written.
        schema: The commit at which its rules were read.
        read: The beginnings of the versions that are read.
        metrics: By lm-eval's name.
        tasks: Others' names of datasets to tasks of the catalogue.
        engines: lm-eval's kinds of models to what runs them.
    """

    version: str
    schema: str
    read: tuple[str, ...]
    metrics: Mapping[str, ExchangedMetric]
    tasks: Mapping[str, str]
    engines: Mapping[str, str]

    def metric_of(self, name: str) -> str | None:
        """Return lm-eval's name of a metric, ``None`` of one that is not known."""
        return self._spellings.get(_plain(name))

    @cached_property
    def _spellings(self) -> Mapping[str, str]:
        return {
            _plain(spelling): name
            for name, one in self.metrics.items()
            for spelling in (name, one.id, one.name, *one.also)
        }


@cache
def load_exchange_names() -> ExchangeNames:
    """Return the names that are shipped.

    Raises:
        DataError: The file is broken.
    """
    raw = read_toml(NAMES)
    try:
        return ExchangeNames(
            raw["version"], raw["schema"], tuple(raw["read"]),
            {name: _metric(row) for name, row in raw["metric"].items()},
            raw["tasks"], raw["engines"],
        )  # fmt: skip
    except (KeyError, TypeError) as error:
        raise DataError(f"{NAMES}: a key is missing or not known: {error}") from error


def _metric(row: dict[str, Any]) -> ExchangedMetric:
    return ExchangedMetric(**row | {"also": tuple(row.get("also", ()))})


def _plain(name: str) -> str:
    return name.strip().lower().replace("-", "_").replace(" ", "_")
