"""Nothing that others wrote ends or starts markup."""

from __future__ import annotations

import doctest

import pytest
from markdown_it import MarkdownIt

from lm_eval_iberian.cards import card_text, exchange_record, public_names
from lm_eval_iberian.cards.card_text import code, fenced, table


@pytest.mark.parametrize("module", [card_text, exchange_record, public_names])
def test_the_examples_hold(module: object) -> None:
    found = doctest.testmod(module)  # type: ignore[arg-type]
    assert found.attempted
    assert not found.failed


@pytest.mark.parametrize(
    "text",
    ["a", "`", "``", "a`b``c", "` x `", "<b>", "|", "x\ny", " ", "", "\\`", "$x$"],
)
def test_code_shows_what_it_is_given(text: str) -> None:
    (_, inline, _) = MarkdownIt().parse(f"x {code(text)} y")
    (_, shown, after) = inline.children or ()
    assert shown.type == "code_inline"
    assert " ".join(shown.content.split()) == " ".join(text.split())
    assert after.content == " y"


@pytest.mark.parametrize("text", ["a", "```\n# out", "````\n```yaml\n", "~~~", ""])
def test_a_fence_ends_where_the_text_does(text: str) -> None:
    (block, after, _, _) = MarkdownIt().parse(f"{fenced(text, 'yaml')}\n\nafter")
    assert block.type == "fence"
    assert block.content.rstrip("\n") == text.rstrip()
    assert after.type == "paragraph_open"


def test_a_table_is_one() -> None:
    text = table(("a", "b", "c"), [("x", "1", "2")], texts=1)
    html = MarkdownIt().enable("table").render(text)
    assert html.count("<td") == 3
    assert html.count('style="text-align:right"') == 4
