"""The table of the models that are the best of a language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lm_eval_iberian.comparison import Subject, role_place
from lm_eval_iberian.paper_tables.described_table import (
    DescribedTable,
    filled,
    score_column,
)
from lm_eval_iberian.paper_tables.table_ranks import top
from lm_eval_iberian.report.model_report import Report
from lm_eval_iberian.report.sweep_report import SweepReport
from lm_eval_iberian.report.sweep_scores import ScoreName
from lm_eval_iberian.report.table_entries import Entry, Table


_PICKED = "of each language the best and the second best, each in: {}{}"
_RULE = "; and the merge with {}"


def best_of_language(
    described: DescribedTable,
    report: Report,
    subjects: Mapping[str, Subject],
    sweeps: Sequence[SweepReport] = (),
) -> Table | None:
    """Return the table; ``None`` where no language has two models to choose from.

    Of a sweep the merges are held against each other, with the baselines before them;
    beside the best of each score stands the one that the sweep's own rule chooses.

    Args:
        described: The columns, and the scores that are to be the best.
        report: The results.
        subjects: What is known of the models.
        sweeps: The sweeps they are from.
    """
    rows: dict[str, tuple[Entry, ...]] = {}
    for lang in described.languages:
        columns = [
            score_column(report, name.of(lang), name.header)[2]
            for name in described.columns
        ]
        candidates = [m for m in report.models if _may_be_best(subjects.get(m), lang)]
        picked: dict[str, None] = {}
        for pattern in described.best_by:
            name = ScoreName(pattern).of(lang)
            _, metric, entries = score_column(report, name, name)
            of = {model: entries[model] for model in candidates}
            order = [m for at in top(of, metric.lower_is_better)[:2] for m in at]
            picked |= dict.fromkeys(order[:2])
        picked |= dict.fromkeys(_chosen(sweeps, lang))
        if picked:
            before = [m for m in report.models if _is_baseline(subjects.get(m), lang)]
            before.sort(key=lambda m: role_place(subjects[m].role))
            for model in (*before, *picked):
                among = lang if model in picked else ""
                rows[f"{lang}: {model}"] = tuple(
                    _among(column[model], among) for column in columns
                )
    titles = [name.header for name in described.columns]
    table = filled(described.titled(), titles, rows, "language: model")
    if table is None:
        return None
    titles = [c.header for c in described.columns if c.pattern in described.best_by]
    by = ", ".join(title for title in titles if title in table.columns)
    rules = dict.fromkeys(_RULE.format(s.view.rule.sentence) for s in sweeps if s.best)
    return replace(table, foot=(*table.foot, _PICKED.format(by, "".join(rules))))


def _may_be_best(subject: Subject | None, lang: str) -> bool:
    if subject is None or not subject.role:
        return True
    return subject.role == "merge" and lang in subject.languages


def _is_baseline(subject: Subject | None, lang: str) -> bool:
    if subject is None or subject.role != "expert":
        return subject is not None and subject.role in ("base", "instruct")
    return lang in subject.languages


def _chosen(sweeps: Sequence[SweepReport], lang: str) -> list[str]:
    """Return what the rule of each sweep chooses among the best of all series."""
    found = []
    for sweep in sweeps:
        worths = [
            (sweep.view.rule.worth(*one.chosen, kept=0.0) or 0.0, one.model.called)
            for one in sweep.best
            if one.lang == lang and one.model is not None
        ]
        found += [max(worths, key=lambda pair: pair[0])[1]] if worths else []
    return found


def _among(entry: Entry, among: str) -> Entry:
    return replace(entry, source=entry.source and replace(entry.source, among=among))
