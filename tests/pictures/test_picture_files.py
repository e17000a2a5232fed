"""An SVG that can stand inside of a page, and files that are always the same."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import matplotlib as mpl
import pytest

from lm_eval_iberian.errors import UnknownNameError
from lm_eval_iberian.pictures.picture_files import as_bytes, to_inline
from lm_eval_iberian.pictures.picture_style import axes_at, new_figure, picture_style


HOSTILE = (
    "a $x^2$ b",
    "<script>alert(1)</script>",
    'id="evil" url(#evil) href="#evil"',
    "]]> --> &lt; &amp; style='x' font-family: 'DejaVu Sans'",
    "漢字 עברי عربي",
)


def picture(key: str, form: str = "svg") -> bytes:
    """Return marks, hatches and clips, which are what an SVG refers to."""
    with picture_style(key):
        figure = new_figure(5, 3)
        axes = axes_at(figure, 0.5, 0.5, 4, 2)
        axes.plot([1, 2, 3], marker="o", label=HOSTILE[0])
        axes.bar([0, 1], [1, 2], hatch="//")
        for row, text in enumerate(HOSTILE):
            axes.text(0, row / 2, text)
        axes.legend()
        return as_bytes(figure, form, key, 'A title "of" <this>')


def tree_of(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314 (it is our own)


def identifiers(text: str) -> set[str]:
    return {e.get("id", "") for e in tree_of(text).iter()} - {""}


def test_two_in_one_page_share_no_identifier() -> None:
    one, other = picture("one").decode(), picture("other").decode()
    assert identifiers(one)
    assert not identifiers(one) & identifiers(other)
    for text, key in ((one, "one"), (other, "other")):
        assert all(name.startswith(f"{key}-") for name in identifiers(text))
        tree = tree_of(text)
        values = [v for e in tree.iter() for v in e.attrib.values()]
        asked = {name for v in values for name in re.findall(r"url\(#([^)]+)\)", v)}
        asked |= {v[1:] for v in values if v.startswith("#") and "-" in v}
        assert asked == identifiers(text)


def test_nothing_leads_elsewhere_runs_or_styles_the_page() -> None:
    text = picture("one").decode()
    tree = tree_of(text)
    tags = {element.tag.rpartition("}")[2] for element in tree.iter()}
    assert tags <= {
        "svg", "g", "path", "defs", "use", "text", "clipPath", "rect", "pattern",
    }  # fmt: skip
    assert text.startswith("<svg ")
    for element in tree.iter():
        for name, value in element.attrib.items():
            assert not name.startswith("on")
            assert "http" not in value
            if name.endswith("href"):
                assert value.startswith("#one-")
    assert tree.get("role") == "img"
    assert tree.get("aria-label") == 'A title "of" <this>'


def test_hostile_names_are_text_and_no_formula() -> None:
    tree = tree_of(picture("one").decode())
    texts = [e.text for e in tree.iter() if e.tag.endswith("}text")]
    assert set(HOSTILE) <= set(texts)


def test_letters_have_fonts_to_fall_back_on() -> None:
    tree = tree_of(picture("one").decode())
    assert re.search(
        r"font-family: 'DejaVu Sans', Verdana, .*, sans-serif$", tree.get("style", "")
    )
    for element in tree.iter():
        if element.tag.endswith("}text"):
            assert "font-family" not in element.get("style", "")


@pytest.mark.parametrize("form", ["svg", "png", "pdf"])
def test_the_same_numbers_give_the_same_bytes(form: str) -> None:
    before = picture("one", form)
    with mpl.rc_context({"font.size": 30, "axes.grid": True, "text.usetex": True}):
        assert picture("one", form) == before
        assert mpl.rcParams["font.size"] == 30


def test_a_format_that_there_is_not() -> None:
    with pytest.raises(UnknownNameError, match="Available: pdf, png, svg"):
        picture("one", "gif")


def test_older_spellings_of_fonts_are_replaced() -> None:
    text = "<svg><text style=\"font: 9px 'DejaVu Sans', Arial; x: y\">a</text></svg>"
    assert "font: 9px 'DejaVu Sans', Verdana" in to_inline(text, "one", "")
