"""Which models a picture has, in which order, and by which name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lm_eval_iberian.comparison.comparing import Comparer
from lm_eval_iberian.report.sweep_report import SweepReport


# more than these cannot be read
MOST_MODELS = 40
_ORDER = ("base", "instruct", "expert")


@dataclass(frozen=True)
class ModelShown:
    """A model in a picture.

    Args:
        name: What it is called.
        role: ``merge``, ``base``, ``instruct``, ``expert``; empty where unknown.
    """

    name: str
    role: str = ""


@dataclass(frozen=True)
class ModelsShown:
    """The models of a picture.

    Args:
        models: The baselines, then the others, each in the comparer's order.
        left_out: How many more there are.
    """

    models: tuple[ModelShown, ...]
    left_out: int = 0

    @property
    def sentence(self) -> str:
        """What is said of models that are left out; empty where there are none."""
        if not self.left_out:
            return ""
        return (
            f" {len(self.models)} of {len(self.models) + self.left_out} models:"
            " baselines first, then the best points of every series."
        )


def models_shown(
    comparer: Comparer, sweeps: Sequence[SweepReport], most: int = MOST_MODELS
) -> ModelsShown:
    """Return the models of a picture; of too many, baselines and best points first.

    Args:
        comparer: Who knows the models.
        sweeps: Whose best points matter.
        most: How many can be read.
    """
    best = {
        point.model.called
        for sweep in sweeps
        for point in sweep.best
        if point.model is not None
    }
    every = [
        ModelShown(name, subject.about.get("role", ""))
        for name, subject in comparer.subjects.items()
    ]
    every.sort(key=lambda one: _place(one.role))
    wanted = sorted(every, key=lambda one: (_place(one.role), one.name not in best))
    kept = set(wanted[:most])
    models = tuple(one for one in every if one in kept)
    return ModelsShown(models, len(every) - len(models))


def _place(role: str) -> int:
    return _ORDER.index(role) if role in _ORDER else len(_ORDER)
