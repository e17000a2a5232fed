"""A drawn figure as the bytes of a file, the same for the same numbers.

An SVG can stand inside a page beside others: its identifiers are its own, nothing in it
leads elsewhere or runs, and its letters are text.
"""

from __future__ import annotations

import io
import re
from html import escape
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import UnknownNameError
from lm_eval_iberian.pictures.picture_style import DPI, LETTERS


PICTURES = ("pdf", "png", "svg")
# what is not said in a file: when and by what it was made
_UNSAID = {
    "svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
    "pdf": {"CreationDate": None},
    "png": {"Software": None},
}
# for browsers: as wide as, or narrower than, the letters that places were measured with
_FONTS = (
    f"'{LETTERS}', Verdana, 'Bitstream Vera Sans', 'Noto Sans', 'Segoe UI', Arial,"
    " 'Noto Sans CJK JP', 'Noto Sans CJK SC', sans-serif"
)
# matplotlib escapes > in texts and attributes: what is between < and > is a tag
_TAG = re.compile(r"<[^<>]*>")
_HEAD = re.compile(r"\A.*?(?=<svg\b)", re.DOTALL)
_STYLE = re.compile(r"\s*<style[^<>]*>[^<>]*</style>")
_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
_ID = re.compile(r'\bid="([^"]*)"')
_REFERENCE = re.compile(r'(url\(#|href="#)')
# the root says it for all; before matplotlib 3.10 it is a part of a longer word
_FAMILY = re.compile(rf"font-family: '{LETTERS}'[^;\"]*(?:; )?")
_FONT = re.compile(rf"(font: [^;\"']*)'{LETTERS}'[^;\"]*")


def picture_form(path: Path) -> str:
    """Return the format that a file's suffix says.

    Raises:
        UnknownNameError: There is no such format.
    """
    form = path.suffix.lower().removeprefix(".")
    if form not in PICTURES:
        raise UnknownNameError("format of a picture", form, PICTURES)
    return form


def as_bytes(figure: Any, form: str, key: str, title: str = "") -> bytes:
    """Return a figure in a format; to be called within ``picture_style``.

    Args:
        figure: The figure.
        form: One of ``PICTURES``.
        key: Letters, digits and ``_``: what its identifiers begin with.
        title: What a screen reader says.

    Raises:
        UnknownNameError: There is no such format.
    """
    if form not in PICTURES:
        raise UnknownNameError("format of a picture", form, PICTURES)
    picture = io.BytesIO()
    figure.savefig(picture, dpi=DPI, format=form, metadata=_UNSAID[form])
    if form != "svg":
        return picture.getvalue()
    return to_inline(picture.getvalue().decode("utf-8"), key, title).encode("utf-8")


def to_inline(text: str, key: str, title: str) -> str:
    """Return an SVG of matplotlib's so that it can stand inside of a page."""
    text = _METADATA.sub("", _STYLE.sub("", _HEAD.sub("", text)))
    known = set(re.findall(r'(?:url\(#|href="#)([^")]+)', text))

    def tag(found: re.Match[str]) -> str:
        def name(one: re.Match[str]) -> str:
            return f'id="{key}-{one[1]}"' if one[1] in known else ""

        whole = _ID.sub(name, found[0]).replace(" >", ">")
        whole = _REFERENCE.sub(rf"\g<1>{key}-", whole)
        return _FONT.sub(rf"\g<1>{_FONTS}", _FAMILY.sub("", whole))

    said = (
        f'<svg role="img" aria-label="{escape(title)}"'
        # matplotlib says it of every element, which in a page are all of the page's
        f' style="stroke-linejoin: round; stroke-linecap: butt; font-family: {_FONTS}"'
    )
    return said + _TAG.sub(tag, text).removeprefix("<svg")
