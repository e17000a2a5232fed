"""Which kinds of instructions models follow: a heat map of shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval_iberian.comparison.comparing import Comparer
from lm_eval_iberian.comparison.sample_row import SampleRow
from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.ifeval.registry import INSTRUCTIONS, resolve
from lm_eval_iberian.pictures.models_shown import ModelsShown
from lm_eval_iberian.pictures.picture_labels import (
    fitted,
    fitted_names,
    width_of,
)
from lm_eval_iberian.pictures.picture_style import (
    GREY,
    INK,
    LARGE,
    SMALL,
    axes_at,
    new_figure,
    write_at,
)
from lm_eval_iberian.report.tables import LANGUAGES


METRIC = "inst_level_strict_acc"
# in inches
_CELL, _ROW, _NAME, _EDGE, _GAP = 0.38, 0.21, 2.8, 0.15, 0.5
# black letters on a colour of this luminance are as easy to read as white ones
_DARK = 0.18


@dataclass(frozen=True)
class TypeRow:
    """A kind of instruction.

    Args:
        family: Which it belongs to.
        name: What it is called within it.
        n: How many there are of it; ``3–5`` where models were given different ones.
        shares: How many each model followed, in per cent; ``None``: was given none.
    """

    family: str
    name: str
    n: str
    shares: tuple[float | None, ...]


@dataclass(frozen=True)
class InstructionHeatMap:
    """The kinds of instructions in one set of prompts.

    Args:
        key: What the picture's file is named for.
        title: Which prompts.
        models: The models.
        rows: The kinds, those of a family together; the last is all of them.
    """

    key: str
    title: str
    models: ModelsShown
    rows: tuple[TypeRow, ...]

    @property
    def caption(self) -> str:
        """What a reader must know."""
        return (
            "Instructions followed, in per cent, strict, by kind; n: how many of them"
            " each model was given, in a run. Hatched: none."
            f"{self.models.sentence}"
        )


def gather_instructions(
    comparer: Comparer, models: ModelsShown
) -> Iterator[InstructionHeatMap]:
    """Yield the kinds of instructions of every set of prompts that has samples.

    Raises:
        DataError: A sample has not a verdict for each of its instructions.
    """
    catalogue = comparer.catalogue
    for listed in (catalogue.benchmarks, catalogue.minis()):
        for key, benchmark in listed.items():
            if METRIC not in catalogue.kind_of(benchmark).metrics:
                continue
            found = [verdicts(comparer.rows(one.name, key)) for one in models.models]
            if any(found):
                lang = LANGUAGES.get(benchmark.lang, benchmark.lang)
                rows = tuple(_rows(found))
                title = f"{benchmark.name}, {lang}: instructions followed, %"
                yield InstructionHeatMap(key, title, models, rows)


Verdicts = Mapping[str, Sequence[Sequence[bool]]]


def verdicts(runs: Sequence[Sequence[SampleRow]]) -> Verdicts:
    """Return the verdicts on every kind of instruction, a list for each run.

    Raises:
        DataError: A sample has not a verdict for each of its instructions.
    """
    found: dict[str, list[list[bool]]] = {}
    for at, run in enumerate(runs):
        for row in run:
            document = row.sample.get("doc")
            ids = document.get("instruction_id_list") if document else None
            said = row.sample.get(METRIC)
            if not isinstance(ids, list) or not isinstance(said, list):
                raise DataError(
                    f"{row.where}: the sample has no doc.instruction_id_list, or no"
                    f" {METRIC}"
                )
            if len(ids) != len(said):
                raise DataError(
                    f"{row.where}: the sample has {len(ids)} instructions and"
                    f" {len(said)} verdicts"
                )
            for name, followed in zip(ids, said, strict=True):
                of_type = found.setdefault(_type(name), [[] for _ in runs])
                of_type[at].append(bool(followed))
    return found


def _type(name: object) -> str:
    """Return the kind of an instruction; of others' kinds, without their language."""
    try:
        return resolve(str(name)).id
    except UnknownNameError:
        return ":".join(str(name).split(":")[-2:])


def _rows(found: Sequence[Verdicts]) -> Iterator[TypeRow]:
    there = {name for one in found for name in one}
    known = [name for name in INSTRUCTIONS if name in there]
    names = [*known, *sorted(there - set(known))]
    families = dict.fromkeys(name.partition(":")[0] for name in names)
    for family in families:
        for name in names:
            if name.partition(":")[0] == family:
                runs = [one.get(name, ()) for one in found]
                yield _row(family, name.partition(":")[2] or name, runs)
    whole = []
    for one in found:
        count = max((len(runs) for runs in one.values()), default=0)
        whole.append([[v for r in one.values() for v in r[at]] for at in range(count)])
    yield _row("", "all instructions", whole)


