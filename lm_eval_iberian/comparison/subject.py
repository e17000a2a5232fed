"""A model that takes part in a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lm_eval_iberian.report.model_report import ModelReport


@dataclass(frozen=True)
class Subject:
    """A model as it is compared: what it is called, and what it scored.

    Args:
        name: What it is called here; no two subjects share a name.
        model: What it scored.
        about: What else is known of it, to sort and filter by: ``role`` (``merge``,
            ``base``, ``instruct``, ``expert``), ``method``, ``languages`` (``eu gl``),
            and the values that a sweep sets, by their names. Empty outside of sweeps.
    """

    name: str
    model: ModelReport
    about: Mapping[str, str] = field(default_factory=dict)
