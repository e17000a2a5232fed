"""The tables of a card: what the model scored, and how that was measured."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone

from lm_eval_iberian.cards.card_subject import CardSubject
from lm_eval_iberian.cards.card_text import code, table
from lm_eval_iberian.cards.exchange_record import lm_eval_version
from lm_eval_iberian.health import RATES
from lm_eval_iberian.report.as_tables import escape_markdown
from lm_eval_iberian.report.cell import Cell
from lm_eval_iberian.report.measure import Measure
from lm_eval_iberian.report.result import Result
from lm_eval_iberian.report.tables import is_marked, language_name, language_titles
from lm_eval_iberian.stats import Estimate


_STRICT = "inst_level_strict_acc"
_ORIGINAL = f"{_STRICT}_original"
_FIRST = f"{_STRICT}_first_turn"
_INTERVAL = "95 % interval"


def result_sections(subject: CardSubject) -> Iterator[str]:
    """Yield the sections with what the model scored, those that have something."""
    yield from _averages(subject)
    yield from _benchmarks(subject)
    yield from _instructions(subject)
    yield from _minis(subject)


def interval(estimate: Estimate | None) -> str:
    """Return an interval as a table has it."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return "–"
    return f"[{estimate.low:.2f}, {estimate.high:.2f}]"


def _averages(subject: CardSubject) -> Iterator[str]:
    """Yield a table of every average that has a value."""
    rows = []
    for block in subject.report.catalogue.blocks.values():
        for column in block.columns:
            average = subject.model.averages.get(column)
            if average is None or average.value is None or len(average.measures) < 2:
                continue
            metric = subject.report.catalogue.metrics[block.metric]
            mark = "†" if any(_marked(subject, one) for one in average.measures) else ""
            rows.append(
                (
                    average_title(column), escape_markdown(metric.label),
                    f"{average.value:.2f}{mark}",
                    interval(subject.comparer.estimate(subject.name, column)),
                    str(len(average.measures)),
                )
            )  # fmt: skip
    if rows:
        header = ("Average", "Metric", "Score", _INTERVAL, "Benchmarks")
        yield (
            "### Averages\n\n"
            "Plain means of benchmarks, of those that the paper *Merge and Conquer* has"
            " for a language; given only where every one of them was run.\n\n"
            f"{table(header, rows, texts=2)}"
        )


def average_title(column: str) -> str:
    """Return an average's column in words: ``*-EU`` is translation into Basque."""
    lang = column.split()[0].removeprefix("*-").lower()
    into = "Translation into " if column.startswith("*-") else ""
    known = language_titles().get(lang)
    return f"{into}{known}" if known else escape_markdown(column)


def _benchmarks(subject: CardSubject) -> Iterator[str]:
    """Yield a table of the benchmarks in all languages, and one of translation."""
    choice: list[tuple[str, ...]] = []
    translation: list[tuple[str, ...]] = []
    for cell in subject.model.cells.values():
        kind = subject.report.catalogue.kind_of(cell.benchmark)
        if kind.runs:
            continue
        rows = translation if cell.benchmark.lang == "mt" else choice
        for metric in kind.metrics:
            if metric in cell.measures:
                rows.append(_benchmark_row(subject, cell, metric))
    numbers = ("Score", _INTERVAL, "Items", "Shots")
    if choice:
        header = ("Language", "Benchmark", "Metric", *numbers)
        yield f"### Benchmarks\n\n{table(header, choice, texts=3)}"
    if translation:
        header = ("Direction", "Benchmark", "Metric", *numbers)
        yield f"### Translation\n\n{table(header, translation, texts=3)}"


def _benchmark_row(subject: CardSubject, cell: Cell, metric: str) -> tuple[str, ...]:
    benchmark, label = cell.benchmark, subject.report.catalogue.metrics[metric].label
    first, name = language_name(benchmark.lang), escape_markdown(benchmark.name)
    if benchmark.lang == "mt":
        source, _, target = benchmark.id.rpartition("_")[2].partition("-")
        first = f"{language_name(source)} to {language_name(target)}"
        name = escape_markdown(benchmark.id.rpartition("_")[0])
    mark = "†" if _marked(subject, benchmark.id) else ""
    estimate = subject.comparer.estimate(subject.name, benchmark.id, metric)
    return (
        first, name, escape_markdown(label), f"{cell.measures[metric].value:.2f}{mark}",
        interval(estimate), "–" if cell.n is None else str(cell.n), shots_of(cell),
    )  # fmt: skip


def _instructions(subject: CardSubject) -> Iterator[str]:
    """Yield a table of IFEval: mean and deviation over runs, by both scorings."""
    rows = [
        (
            language_name(cell.benchmark.lang),
            with_deviation(cell.measures.get(_STRICT))
            + ("†" if _marked(subject, cell.benchmark.id) else ""),
            interval(subject.comparer.estimate(subject.name, cell.benchmark.id)),
            with_deviation(cell.measures.get(_ORIGINAL)),
            with_deviation(cell.measures.get(_FIRST)),
            str(len(cell.results)), "–" if cell.n is None else str(cell.n),
        )
        for cell in subject.model.cells.values()
        if _STRICT in cell.measures
    ]  # fmt: skip
    if not rows:
        return
    header = (
        "Language", "Strict", _INTERVAL, "Strict, original scorer",
        "Strict, first turn only", "Runs", "Prompts",
    )  # fmt: skip
    runs = any(len(cell.results) > 1 for cell in subject.model.cells.values())
    yield (
        "### Instruction following (IFEval)\n\n"
        "Share of verifiable instructions followed, strict, at the level of single"
        " instructions. *Original scorer* is the checker of the paper that published"
        " the prompts; *Strict* is the same with its known faults repaired. *First"
        " turn only* ignores whatever the model wrote after its own turn should have"
        f" ended.{' ± is the standard deviation over runs.' if runs else ''}\n\n"
        f"{table(header, rows)}"
    )


