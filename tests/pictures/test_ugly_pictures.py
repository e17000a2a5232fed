"""Labels never collide and never leave the figure, whatever the names and numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import made_pictures
import pytest
from label_check import check_labels

from lm_eval_iberian.pictures.frontier_plot import draw_gains
from lm_eval_iberian.pictures.health_rates import draw_health
from lm_eval_iberian.pictures.instruction_heat_map import draw_instructions
from lm_eval_iberian.pictures.language_scores import draw_language_scores
from lm_eval_iberian.pictures.picture_files import as_bytes
from lm_eval_iberian.pictures.picture_style import new_figure, picture_style
from lm_eval_iberian.pictures.tradeoff_plot import draw_tradeoff
from lm_eval_iberian.pictures.weight_plot import draw_curves


def less_tradeoff(names: Any, values: Any) -> Any:
    return made_pictures.tradeoff(names, values, less=True)


def less_curves(names: Any, values: Any) -> Any:
    return made_pictures.weight_curves(names, values, less=True)


def less_gains(names: Any, values: Any) -> Any:
    return made_pictures.gain_picture(names, values, less=True)


# what draws, and what makes its data
KINDS: dict[str, tuple[Callable[[Any], Any], Callable[[Any, Any], Any]]] = {
    "curves": (draw_curves, made_pictures.weight_curves),
    "curves, less is better": (draw_curves, less_curves),
    "tradeoff": (draw_tradeoff, made_pictures.tradeoff),
    "tradeoff, less is better": (draw_tradeoff, less_tradeoff),
    "gains": (draw_gains, made_pictures.gain_picture),
    "gains, less is better": (draw_gains, less_gains),
    "languages": (draw_language_scores, made_pictures.language_scores),
    "instructions": (draw_instructions, made_pictures.instructions),
    "health": (draw_health, made_pictures.health),
}
UGLY = [
    *((names, "spread") for names in made_pictures.NAMES),
    *(("plain", values) for values in made_pictures.VALUES),
    ("forty long", "equal"),
    ("forty", "negative"),
    ("forty", "outlier"),
    ("one", "missing"),
    ("one", "outlier"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_labels_of_plain_data_can_be_read(kind: str) -> None:
    draw, make = KINDS[kind]
    data = make(made_pictures.NAMES["plain"], made_pictures.VALUES["spread"])
    with picture_style():
        texts = check_labels(draw(data))
    said = "the instructed model" if "gains" in kind else "instruct"
    assert said in texts or kind == "tradeoff"


CASES = [
    (kind, names, values)
    for kind in KINDS
    for names, values in UGLY
    # where less is better only axes differ
    if "less" not in kind or names == "plain"
]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "names", "values"), CASES)
def test_labels_of_ugly_data_can_be_read(kind: str, names: str, values: str) -> None:
    draw, make = KINDS[kind]
    data = make(made_pictures.NAMES[names], made_pictures.VALUES[values])
    with picture_style():
        figure = draw(data)
        check_labels(figure)


@pytest.mark.parametrize("names", ["lines", "marks", "letters"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_picture_of_hostile_names_is_xml(kind: str, names: str) -> None:
    draw, make = KINDS[kind]
    data = make(made_pictures.NAMES[names], made_pictures.VALUES["spread"])
    with picture_style():
        text = as_bytes(draw(data), "svg", "hostile")
    tree = ElementTree.fromstring(text)  # noqa: S314 (it is our own)
    assert not [e for e in tree.iter() if e.tag.endswith("script")]


def test_the_check_sees_what_leaves_and_what_collides() -> None:
    with picture_style():
        figure = new_figure(3, 2)
        figure.text(0.9, 0.5, "leaves the figure")
        with pytest.raises(AssertionError, match="leaves on the right"):
            check_labels(figure)
        figure = new_figure(3, 2)
        figure.text(0.1, 0.5, "one")
        figure.text(0.12, 0.52, "another")
        with pytest.raises(AssertionError, match="on each other"):
            check_labels(figure)
