"""The demo's table, as text, Markdown and JSON, and its plot."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from lm_eval_iberian.demo.evaluate import IFEVAL, INSTRUCTIONS, perplexity
from lm_eval_iberian.files import write_whole


@dataclass(frozen=True)
class Line:
    """What one model scored, seen from one language.

    Shares are per cent, perplexities per UTF-8 byte of the held-out passages; an answer
    stops that neither runs on nor reaches the limit of tokens.
    """

    lang: str
    model: str
    ifeval_eu: float
    instructions_en: float
    instructions_en_stderr: float
    stops_eu: float
    stops_en: float
    perplexity_lang: float
    perplexity_en: float


HEADER = (
    "lang",
    "model",
    "IFEval eu\nmini % ↑",
    "English in-\nstructions % ↑",
    "stops\neu % ↑",
    "stops\nen % ↑",
    "perplexity\nof lang ↓",
    "perplexity\nof en ↓",
)


def line(lang: str, model: str, results: dict[str, dict[str, Any]]) -> Line:
    """Pick a line's numbers from the results of one ``lm_eval`` run."""
    instructions = results[INSTRUCTIONS]
    return Line(
        lang=lang,
        model=model,
        ifeval_eu=100 * results[IFEVAL]["inst_level_strict_acc"],
        instructions_en=100 * instructions["prompt_level_strict_acc"],
        instructions_en_stderr=100 * instructions["prompt_level_strict_acc_stderr"],
        stops_eu=100 * results[IFEVAL]["stop_rate"],
        stops_en=100 * instructions["stop_rate"],
        perplexity_lang=results[perplexity(lang)]["byte_perplexity"],
        perplexity_en=results[perplexity("en")]["byte_perplexity"],
    )


def cells(row: Line) -> tuple[str, ...]:
    """Return a line as the texts of a table."""
    return (
        row.lang,
        row.model,
        f"{row.ifeval_eu:.1f}",
        f"{row.instructions_en:.0f} ± {row.instructions_en_stderr:.0f}",
        f"{row.stops_eu:.0f}",
        f"{row.stops_en:.0f}",
        f"{row.perplexity_lang:.2f}",
        f"{row.perplexity_en:.2f}",
    )


def as_table(lines: Sequence[Line]) -> Table:
    """Return the lines as a table for the terminal."""
    table = Table(box=None, pad_edge=False)
    for name in HEADER:
        left = name in HEADER[:2]
        table.add_column(name, justify="left" if left else "right", no_wrap=left)
    for before, row in zip([None, *lines], lines, strict=False):
        if before is not None and before.lang != row.lang:
            table.add_row()
        table.add_row(*cells(row))
    return table


def as_markdown(lines: Sequence[Line]) -> str:
    """Return the lines as a Markdown table."""
    rule = ["---", "---"] + ["---:"] * (len(HEADER) - 2)
    header = [name.replace("-\n", "").replace("\n", " ") for name in HEADER]
    rows = [header, rule, *(cells(row) for row in lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def write(lines: Sequence[Line], out: Path) -> list[Path]:
    """Write table.md, table.json and tradeoff.png into ``out``; return their paths."""
    text, table, plot = (out / n for n in ("table.md", "table.json", "tradeoff.png"))
    write_whole(text, as_markdown(lines))
    rows = [asdict(row) for row in lines]
    write_whole(table, json.dumps(rows, indent=2, ensure_ascii=False))
    draw(lines, plot)
    return [text, table, plot]


def draw(lines: Sequence[Line], path: Path) -> None:
    """Plot instructions followed against perplexity, a panel for each language."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    languages = list(dict.fromkeys(row.lang for row in lines))
    figure = Figure(figsize=(5.2 * len(languages), 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(languages), sharey=True, squeeze=False)[0]
    for panel, lang in zip(panels, languages, strict=True):
        _panel(panel, lang, [row for row in lines if row.lang == lang])
    panels[0].set_ylabel("English instructions followed, %")
    names, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        names, labels, loc="outside lower center", ncols=3, fontsize=9, frameon=False
    )
    figure.suptitle("Merging an instructed model with a language expert", fontsize=11)
    picture = io.BytesIO()
    figure.savefig(picture, dpi=160, format="png")
    write_whole(path, picture.getvalue())


# Okabe and Ito's palette: told apart by colour-blind readers too
_COLOURS = ("#000000", "#7f7f7f", "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7")
_MARKS = ("s", "D", "o", "^", "v", "P", "X")


_TICKS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 200, 500, 1000, 10_000)


def _spans(rows: Sequence[Line], value: float) -> bool:
    found = [row.perplexity_lang for row in rows]
    return 0.8 * min(found) <= value <= 1.25 * max(found)


def _panel(panel: Any, lang: str, rows: Sequence[Line]) -> None:
    from matplotlib.ticker import NullFormatter, ScalarFormatter

    for index, row in enumerate(rows):
        panel.errorbar(
            row.perplexity_lang,
            row.instructions_en,
            yerr=row.instructions_en_stderr,
            fmt=_MARKS[index % len(_MARKS)],
            color=_COLOURS[index % len(_COLOURS)],
            markersize=7,
            elinewidth=1,
            capsize=2,
            label=row.model.removesuffix(f"-{lang}"),
        )
    panel.set_title(f"{lang}: up and to the left is better", fontsize=10)
    panel.set_xlabel(f"perplexity per byte of held-out {lang} text (log scale)")
    panel.set_xscale("log")
    panel.xaxis.set_major_formatter(ScalarFormatter())
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.set_xticks([t for t in _TICKS if _spans(rows, t)])
    panel.set_ylim(-4, 104)
    panel.margins(x=0.12)
    panel.grid(alpha=0.25, linewidth=0.6)
    panel.spines[["top", "right"]].set_visible(False)
