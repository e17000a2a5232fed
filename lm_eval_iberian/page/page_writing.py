"""Writes the page: the frame, with tables, pictures and rows put into it."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from lm_eval_iberian import __version__
from lm_eval_iberian.comparison import (
    Comparer,
    ComparisonReport,
    SampleRow,
)
from lm_eval_iberian.errors import DataError, MissingExtraError
from lm_eval_iberian.page.page_tables import (
    better,
    language_of,
    page_languages,
    tables_of,
)
from lm_eval_iberian.page.row_chunks import Packed, pack
from lm_eval_iberian.page.stored_answers import Json, answer_of, item_of
from lm_eval_iberian.page.thinned_rows import BenchmarkRows, RowSource
from lm_eval_iberian.page.visible_text import script_json, visible
from lm_eval_iberian.pictures import Picture, drawings, svg_of
from lm_eval_iberian.report import Note, Report, SweepReport, notes_with, write
from lm_eval_iberian.report.issue import KINDS
from lm_eval_iberian.report.reported_benchmark import ReportedBenchmark


# in bytes: what a browser opens without a pause, and a mailbox takes
PAGE_LIMIT: Final = 30_000_000
_ASSETS: Final = Path(__file__).parent / "assets"
# in the order in which they use each other
_SCRIPTS: Final = (
    "elements.js", "sorted_table.js", "details.js", "score_tables.js", "rows.js",
    "start.js",
)  # fmt: skip
# BLEU says nothing of one sentence
_SENTENCE: Final = "chrF++ of the sentence"
# of these a reader must know before any number
_FIRST: Final = (
    "mixed", "not paired", "not compared", "limit", "settings", "incomplete",
    "bad file",
)  # fmt: skip
_TITLES: Final = KINDS | {
    "mixed": "results under different settings",
    "not paired": "comparisons without items that both have",
    "not compared": "what only one of two models has",
    "interval": "intervals that need a word",
}


@dataclass(frozen=True)
class NoteGroup:
    """The notes of one kind."""

    kind: str
    title: str
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class DrawnPictures:
    """The pictures of a page.

    Args:
        drawn: Title, caption and SVG of each, the SVG in base64: as an image it has
            neither scripts nor styles that reach the page.
        without: Why others are not there.
    """

    drawn: tuple[tuple[str, str, str], ...] = ()
    without: tuple[str, ...] = ()


def write_page(
    comparison: ComparisonReport,
    report: Report,
    sweeps: Sequence[SweepReport],
    out: Path,
    drawn: DrawnPictures | None = None,
) -> None:
    """Write the page of a comparison, whole or not at all.

    Args:
        comparison: What was compared.
        report: The averages that it is of.
        sweeps: The sweeps among them, for their notes and pictures.
        out: The file to write.
        drawn: The pictures, where they are drawn already.

    Raises:
        DataError: It cannot be written there, or is one of the files it is made of.
    """
    text = page_text(comparison, report, sweeps, drawn=drawn)
    write(text, out, (*comparison.inputs, *report.inputs))


def page_text(
    comparison: ComparisonReport,
    report: Report,
    sweeps: Sequence[SweepReport] = (),
    *,
    limit: int = PAGE_LIMIT,
    drawn: DrawnPictures | None = None,
) -> str:
    """Return the page of a comparison: the same input, the same text.

    Args:
        comparison: What was compared.
        report: The averages that it is of.
        sweeps: The sweeps among them.
        limit: How many bytes it may take. What does not fit is left out, rows of least
            interest first, and the page says so.
        drawn: The pictures, where they are drawn already.

    Raises:
        DataError: Samples cannot be used.
    """
    data = tables_of(comparison)
    pictures = drawn or _drawn(comparison, report, sweeps)
    frame = _frame(comparison, report, sweeps, data, pictures)
    without = frame.render(packed=Packed((), (), ()), data=script_json(data))
    room = limit - len(without.encode()) - 4096
    packed = pack(_rows(comparison), data["baseline"], room)
    data["rows"] = list(packed.benchmarks)
    return frame.render(packed=packed, data=script_json(data))


class _Frame:
    """The template with everything but rows in it."""

    def __init__(self, values: Json) -> None:
        environment = Environment(
            loader=FileSystemLoader(_ASSETS),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters["visible"] = visible
        self.template = environment.get_template("page.html")
        self.values = values

    def render(self, packed: Packed, data: str) -> str:
        """Return the page with rows and the data of its tables."""
        # `script_json` leaves nothing in it that could end a script
        safe = Markup(data)  # noqa: S704
        return self.template.render(self.values | {"packed": packed, "data": safe})


def _frame(
    comparison: ComparisonReport,
    report: Report,
    sweeps: Sequence[SweepReport],
    data: Json,
    pictures: DrawnPictures,
) -> _Frame:
    style = (_ASSETS / "page.css").read_text("utf-8")
    parts = [(_ASSETS / name).read_text("utf-8") for name in _SCRIPTS]
    script = f'"use strict";\n(() => {{\n{"".join(parts)}}})();\n'
    catalogue = comparison.comparer.catalogue
    signs = Counter(better(row, catalogue) for row in comparison.rows)
    levels = Counter(row.level for row in comparison.rows)
    tested = sum(row.p_holm is not None for row in comparison.rows)
    others = {row.b for row in comparison.rows}
    told = {(note.kind, note.text) for note in comparison.notes}
    of_report = notes_with(report, sweeps)
    notes = [
        *comparison.notes, *(n for n in of_report if (n.kind, n.text) not in told)
    ]  # fmt: skip
    return _Frame(
        {
            # files of the package, and nothing of anybody's in them
            "style": Markup(style),  # noqa: S704
            "script": Markup(script),  # noqa: S704
            "style_hash": _hash(style),
            "script_hash": _hash(script),
            "baseline": comparison.baseline,
            "others": len(others),
            "alone": len(data["models"]) - 1 - len(others),
            "compared": levels["benchmark"] + levels["average"] + levels["mini"],
            "tested": tested,
            "better": signs[1],
            "worse": signs[-1],
            "unpaired": sum(not row.difference.paired for row in comparison.rows),
            "mixed": sum(bool(row.mixed) for row in comparison.rows),
            "groups": list(_grouped(notes)),
            "pictures": pictures.drawn,
            "without": pictures.without,
            "version": __version__,
        }
    )


def _drawn(
    comparison: ComparisonReport, report: Report, sweeps: Sequence[SweepReport]
) -> DrawnPictures:
    """Return every picture that the data allow."""
    found: list[tuple[str, str, str]] = []
    without: list[str] = []
    try:
        for one in drawings(
            comparison.comparer, report, sweeps, comparison.baseline, without.append
        ):  # fmt: skip
            svg = base64.b64encode(svg_of(one).encode()).decode()
            found.append((one.title, one.caption, svg))
    except MissingExtraError as error:
        return DrawnPictures((), (str(error),))
    return DrawnPictures(tuple(found), tuple(without))


def embedded(picture: Picture) -> tuple[str, str, str]:
    """Return a picture that was drawn as :class:`DrawnPictures` has it."""
    svg = base64.b64encode(picture.path.read_bytes()).decode()
    return picture.title, picture.caption, svg


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _grouped(notes: Sequence[Note]) -> Iterator[NoteGroup]:
    """Yield the notes by kind, those first that bear on every number."""
    kinds = dict.fromkeys(note.kind for note in notes)
    order = [kind for kind in _FIRST if kind in kinds]
    for kind in (*order, *(kind for kind in kinds if kind not in order)):
        same = dict.fromkeys(note for note in notes if note.kind == kind)
        title = _TITLES.get(kind, kind)
        yield NoteGroup(kind, title[:1].upper() + title[1:], tuple(same))


def _samples(comparer: Comparer, name: str, key: str) -> list[list[SampleRow]]:
    """Return samples; none where they cannot be used and that is no matter."""
    try:
        return comparer.rows(name, key)
    except DataError:
        if not comparer.options.keep_going:
            raise
        return []


def _rows(comparison: ComparisonReport) -> list[RowSource]:
    """Return where the rows of every benchmark are from that samples lie beside."""
    catalogue = comparison.comparer.catalogue
    models = [one.model for one in comparison.comparer.subjects.values()]
    return [
        partial(_benchmark_rows, comparison, one)
        for key, one in catalogue.every().items()
        if any(model.cell(key) is not None for model in models)
    ]


def _benchmark_rows(
    comparison: ComparisonReport, benchmark: ReportedBenchmark
) -> BenchmarkRows:
    """Return what all models answered to a benchmark, the baseline's items first."""
    comparer, key = comparison.comparer, benchmark.id
    name = comparer.catalogue.kind_of(benchmark).metrics[0]
    metric = comparer.catalogue.metrics[name]
    texts = metric.form == "texts"
    lang = language_of(benchmark)
    rows = BenchmarkRows(
        {
            "key": key,
            "title": f"{benchmark.name}, {page_languages().get(benchmark.lang, lang)}",
            "lang": lang,
            "metric": _SENTENCE if texts else metric.label,
            "low": int(metric.lower_is_better and not texts),
            "mt": int(benchmark.lang == "mt"),
        }
    )
    places = {one: at for at, one in enumerate(comparer.subjects)}
    for one in sorted(places, key=lambda one: one != comparison.baseline):
        if comparer.subjects[one].model.cell(key) is None:
            continue
        for run, samples in enumerate(_samples(comparer, one, key)):
            pairs = [
                (item_of(row), answer_of(row, name, metric.form, benchmark.lang))
                for row in samples
            ]
            if pairs:
                rows.add(places[one], run, pairs)
    return rows