def _row(family: str, name: str, found: Sequence[Sequence[Sequence[bool]]]) -> TypeRow:
    shares: list[float | None] = []
    counts = set()
    for runs in found:
        every = [verdict for run in runs for verdict in run]
        shares.append(100 * sum(every) / len(every) if every else None)
        counts |= {len(run) for run in runs if run}
    least, most = min(counts), max(counts)
    n = str(least) if least == most else f"{least}–{most}"
    # Google's ids say it of every language
    told = name.removeprefix("english_").replace("_", " ")
    return TypeRow(family, told, n, tuple(shares))


def draw_instructions(data: InstructionHeatMap) -> Any:
    """Return the figure; to be called within ``picture_style``."""
    models = data.models.models
    names = fitted_names([one.name for one in models], _NAME)
    shown = [fitted(row.name, 3.0) for row in data.rows]
    count = max(width_of(row.n, SMALL) for row in data.rows)
    left = _EDGE + max(map(width_of, shown)) + 0.2 + count + 0.14
    families = list(dict.fromkeys(row.family for row in data.rows))
    high = (len(data.rows) + len(families)) * _ROW
    head = 0.34 + max(map(width_of, names.values())) + 0.1
    wide = left + len(models) * _CELL + _EDGE + 0.1
    figure = new_figure(max(wide, left + 1.6, 4.6), head + high + _GAP + _EDGE)
    room = float(figure.get_size_inches()[0]) - 2 * _EDGE
    title = fitted(data.title, room, LARGE)
    write_at(figure, _EDGE, _EDGE, title, size=LARGE, va="top")
    axes = axes_at(figure, left, head, len(models) * _CELL, high)
    axes.set_xlim(0, len(models))
    axes.set_ylim(len(data.rows) + len(families), 0)
    axes.axis("off")
    for at, one in enumerate(models):
        write_at(
            figure, left + (at + 0.5) * _CELL, head - 0.06, names[one.name],
            rotation=90, ha="center", va="bottom",
        )  # fmt: skip
    write_at(
        figure, left - 0.1, head - 0.06, "n", size=SMALL, color=GREY, ha="right",
        va="bottom",
    )  # fmt: skip
    place, family = 0, None
    for row, name in zip(data.rows, shown, strict=True):
        if row.family != family:
            family = row.family
            text = fitted(family.replace("_", " "), left - _EDGE - 0.1)
            write_at(
                figure, _EDGE, head + (place + 0.58) * _ROW, text, weight="bold",
                va="center_baseline",
            )  # fmt: skip
            place += 1
        middle = head + (place + 0.5) * _ROW
        write_at(figure, _EDGE + 0.1, middle, name, va="center_baseline")
        write_at(
            figure, left - 0.1, middle, row.n, size=SMALL, color=GREY, ha="right",
            va="center_baseline",
        )  # fmt: skip
        for x, share in enumerate(row.shares):
            _cell(axes, x, place, share)
        place += 1
    _scale(figure, left, head + high + 0.16)
    return figure


def _cell(axes: Any, x: float, y: float, share: float | None) -> None:
    from matplotlib import colormaps
    from matplotlib.patches import Rectangle

    if share is None:
        axes.add_patch(
            Rectangle(
                (x + 0.03, y + 0.03), 0.94, 0.94, linewidth=0, facecolor="white",
                edgecolor="#9a9a9a", hatch="//////",
            )
        )  # fmt: skip
        return
    colour = colormaps["cividis"](share / 100)
    axes.add_patch(Rectangle((x, y), 1, 1, facecolor=colour, edgecolor="white"))
    red, green, blue = (part**2.2 for part in colour[:3])
    dark = 0.2126 * red + 0.7152 * green + 0.0722 * blue < _DARK
    axes.text(
        x + 0.5, y + 0.5, f"{share:.0f}", size=SMALL, ha="center",
        va="center_baseline", color="white" if dark else INK,
    )  # fmt: skip


def _scale(figure: Any, left: float, top: float) -> None:
    """Draw what the colours stand for."""
    from matplotlib import colormaps
    from matplotlib.patches import Rectangle

    axes = axes_at(figure, left, top, 1.2, 0.1)
    for step in range(21):
        colour = colormaps["cividis"](step / 20)
        axes.add_patch(Rectangle((step, 0), 1, 1, facecolor=colour, edgecolor=colour))
    axes.set_xlim(0, 21)
    axes.set_ylim(0, 1)
    axes.axis("off")
    for place, text in ((0.0, "0"), (0.6, "50"), (1.2, "100 %")):
        write_at(
            figure, left + place, top + 0.13, text, size=SMALL, va="top", ha="center"
        )
