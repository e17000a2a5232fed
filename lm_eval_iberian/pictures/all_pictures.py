"""Every picture that the data allows, as files and for a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lm_eval_iberian.comparison.comparing import Comparer
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.pictures import (
    language_scores,
    tradeoff_plot,
    weight_plot,
)
from lm_eval_iberian.pictures.health_rates import draw_health, gather_health
from lm_eval_iberian.pictures.instruction_heat_map import (
    draw_instructions,
    gather_instructions,
)
from lm_eval_iberian.pictures.models_shown import ModelsShown, models_shown
from lm_eval_iberian.pictures.picture_files import as_bytes
from lm_eval_iberian.pictures.picture_style import picture_style
from lm_eval_iberian.pictures.tradeoff import (
    Tradeoff,
    gather_model_tradeoff,
    gather_tradeoff,
)
from lm_eval_iberian.pictures.weight_curves import gather_curves
from lm_eval_iberian.report.formats import write
from lm_eval_iberian.report.model_report import Report
from lm_eval_iberian.report.sweep_report import SweepReport


@dataclass(frozen=True)
class Drawing:
    """A picture that can be drawn.

    Args:
        key: What its files are named for; no two of a report share it.
        title: What it is.
        caption: What a reader must know.
        draw: Returns the figure.
    """

    key: str
    title: str
    caption: str
    draw: Callable[[], Any]


@dataclass(frozen=True)
class Picture:
    """A picture that was written, as an SVG and, beside it, as a PNG of the same name.

    Args:
        path: The SVG, which can stand inside of a page as it is.
        title: What it is.
        caption: What a reader must know.
    """

    path: Path
    title: str
    caption: str


OnLeftOut = Callable[[str], None]


def say_nothing(reason: str) -> None:
    """Let a picture be left out without a word."""


def draw_all(
    comparer: Comparer,
    report: Report,
    sweeps: Sequence[SweepReport],
    into: Path,
    *,
    baseline: str = "",
    on_left_out: OnLeftOut = say_nothing,
) -> list[Picture]:
    """Write every picture that the data allows.

    Args:
        comparer: Who knows the models and their items.
        report: What they scored.
        sweeps: The sweeps that are among them.
        into: The folder for the files; made if it is not there.
        baseline: The instructed model outside of sweeps; left out, the one that has the
            role.
        on_left_out: Told why a picture is left out.

    Raises:
        MissingExtraError: matplotlib is not installed.
        DataError: A file cannot be written.
    """
    try:
        into.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{into} cannot be made: {error.strerror}") from error
    found = []
    for one in drawings(comparer, report, sweeps, baseline, on_left_out):
        with picture_style(one.key):
            figure = one.draw()
            for form in ("svg", "png"):
                path = into / f"{one.key}.{form}"
                data = as_bytes(figure, form, one.key, one.title)
                write(data, path, report.inputs)
        found.append(Picture(into / f"{one.key}.svg", one.title, one.caption))
    return found


def svg_of(drawing: Drawing) -> str:
    """Return a picture as an SVG that can stand inside of a page beside others.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    with picture_style(drawing.key):
        found = as_bytes(drawing.draw(), "svg", drawing.key, drawing.title)
    return found.decode("utf-8")


def drawings(
    comparer: Comparer,
    report: Report,
    sweeps: Sequence[SweepReport],
    baseline: str = "",
    on_left_out: OnLeftOut = say_nothing,
) -> Iterator[Drawing]:
    """Yield every picture that the data allows; the arguments are ``draw_all``'s."""
    models = models_shown(comparer, sweeps)
    for number, sweep in enumerate(sweeps, 1):
        ending = "" if len(sweeps) == 1 else f"_{number}"
        try:
            curves = gather_curves(sweep, comparer)
        except DataError as error:
            on_left_out(f"{weight_plot.TITLE}: {error}")
        else:
            yield Drawing(
                f"weight_curves{ending}", weight_plot.TITLE, curves.caption,
                partial(weight_plot.draw_curves, curves),
            )  # fmt: skip
        yield from _tradeoff(
            f"tradeoff{ending}", partial(gather_tradeoff, comparer, sweep), on_left_out
        )
    if not sweeps:
        yield from _model_tradeoff(comparer, models, baseline, on_left_out)
    try:
        scores = language_scores.gather_language_scores(comparer, models)
    except DataError as error:
        on_left_out(f"{language_scores.TITLE}: {error}")
    else:
        yield Drawing(
            "language_scores", language_scores.TITLE, scores.caption,
            partial(language_scores.draw_language_scores, scores),
        )  # fmt: skip
    count = 0
    for kinds in gather_instructions(comparer, models):
        count += 1
        yield Drawing(
            f"instructions_{kinds.key}", kinds.title, kinds.caption,
            partial(draw_instructions, kinds),
        )  # fmt: skip
    if not count:
        on_left_out("Instructions followed by kind: no samples of IFEval")
    count = 0
    for health in gather_health(comparer, models):
        count += 1
        yield Drawing(
            f"health_{health.key}", health.title, health.caption,
            partial(draw_health, health),
        )  # fmt: skip
    if not count:
        on_left_out("Health of answers: no answers were examined")


def _model_tradeoff(
    comparer: Comparer, models: ModelsShown, baseline: str, on_left_out: OnLeftOut
) -> Iterator[Drawing]:
    known = [one.name for one in models.models if one.role == "instruct"]
    chosen = baseline or (known[0] if len(known) == 1 else "")
    if not chosen:
        on_left_out(
            f"{tradeoff_plot.TITLE}: it is not said which of the models is the"
            " instructed one"
        )
        return
    yield from _tradeoff(
        "tradeoff", partial(gather_model_tradeoff, comparer, models, chosen),
        on_left_out,
    )  # fmt: skip


def _tradeoff(
    key: str, gather: Callable[[], Tradeoff], on_left_out: OnLeftOut
) -> Iterator[Drawing]:
    try:
        found = gather()
    except DataError as error:
        on_left_out(f"{tradeoff_plot.TITLE}: {error}")
        return
    draw = partial(tradeoff_plot.draw_tradeoff, found)
    yield Drawing(key, tradeoff_plot.TITLE, found.caption, draw)
