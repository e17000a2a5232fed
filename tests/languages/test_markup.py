"""What an answer shows, by tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_iberian.languages import laid_out, plain, without_code


SHOWN = [
    ("El cambio **climático**", "El cambio climático", "bold"),
    ("El cambio <b>climático</b>", "El cambio climático", "a tag"),
    ("H<sub>2</sub>O", "H2O", "a tag inside a word"),
    ("**Baso**an", "Basoan", "bold inside a word"),
    ("**a: **b", "a: b", "a blank before the closing stars"),
    ("2 * 3, 2*3 and x_1", "2 * 3, 2*3 and x_1", "signs that mark nothing"),
    ("snake_case ____", "snake_case ____", "a name, a line to write on"),
    ("Bat.\n\n***\n\nBi.", "Bat.\n\n***\n\nBi.", "a divider"),
    (r"\*\*\* \<\<a\>\>", "*** <<a>>", "escapes are what they show"),
    ("pan &amp; vino&nbsp;2", "pan & vino\u00a02", "entities"),
    ("uno<br/>\ndos<br>tres", "uno\ndos\ntres", "line ends"),
    ("<p>a</p><p>b</p>", "a\n\nb\n\n", "paragraphs"),
    ("<h2>SECCIÓN 1</h2>a", "SECCIÓN 1\na", "a heading"),
    ("## Un\n> dous\n#tres", "Un\ndous\n#tres", "heading, quotation, hashtag"),
    ("![mapa](a.png) [aquí](https://a.b/c_(d))", " aquí", "image and link"),
    ("[nombre](apellido)", "[nombre](apellido)", "a word behind brackets is no link"),
    ("[a][1] [b]\n\n[1]: https://a.b", "a [b]\n\n", "a link by reference"),
    ("bai[^1].\n\n[^1]: oharra", "bai.\n\n oharra", "a note"),
    ("<<Título>> <nombre>", "<<Título>> <nombre>", "no tags of HTML"),
    ("`a*b*c` y *d*", "a*b*c y d", "code stays as it is"),
    ("```text\nHOLA <b>\n```\nfin", "HOLA <b>\nfin", "a fence"),
    ("1️⃣ Un", " Un", "a keycap is no number"),
    ("a <!-- b --> c", "a  c", "a comment"),
]


@pytest.mark.parametrize(
    ("text", "shown"), [pytest.param(*row[:2], id=row[2]) for row in SHOWN]
)
def test_what_a_text_shows(text: str, shown: str) -> None:
    assert plain(text) == shown


LAID_OUT = [
    ("**a** &amp; <i>b</i>", "**a** & b", "emphasis stays, tags go"),
    ("<ul><li>a</li><li>b</li></ul>", "- a\n- b\n", "a list"),
    ("x<h3>a</h3>\nb", "x\n### a\nb", "a heading"),
    ("`<b>` and ```", "`<b>` and ```", "code"),
]


@pytest.mark.parametrize(
    ("text", "form"), [pytest.param(*row[:2], id=row[2]) for row in LAID_OUT]
)
def test_the_form_of_lines_is_kept(text: str, form: str) -> None:
    assert laid_out(text) == form


CODE = [
    ("Use `data[i]` now", "Use code now", "in backticks"),
    ("a\n```python\nx = y[0]\n```\nb", "a\nb", "a language of programs"),
    ("```\nKaixo [izena]\n```", "Kaixo [izena]\n", "a fence without a name"),
    ("```json\n[1]\n```", "[1]\n", "a document"),
    ("```js\nx[1]", "", "a fence that is never closed"),
]


@pytest.mark.parametrize(
    ("text", "rest"), [pytest.param(*row[:2], id=row[2]) for row in CODE]
)
def test_code_is_told_from_text(text: str, rest: str) -> None:
    assert without_code(text) == rest


@given(st.text(st.characters(exclude_characters="*_`~<&\\>#[\u20e3")))
def test_a_text_without_signs_is_what_it_shows(text: str) -> None:
    assert plain(text) == laid_out(text) == without_code(text) == text


@given(st.text("ab \n*_`~<>&;/#[]()!\\br=\"'"))
def test_any_signs_can_be_read(text: str) -> None:
    shown = plain(text)
    assert sum(map(str.isalnum, shown)) <= sum(map(str.isalnum, text)) + 2
