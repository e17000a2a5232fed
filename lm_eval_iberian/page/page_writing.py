"""Writes the page: the frame, with tables, pictures and rows put into it."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from lm_eval_iberian import __version__
from lm_eval_iberian.comparison.comparing import ComparisonReport
from lm_eval_iberian.page.page_tables import (
    LANGUAGES,
    better,
    language_of,
    tables_of,
)
from lm_eval_iberian.page.row_chunks import BenchmarkRows, Packed, pack
from lm_eval_iberian.page.stored_answers import Json, answer_of, item_of
from lm_eval_iberian.page.visible_text import script_json, visible
from lm_eval_iberian.report import Note, Report, SweepReport, notes_with, write
from lm_eval_iberian.report.issue import KINDS


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
_FIRST: Final = ("mixed", "unpaired", "limit", "settings", "incomplete", "bad file")


@dataclass(frozen=True)
class NoteGroup:
    """The notes of one kind."""

    kind: str
    title: str
    notes: tuple[Note, ...]


def write_page(
    comparison: ComparisonReport,
    report: Report,
    sweeps: Sequence[SweepReport],
    out: Path,
) -> None:
    """Write the page of a comparison, whole or not at all.

    Args:
        comparison: What was compared.
        report: The averages that it is of.
        sweeps: The sweeps among them, for their notes and pictures.
        out: The file to write.

    Raises:
        DataError: It cannot be written there, or is one of the files it is made of.
    """
    text = page_text(comparison, report, sweeps)
    write(text, out, (*comparison.inputs, *report.inputs))


def page_text(
    comparison: ComparisonReport,
    report: Report,
    sweeps: Sequence[SweepReport] = (),
    *,
    limit: int = PAGE_LIMIT,
    pictures: Mapping[str, bytes] | None = None,
) -> str:
    """Return the page of a comparison: the same input, the same text.

    Args:
        comparison: What was compared.
        report: The averages that it is of.
        sweeps: The sweeps among them.
        limit: How many bytes it may take. What does not fit is left out, rows of least
            interest first, and the page says so.
        pictures: SVGs by their titles.
    """
    data = tables_of(comparison)
    frame = _frame(comparison, report, sweeps, data, pictures or {})
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
    pictures: Mapping[str, bytes],
) -> _Frame:
    style = (_ASSETS / "page.css").read_text("utf-8")
    parts = [(_ASSETS / name).read_text("utf-8") for name in _SCRIPTS]
    script = f'"use strict";\n(() => {{\n{"".join(parts)}}})();\n'
    catalogue = comparison.comparer.catalogue
    signs = Counter(better(row, catalogue) for row in comparison.rows)
    levels = Counter(row.level for row in comparison.rows)
    told = sum(row.p_holm is not None for row in comparison.rows)
    notes = [*comparison.notes, *notes_with(report, sweeps)]
    return _Frame(
        {
            # files of the package, and nothing of anybody's in them
            "style": Markup(style),  # noqa: S704
            "script": Markup(script),  # noqa: S704
            "style_hash": _hash(style),
            "script_hash": _hash(script),
            "baseline": comparison.baseline,
            "models": [one["name"] for one in data["models"]],
            "compared": levels["benchmark"] + levels["average"] + levels["mini"],
            "told": told,
            "better": signs[1],
            "worse": signs[-1],
            "unpaired": sum(not row.difference.paired for row in comparison.rows),
            "mixed": sum(bool(row.mixed) for row in comparison.rows),
            "groups": list(_grouped(notes)),
            "pictures": [
                (title, base64.b64encode(svg).decode())
                for title, svg in pictures.items()
            ],
            "no_pictures": "There are none in this page.",
            "version": __version__,
        }
    )


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _grouped(notes: Sequence[Note]) -> Iterator[NoteGroup]:
    """Yield the notes by kind, those first that bear on every number."""
    kinds = dict.fromkeys(note.kind for note in notes)
    order = [kind for kind in _FIRST if kind in kinds]
    for kind in (*order, *(kind for kind in kinds if kind not in order)):
        same = dict.fromkeys(note for note in notes if note.kind == kind)
        yield NoteGroup(kind, KINDS.get(kind, kind), tuple(same))


def _rows(comparison: ComparisonReport) -> list[BenchmarkRows]:
    """Return the rows of every benchmark that samples lie beside."""
    comparer = comparison.comparer
    catalogue = comparer.catalogue
    names = [
        comparison.baseline,
        *(name for name in comparer.subjects if name != comparison.baseline),
    ]
    places = {name: at for at, name in enumerate(comparer.subjects)}
    found = []
    for key, one in {**catalogue.benchmarks, **catalogue.minis()}.items():
        metric = catalogue.kind_of(one).metrics[0]
        known = catalogue.metrics[metric]
        lang = language_of(one)
        title = f"{one.name}, {LANGUAGES.get(one.lang, one.lang)}"
        rows = BenchmarkRows(
            {
                "key": key, "title": title, "lang": lang,
                "metric": _SENTENCE if known.form == "texts" else known.label,
                "low": int(known.lower_is_better and known.form != "texts"),
                "mt": int(one.lang == "mt"),
            }
        )  # fmt: skip
        for name in names:
            model = comparer.subjects[name].model
            if key not in model.cells and key not in model.minis:
                continue
            for run, samples in enumerate(comparer.rows(name, key)):
                pairs = [
                    (item_of(row), answer_of(row, metric, known.form, one.lang))
                    for row in samples
                ]
                if pairs:
                    rows.add(places[name], run, pairs)
        if rows.runs:
            found.append(rows)
    return found
