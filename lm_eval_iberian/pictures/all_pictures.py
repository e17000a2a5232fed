"""Every picture that the data allows, as files and for a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lm_eval_iberian.comparison import Comparer
from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.pictures import (
    language_scores,
    tradeoff_plot,
    weight_plot,
)
from lm_eval_iberian.pictures.health_rates import draw_health, gather_health
from lm_eval_iberian.pictures.instruction_heat_map import draw_instructions
from lm_eval_iberian.pictures.instruction_kinds import gather_instructions
from lm_eval_iberian.pictures.models_shown import (
    ModelChoice,
    best_models,
)
from lm_eval_iberian.pictures.picture_files import as_bytes
from lm_eval_iberian.pictures.picture_style import picture_style
from lm_eval_iberian.pictures.tradeoff import Tradeoff
from lm_eval_iberian.pictures.tradeoff_gathering import (
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
        UnknownNameError: There is no such model as the baseline.
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
    """Yield every picture that the data allows; the arguments are ``draw_all``'s.

    Raises:
        UnknownNameError: There is no such model as the baseline.
    """
    choice = ModelChoice(comparer, best_models(sweeps))
    if baseline and baseline not in comparer.subjects:
        raise UnknownNameError("model", baseline, comparer.subjects)
    for number, sweep in enumerate(sweeps, 1):
        ending = "" if len(sweeps) == 1 else f"_{number}"
        yield from _if_possible(
            partial(_curves, f"weight_curves{ending}", sweep, comparer),
            weight_plot.TITLE, on_left_out,
        )  # fmt: skip
        yield from _if_possible(
            partial(
                _tradeoff, f"tradeoff{ending}", on_left_out, gather_tradeoff, comparer,
                sweep,
            ),
            tradeoff_plot.TITLE, on_left_out,
        )  # fmt: skip
    if not sweeps:
        yield from _if_possible(
            partial(_model_tradeoff, on_left_out, comparer, choice, baseline),
            tradeoff_plot.TITLE, on_left_out,
        )  # fmt: skip
    for draw, title in (
        (_languages, language_scores.TITLE),
        (_instructions, "Instructions followed by kind"),
        (_health, "Health of answers"),
    ):
        yield from _if_possible(partial(draw, comparer, choice), title, on_left_out)


def _if_possible(
    make: Callable[[], Iterator[Drawing]], title: str, on_left_out: OnLeftOut
) -> Iterator[Drawing]:
    """Yield drawings, or say why there is none."""
    found = False
    try:
        for one in make():
            found = True
            yield one
        if not found:
            on_left_out(f"{title}: no model has samples of such answers")
    except DataError as error:
        on_left_out(f"{title}: {error}")


def _curves(key: str, sweep: SweepReport, comparer: Comparer) -> Iterator[Drawing]:
    data = gather_curves(sweep, comparer)
    draw = partial(weight_plot.draw_curves, data)
    yield Drawing(key, weight_plot.TITLE, data.caption, draw)


def _tradeoff(
    key: str, on_left_out: OnLeftOut, gather: Callable[..., Tradeoff], *given: Any
) -> Iterator[Drawing]:
    data = gather(*given)
    for name, reason in data.left_out:
        on_left_out(f"{tradeoff_plot.TITLE}, {name}: {reason}")
    draw = partial(tradeoff_plot.draw_tradeoff, data)
    yield Drawing(key, tradeoff_plot.TITLE, data.caption, draw)


def _model_tradeoff(
    on_left_out: OnLeftOut, comparer: Comparer, choice: ModelChoice, baseline: str
) -> Iterator[Drawing]:
    models = choice.having(lambda model: bool(model.averages)).models
    known = [one.name for one in models if one.role == "instruct"]
    chosen = baseline or (known[0] if len(known) == 1 else "")
    if not chosen:
        raise DataError("it is not said which of the models is the instructed one")
    yield from _tradeoff(
        "tradeoff", on_left_out, gather_model_tradeoff, comparer, models, chosen
    )


def _languages(comparer: Comparer, choice: ModelChoice) -> Iterator[Drawing]:
    data = language_scores.gather_language_scores(comparer, choice)
    draw = partial(language_scores.draw_language_scores, data)
    yield Drawing("language_scores", language_scores.TITLE, data.caption, draw)


def _instructions(comparer: Comparer, choice: ModelChoice) -> Iterator[Drawing]:
    for data in gather_instructions(comparer, choice):
        draw = partial(draw_instructions, data)
        yield Drawing(f"instructions_{data.key}", data.title, data.caption, draw)


def _health(comparer: Comparer, choice: ModelChoice) -> Iterator[Drawing]:
    for data in gather_health(comparer, choice):
        draw = partial(draw_health, data)
        yield Drawing(f"health_{data.key}", data.title, data.caption, draw)
