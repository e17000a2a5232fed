"""The tables of a sweep: the best points, and the paper's tables of methods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from lm_eval_iberian.report.best_weight import CHOSEN_HERE, BestPoint, BestRule
from lm_eval_iberian.report.measure import Measure
from lm_eval_iberian.report.sweep_results import SweepResults, SweptModel
from lm_eval_iberian.report.sweep_scores import Score, ScoreName, SweepScores
from lm_eval_iberian.report.swept_series import SweptSeries, shown_number
from lm_eval_iberian.report.table_entries import Entry, Table
from lm_eval_iberian.report.tables import judged
from lm_eval_iberian.toml import read_toml


_FILE = Path(__file__).parent / "method_tables.toml"
_ROLES = ("base", "instruct", "expert")
_OURS = "fused_"
_CHOSEN = "of what is swept, the best point; " + CHOSEN_HERE


@dataclass(frozen=True)
class MethodTable:
    """One of the tables: which merges are in it."""

    title: str
    number: int | None = None
    several: bool | None = None
    methods: tuple[str, ...] = ()

    def takes(self, series: SweptSeries) -> bool:
        """Return whether merges are in it, those of no other table left aside."""
        several = len(series.languages) > 1
        method = series.method.removeprefix(_OURS)
        return self.several in (None, several) and method in self.methods


@cache
def _known() -> tuple[tuple[ScoreName, ...], tuple[MethodTable, ...]]:
    raw: dict[str, Any] = read_toml(_FILE)
    columns = tuple(ScoreName(one["name"], one["title"]) for one in raw["column"])
    tables = tuple(
        MethodTable(**one | {"methods": tuple(one.get("methods", ()))})
        for one in raw["table"]
    )
    return columns, tables


def best_table(best: Sequence[BestPoint], rule: BestRule) -> Iterator[Table]:
    """Yield the table of the best points, if there is something to choose from."""
    if not best:
        return
    mean = ("mean",) if rule.text == "mean" else ()
    titles = (rule.language.header, rule.following.header)
    rows = {f"{one.lang}: {one.series.name}": _best_row(one, rule) for one in best}
    foot = (f"best: {rule.sentence}", CHOSEN_HERE)
    columns = ("best", *mean, *titles, "compared")
    yield Table(
        "Best weight by method and language", columns, rows, "language: method",
        foot, errors=True,
    )  # fmt: skip


def _best_row(best: BestPoint, rule: BestRule) -> tuple[Entry, ...]:
    compared = Entry(None, text=f"{best.compared} of {len(best.series.points)}")
    of_mean = rule.text == "mean"
    if best.value is None:
        return (*(Entry(None),) * (4 if of_mean else 3), compared)
    language, following = best.chosen
    entries = [_entry(one, best.lang) for one in (language, following)]
    text = f"{best.series.parameter} {shown_number(best.value)}"
    if best.ties:
        text += f" (as good: {', '.join(map(shown_number, best.ties))})"
    means = []
    if of_mean and language.measure is not None and following.measure is not None:
        means = [Entry(Measure((language.measure.value + following.measure.value) / 2))]
    return (Entry(None, text=text), *means, *entries, compared)


def method_tables(
    sweep: SweepResults,
    series: Sequence[SweptSeries],
    best: Sequence[BestPoint],
    scores: SweepScores,
    columns: Sequence[ScoreName] = (),
) -> Iterator[Table]:
    """Yield the tables of methods that a sweep has merges for.

    Args:
        sweep: The sweep.
        series: Its merges.
        best: The points that stand for what is swept; without any, every point does.
        scores: Its scores.
        columns: Other columns than the paper's; the tables bear no number then.
    """
    usual, known = _known()
    for table in known:
        of_others = [one for one in known if one is not table and one.methods]
        mine = [
            one
            for one in series
            if table.takes(one)
            or not (table.methods or any(other.takes(one) for other in of_others))
        ]
        if table.methods:
            mine.sort(key=lambda s: table.methods.index(s.method.removeprefix(_OURS)))
        number = table.number is not None and not columns
        name = f"Table {table.number}: {table.title}" if number else table.title
        title = name[0].upper() + name[1:]
        picked = _picked(mine, best)
        found = _table(title, sweep, picked, scores, columns or usual)
        if found is not None:
            chosen = best and any(one.swept for one in mine)
            yield _with_foot(found, _CHOSEN) if chosen else found


_Rows = dict[str, list[tuple[str, SweptModel]]]


def _picked(series: Sequence[SweptSeries], best: Sequence[BestPoint]) -> _Rows:
    """Return language to the merges that stand for series, with their names."""
    of = {(id(one.series), one.lang): one for one in best}
    found: _Rows = {}
    for one in series:
        for lang in one.languages:
            chosen = of.get((id(one), lang))
            for value, model in one.points:
                if chosen is None or model is chosen.model:
                    name = one.of_point(value)
                    found.setdefault(lang, []).append((name, model))
    return found


def _table(
    title: str,
    sweep: SweepResults,
    picked: _Rows,
    scores: SweepScores,
    columns: Sequence[ScoreName],
) -> Table | None:
    rows: dict[str, dict[str, Entry]] = {}
    there: set[str] = set()
    for lang in filter(picked.__contains__, sweep.languages):
        before = [(model.name, model) for model in _baselines(sweep, lang)]
        for column in columns:
            ours = _entries(picked[lang], column, lang, scores)
            theirs = _entries(before, column, lang, scores, among="")
            metric = scores.score(picked[lang][0][1], column, lang).metric
            # the best is the best merge of a language
            done = theirs | judged(ours, metric)
            for name, entry in done.items():
                rows.setdefault(f"{lang}: {name}", {})[column.header] = entry
            if any(one.measure is not None for one in ours.values()):
                there.add(column.header)
    kept = [column.header for column in columns if column.header in there]
    if not kept:
        return None
    entries = {
        name: tuple(row[header] for header in kept) for name, row in rows.items()
    }
    return Table(title, tuple(kept), entries, "language: model", errors=True)


def _entries(
    models: Sequence[tuple[str, SweptModel]],
    column: ScoreName,
    lang: str,
    scores: SweepScores,
    among: str | None = None,
) -> dict[str, Entry]:
    among = lang if among is None else among
    return {
        name: _entry(scores.score(model, column, lang), among) for name, model in models
    }


def _entry(score: Score, among: str) -> Entry:
    source = score.source and replace(score.source, among=among)
    return Entry(score.measure, marked=score.marked, source=source)


def _baselines(sweep: SweepResults, lang: str) -> list[SweptModel]:
    found = [model for model in sweep.baselines if lang in model.languages]
    return sorted(found, key=lambda model: _ROLES.index(model.role))


def _with_foot(table: Table, sentence: str) -> Table:
    return replace(table, foot=(*table.foot, sentence))
