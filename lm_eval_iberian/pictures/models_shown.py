"""Which models a picture has, in which order, and by which name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lm_eval_iberian.comparison import Comparer, role_place
from lm_eval_iberian.report.model_report import ModelReport
from lm_eval_iberian.report.sweep_report import SweepReport


# more than these cannot be read
MOST_MODELS = 40


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


@dataclass(frozen=True)
class ModelChoice:
    """Chooses the models of every picture.

    Args:
        comparer: Who knows the models.
        best: Those that are the best point of a series.
        most: How many can be read.
    """

    comparer: Comparer
    best: frozenset[str] = frozenset()
    most: int = MOST_MODELS

    def having(self, has: Callable[[ModelReport], bool]) -> ModelsShown:
        """Return the models that have something to show.

        Of too many these stay: baselines, best points, then the first of the others.

        Args:
            has: Whether a model has it.
        """
        every = [
            ModelShown(name, subject.role)
            for name, subject in self.comparer.subjects.items()
            if has(subject.model)
        ]
        every.sort(key=lambda one: role_place(one.role))
        wanted = sorted(
            every, key=lambda one: (role_place(one.role), one.name not in self.best)
        )
        kept = set(wanted[: self.most])
        models = tuple(one for one in every if one in kept)
        return ModelsShown(models, len(every) - len(models))

    def of_benchmark(self, key: str) -> ModelsShown:
        """Return the models that have a result of a benchmark."""
        return self.having(lambda model: model.cell(key) is not None)


def best_models(sweeps: Iterable[SweepReport]) -> frozenset[str]:
    """Return the models that are the best point of a series."""
    points = [point for sweep in sweeps for point in sweep.best]
    return frozenset(one.model.called for one in points if one.model is not None)
