"""The intervals of a table's values, which is the best, and which may be as good."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from lm_eval_iberian.comparison import Comparer, ComparisonRow
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.report_catalogue import Catalogue
from lm_eval_iberian.report.table_entries import Entry, Source, Table
from lm_eval_iberian.stats import (
    Estimate,
    holm,
)


_UNKNOWN = "of no benchmark or average that can be compared"
_OTHERS = "all results of the model together have another value"
_SAME = 0.005
_NOTHING = "no samples and no stored errors"


@dataclass(frozen=True)
class RankedEntry(Entry):
    """An entry with all that is known of its value and of its rank.

    Args:
        estimate: The value with its interval.
        row: How it differs from the best, with Holm's p over the column's tests;
            ``None`` of the best, and where nothing can be compared.
        untested: Why a test cannot tell it from the best.
    """

    estimate: Estimate | None = None
    row: ComparisonRow | None = None
    untested: str = ""


def ranked(
    table: Table, comparer: Comparer, tick: Callable[[], None] = lambda: None
) -> Table:
    """Return a table with intervals, and marks of the best and of what may be as good.

    An entry may be as good when a test of it against the best, paired where both have
    samples, does not tell them apart, by a p adjusted for all tests of the column.
    Where there is no test nothing is claimed, and the foot says why.

    Args:
        table: The table; its entries say what they are of.
        comparer: It knows every model of the table.
        tick: Called after every column.

    Raises:
        DataError: Samples cannot be used.
    """
    columns = []
    for at in range(len(table.columns)):
        column = {name: row[at] for name, row in table.rows.items()}
        columns.append(_ranked_column(column, comparer))
        tick()
    rows = {name: tuple(column[name] for column in columns) for name in table.rows}
    foot = (*table.foot, *_feet(table.columns, columns))
    return replace(table, rows=rows, foot=foot, errors=False)


def top(entries: Mapping[str, Entry], lower_is_better: bool) -> list[list[str]]:
    """Return the names of the best, those of the second, and so on; of one, nothing.

    Values count as a table shows them, with two decimals. Marked ones are held against
    each other, and only where all are marked.
    """
    there = {name: e for name, e in entries.items() if e.measure is not None}
    places: dict[float, list[str]] = {}
    for name, entry in there.items():
        if entry.measure and (
            not entry.marked or all(e.marked for e in there.values())
        ):
            places.setdefault(round(entry.measure.value, 2), []).append(name)
    if sum(map(len, places.values())) < 2:
        return []
    return [places[value] for value in sorted(places, reverse=not lower_is_better)]


def less_is_better(source: Source, catalogue: Catalogue) -> bool:
    """Return whether less is better of what an entry is of."""
    block = catalogue.columns().get(source.score)
    metric = block.metric if block is not None else source.metric
    return catalogue.metrics[metric].lower_is_better


def _ranked_column(
    column: Mapping[str, Entry], comparer: Comparer
) -> dict[str, RankedEntry]:
    done = {name: _estimated(entry, comparer) for name, entry in column.items()}
    groups: dict[str, dict[str, RankedEntry]] = {}
    for name, entry in done.items():
        if entry.source is not None and entry.source.among:
            groups.setdefault(entry.source.among, {})[name] = entry
    for group in groups.values():
        done |= _ranked_group(group, comparer)
    adjusted = holm([e.row.difference.p if e.row else None for e in done.values()])
    for (name, entry), p in zip(done.items(), adjusted, strict=True):
        if entry.row is not None and p is not None:
            row = replace(entry.row, p_holm=p)
            done[name] = replace(entry, row=row, as_good=not row.is_significant)
    return done


def _estimated(entry: Entry, comparer: Comparer) -> RankedEntry:
    plain = {field.name: getattr(entry, field.name) for field in fields(Entry)}
    source = entry.source
    if source is None or entry.measure is None:
        return RankedEntry(**plain)
    found = comparer.estimate(source.model, source.score, source.metric)
    if found is not None and abs(found.value - entry.measure.value) > _SAME:
        found = Estimate(entry.measure.value, why=_OTHERS)
        return RankedEntry(**plain, estimate=found, untested=_OTHERS)
    if found is not None and found.low is not None and found.high is not None:
        plain["interval"] = (found.low, found.high)
    return RankedEntry(**plain, estimate=found)


def _ranked_group(
    group: Mapping[str, RankedEntry], comparer: Comparer
) -> dict[str, RankedEntry]:
    """Return the entries that are held against each other, with their ranks."""
    sources = [entry.source for entry in group.values() if entry.source is not None]
    places = top(group, less_is_better(sources[0], comparer.catalogue))
    done = {name: replace(entry, best=False) for name, entry in group.items()}
    if not places:
        return done
    best = done[_held_against(places[0], group, comparer)]
    for at, names in enumerate(places):
        for name in names:
            if at == 0:
                done[name] = replace(done[name], best=True)
            else:
                entry = replace(done[name], second=at == 1)
                done[name] = _against(best, entry, comparer)
    return done


def _held_against(
    best: Sequence[str], group: Mapping[str, RankedEntry], comparer: Comparer
) -> str:
    """Return the one of the best that most others can be held against."""

    def like_it(name: str) -> int:
        mine = group[name].source
        others = [entry.source for entry in group.values() if entry.source is not None]
        return sum(
            mine is not None
            and not comparer.mixed(mine.model, other.model, other.score)
            for other in others
        )

    return best[0] if len(best) == 1 else max(best, key=like_it)


def _against(best: RankedEntry, entry: RankedEntry, comparer: Comparer) -> RankedEntry:
    """Return an entry with what a comparison with the best says."""
    a, b = best.source, entry.source
    if a is None or b is None:
        return entry
    if told := best.untested or entry.untested:
        return replace(entry, untested=told)
    mixed = comparer.mixed(a.model, b.model, b.score)
    if mixed and not comparer.options.allow_mixed:
        told = "; ".join(dict.fromkeys(mixed.values()))
        return replace(entry, untested=f"other settings, {told}")
    try:
        row = comparer.compare(a.model, b.model, b.score, b.metric)
    except DataError as error:
        return replace(entry, untested=str(error))
    if row is not None and row.difference.p is not None:
        return replace(entry, row=row)
    why = row.difference.why if row is not None else ""
    return replace(entry, row=row, untested=why or _NOTHING)


def _feet(
    titles: Sequence[str], columns: Sequence[Mapping[str, RankedEntry]]
) -> Iterator[str]:
    """Yield what must be said of intervals and tests, a sentence for each reason."""
    for sentence, why in (
        ("not tested against the best{places}: {why}", _untested),
        ("no interval{places}: {why}", _no_interval),
        ("of stored standard errors, without a look at samples{places}", _from_stored),
        ("other settings than the best{places}: {why}", _mixed),
    ):
        found: dict[str, dict[str, list[str]]] = {}
        for column, entries in zip(titles, columns, strict=True):
            for name, entry in entries.items():
                if entry.measure is not None and (reason := why(entry)):
                    places = found.setdefault(reason, {})
                    places.setdefault(column, []).append(name)
        for reason, places in found.items():
            said = _places(places, dict(zip(titles, columns, strict=True)))
            yield sentence.format(places=said, why=reason)


def _untested(entry: RankedEntry) -> str:
    return entry.untested


def _no_interval(entry: RankedEntry) -> str:
    if entry.interval is not None:
        return ""
    if entry.source is None:
        return _UNKNOWN
    return (entry.estimate.why if entry.estimate else "") or _NOTHING


def _from_stored(entry: RankedEntry) -> str:
    estimated = entry.estimate is not None and entry.estimate.method == "stored"
    tested = entry.row is not None and entry.row.difference.method == "stored"
    return "stored" if estimated or tested else ""


def _mixed(entry: RankedEntry) -> str:
    return entry.row.mixed if entry.row is not None else ""


def _places(
    places: Mapping[str, Sequence[str]],
    columns: Mapping[str, Mapping[str, RankedEntry]],
) -> str:
    """Return in brackets which values are meant; nothing where it is all of them."""
    valued = {
        column: [name for name, entry in of.items() if entry.measure is not None]
        for column, of in columns.items()
    }
    if all(
        places.get(column, []) == names for column, names in valued.items() if names
    ):
        return ""
    whole = [column for column, names in places.items() if names == valued[column]]
    parts: dict[tuple[str, ...], list[str]] = {}
    for column, names in places.items():
        if column not in whole:
            parts.setdefault(tuple(names), []).append(column)
    said = [", ".join(whole)] if whole else []
    said += [f"{_few(n, 'rows')} in {_few(c, 'columns')}" for n, c in parts.items()]
    return f" ({'; '.join(said)})"


def _few(names: Sequence[str], what: str) -> str:
    return " and ".join(names) if len(names) <= 2 else f"{len(names)} {what}"