def _minis(subject: CardSubject) -> Iterator[str]:
    """Yield a table of the mini sets, with a warning above it."""
    rows = []
    for key, cell in subject.model.minis.items():
        measure = cell.measures.get(cell.metric)
        if measure is not None:
            label = subject.report.catalogue.metrics[cell.metric].label
            rows.append(
                (
                    _mini_title(cell), escape_markdown(label), with_deviation(measure),
                    interval(subject.comparer.estimate(subject.name, key)),
                    "–" if cell.n is None else str(cell.n),
                )
            )  # fmt: skip
    if rows:
        header = ("Mini set", "Metric", "Score", _INTERVAL, "Items")
        yield (
            "### Mini sets\n\n"
            "Small sets that ship with lm-eval-iberian and mirror the format of the"
            " benchmarks they are named after. **They are not those benchmarks**:"
            " their scores can be compared with each other, and with nothing that has"
            " been published.\n\n"
            f"{table(header, rows, texts=2)}"
        )


def _mini_title(cell: Cell) -> str:
    name = escape_markdown(cell.benchmark.name.removesuffix(" mini"))
    if cell.benchmark.lang == "mt":
        return f"{escape_markdown(cell.benchmark.id.removesuffix('_mini'))} (mini)"
    return f"{name}, {language_name(cell.benchmark.lang)} (mini)"


def health_section(subject: CardSubject) -> str:
    """Return the rates of answers that stop, loop …, empty where there are none."""
    rates = {
        title: _rates(cell)
        for cell in subject.model.every_cell()
        if (title := cell_title(cell)) and _rates(cell)
    }
    columns = [name for name in RATES if any(name in one for one in rates.values())]
    if not columns:
        return ""
    rows = [
        (title, *(f"{found[n]:.1f}" if n in found else "–" for n in columns))
        for title, found in rates.items()
    ]
    header = ("Prompts", *(RATES[name].capitalize() for name in columns))
    return (
        "### Do answers end?\n\n"
        "Per cent of the generated answers. An answer *stops* if it neither runs on"
        " past its own turn nor is cut off at the length limit; *loops* means that it"
        " repeats itself to the end.\n\n"
        f"{table(header, rows)}"
    )


def cell_title(cell: Cell) -> str:
    """Return what a benchmark is called, with its language."""
    mini = " (mini)" if cell.benchmark.id.endswith("_mini") else ""
    name = cell.benchmark.name.removesuffix(" mini")
    where = cell.benchmark.id.removesuffix("_mini").rpartition("_")[2]
    lang = where if cell.benchmark.lang == "mt" else language_name(cell.benchmark.lang)
    return f"{escape_markdown(name)}, {escape_markdown(lang)}{mini}"


def _rates(cell: Cell) -> dict[str, float]:
    """Return the rates in per cent, over runs their means."""
    found: dict[str, list[float]] = {}
    for result in cell.results:
        row = result.source().results.get(result.setting.task, {})
        for name in RATES:
            value = row.get(f"{name},none")
            if isinstance(value, int | float) and 0 <= value <= 1:
                found.setdefault(name, []).append(100 * value)
    every = len(cell.results)
    return {k: statistics.fmean(v) for k, v in found.items() if len(v) == every}


def settings_section(subject: CardSubject) -> str:
    """Return how everything was measured, a row for each benchmark."""
    rows = [_settings_row(cell) for cell in subject.model.every_cell()]
    header = (
        "Task", "Version", "Chat template", "Evaluated", "lm-eval", "Shots", "Runs"
    )  # fmt: skip
    return f"### Settings\n\n{table(header, rows, texts=5)}"


def _settings_row(cell: Cell) -> tuple[str, ...]:
    tasks = list(dict.fromkeys(one.task for one in cell.settings()))
    more = f" and {len(tasks) - 1} more" if tasks[1:] else ""
    versions = _each(one.version or "" for one in cell.settings())
    templates = _each(
        "yes" if one.chat_template else "no" for one in cell.settings()
    )  # fmt: skip
    runs = 1 if cell.benchmark.parts else len(cell.results)
    harness = _each(lm_eval_version(one.source()) for one in cell.results)
    return (
        f"{code(tasks[0])}{more}", escape_markdown(versions) or "–", templates,
        _each(map(_day, cell.results)) or "–",
        escape_markdown(harness) or "–", shots_of(cell), str(runs),
    )  # fmt: skip


def shots_of(cell: Cell) -> str:
    """Return the numbers of examples that a benchmark's results were had with."""
    return _each("–" if s.shots is None else str(s.shots) for s in cell.settings())


def with_deviation(measure: Measure | None) -> str:
    """Return a value, of several runs with the deviation over them."""
    if measure is None:
        return "–"
    sd = f" ± {measure.sd:.2f}" if measure.sd is not None else ""
    return f"{measure.value:.2f}{sd}"


def _day(result: Result) -> str:
    if not result.when:
        return ""
    return datetime.fromtimestamp(result.when, timezone.utc).strftime("%Y-%m-%d")


def _each(texts: Iterator[str] | Sequence[str]) -> str:
    """Return texts, each once; of many the first and the last."""
    found = sorted(dict.fromkeys(text for text in texts if text))
    return ", ".join(found) if len(found) < 4 else f"{found[0]} … {found[-1]}"


def _marked(subject: CardSubject, benchmark: str) -> bool:
    return is_marked(subject.model, benchmark)
