"""Scores of the models of sweeps, drawn in the items that all of them did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from lm_eval_iberian.comparison import (
    CompareOptions,
    Comparer,
    catalogue_of_tasks,
    subjects_of,
)
from lm_eval_iberian.comparison.comparison_words import mixed_text
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.frontier.method_curves import FrontierAsked
from lm_eval_iberian.frontier.seed_sweeps import SeedSweep
from lm_eval_iberian.report.model_report import Note, build_report
from lm_eval_iberian.report.report_catalogue import Catalogue
from lm_eval_iberian.report.sweep_results import SweptModel
from lm_eval_iberian.report.sweep_scores import ScoreName
from lm_eval_iberian.stats import ScoreDraws, draw_scores
from lm_eval_iberian.terminal import first_of


_EXPERT = "expert"
_NAMED = 6


@dataclass
class SharedDraws:
    """Draws the scores of models, the same items for all.

    Args:
        asked: What is compared, and how.
        catalogue: The benchmarks and averages.
        sweeps: The sweeps.
        notes: Gets what must be said of the models.
        inputs: Gets the files of samples.
    """

    asked: FrontierAsked
    catalogue: Catalogue
    sweeps: Sequence[SeedSweep]
    notes: list[Note]
    inputs: dict[str, None]
    _comparers: dict[str, Comparer] = field(default_factory=dict)

    def draw(
        self,
        name: ScoreName,
        lang: str,
        owned: Sequence[tuple[SeedSweep, SweptModel]],
        number: int,
    ) -> ScoreDraws:
        """Return a score of models with its draws.

        Args:
            name: The score.
            lang: The language.
            owned: The models, each with its sweep.
            number: Tells the draws of one score from those of others.

        Raises:
            DataError: Samples are missing or cannot be used, the models have no item in
                common, or some were evaluated otherwise.
        """
        key, _, metric = name.of(lang).partition(":")
        comparer = self._comparer(key, metric, lang)
        subjects = [sweep.subject(model) for sweep, model in owned]
        self._check_settings(comparer, [model for _, model in owned], subjects, key)
        items = comparer.shared_items(subjects, key, metric)
        self.inputs |= dict.fromkeys(map(str, comparer.samples))
        counts = sorted({len(runs) for one in items for runs in one.runs})
        if len(counts) > 1:
            text = (
                f"{name.of(lang)} has {' or '.join(map(str, counts))} runs: each model"
                " counts by its mean, and how its runs differ is not in the intervals"
            )
            self.notes.append(Note("runs", lang, text))
        return draw_scores(
            [one.runs for one in items],
            [one.family for one in items],
            resamples=self.asked.resamples,
            key=self.asked.key + number,
        )

    def _check_settings(
        self,
        comparer: Comparer,
        models: Sequence[SweptModel],
        subjects: Sequence[str],
        key: str,
    ) -> None:
        """Refuse models that were evaluated otherwise than the first, but for experts.

        An expert, which may have no chat template, says where 100 per cent are, of all
        methods alike; it is compared with none.
        """
        first = subjects[0]
        found = {
            (model.role, other, benchmark): text
            for model, other in zip(models[1:], subjects[1:], strict=True)
            for benchmark, text in comparer.mixed(first, other, key).items()
        }
        refused = {
            (other, benchmark): text
            for (role, other, benchmark), text in found.items()
            if role != _EXPERT
        }
        if refused and not self.asked.allow_mixed:
            raise DataError(mixed_text(first, refused))
        for text in dict.fromkeys(found.values()):
            others = [other for (_, other, _), told in found.items() if told == text]
            said = f"{text}, other than {first}"
            self.notes.append(Note("mixed", first_of(others, _NAMED), said))

    def _comparer(self, key: str, metric: str, lang: str) -> Comparer:
        """Return who knows a score, which may be a number of any task."""
        known = key in {*self.catalogue.columns(), *self.catalogue.every()}
        name = "" if known else f"{key}:{metric}"
        if name not in self._comparers:
            catalogue = self.catalogue
            if not known:
                catalogue = catalogue_of_tasks(catalogue, {key: (lang, metric)})
            subjects = []
            for sweep in self.sweeps:
                report = sweep.report
                if not known:
                    report = build_report(
                        [sweep.results.path / "cells"], catalogue=catalogue,
                        keep_going=True, needed=False,
                    )  # fmt: skip
                subjects += [
                    replace(one, name=f"{one.name}{sweep.mark}")
                    for one in subjects_of(report)
                ]
            options = CompareOptions(allow_mixed=self.asked.allow_mixed)
            self._comparers[name] = Comparer(subjects, catalogue, options)
        return self._comparers[name]
