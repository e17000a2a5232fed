"""The text of a page: self-contained, escaped, the same for the same input."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hostile import HOSTILE, MARK
from made_comparisons import compared, subject
from made_pages import hostile_models, three_models

from lm_eval_iberian.comparison.comparing import ComparisonReport
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.page import PAGE_LIMIT, DrawnPictures, page_text, write_page
from lm_eval_iberian.report import Report


class Elements(HTMLParser):
    """What a browser would make of a text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def text_of(made: tuple[ComparisonReport, Report], **more: Any) -> str:
    """Return the page without pictures, which take their time."""
    return page_text(*made, **{"drawn": DrawnPictures(), **more})


def data_of(text: str) -> Any:
    found = re.search('<script type="application/json" id="data">(.*?)</script>', text)
    assert found is not None
    return json.loads(found[1])


@pytest.fixture(scope="module")
def text() -> str:
    return text_of(three_models())


@pytest.fixture(scope="module")
def ugly() -> str:
    return text_of(hostile_models(list(HOSTILE.values())))


def test_the_same_input_makes_the_same_page(text: str) -> None:
    assert text_of(three_models()) == text


def test_a_page_asks_for_nothing(text: str) -> None:
    for tag, attributes in Elements(text).tags:
        assert tag not in ("link", "iframe", "object", "embed", "base"), tag
        for name in ("src", "href", "action", "srcset", "poster"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "data:image/svg+xml;base64,")), value


def test_a_page_lets_no_script_run_but_its_own(text: str) -> None:
    policy = re.search('http-equiv="Content-Security-Policy" content="(.*?)"', text)
    assert policy is not None
    said = dict(one.strip().split(" ", 1) for one in policy[1].split(";"))
    assert said["default-src"] == "'none'"
    assert said["require-trusted-types-for"] == "'script'"
    assert said["trusted-types"] == "'none'"
    assert "unsafe" not in policy[1]
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        bodies = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.S)
        digests = [hashlib.sha256(body.encode()).digest() for body in bodies]
        hashes = [f"'sha256-{base64.b64encode(one).decode()}'" for one in digests]
        assert hashes == [said[rule]]


def test_hostile_texts_make_no_element(text: str, ugly: str) -> None:
    plain = {tag for tag, _ in Elements(text).tags}
    found = Elements(ugly).tags
    assert {tag for tag, _ in found} <= plain | {"ul", "li", "bdi"}
    assert [name for _, one in found for name in one if name.startswith("on")] == []
    assert MARK not in "".join(re.findall("<script>(.*?)</script>", ugly, re.S))
    ugly.encode("utf-8")


def test_hostile_names_are_in_the_data_as_they_are(ugly: str) -> None:
    names = [one["name"] for one in data_of(ugly)["models"]]
    assert names == [f"{one}{at}" for at, one in enumerate(HOSTILE.values())][:4]


def test_what_would_turn_a_text_is_spelled_in_notes(ugly: str) -> None:
    assert "\u202e" not in ugly
    assert "⟨U+202E⟩gnp.exe" in ugly


def test_the_overview_counts_what_differs(text: str) -> None:
    shown = " ".join("".join(Elements(text).texts).split())
    assert "2 models compared with base" in shown
    # Belebele of both: one up, one down; the average IFEval and IFEval not
    assert (
        "2 are larger than chance explains: 1 for the better, 1 for the worse" in shown
    )


def test_where_lower_is_better_less_is_for_the_better() -> None:
    comparison, report = compared(
        [subject("a", {"belebele_eu": 50.0}), subject("b", {"belebele_eu": 60.0})]
    )
    rows = [replace(row, metric="ter") for row in comparison.rows]
    found = data_of(text_of((replace(comparison, rows=tuple(rows)), report)))
    assert {row["sign"] for row in found["comparisons"]} == {-1}


@pytest.mark.parametrize(
    ("change", "sign", "why"),
    [
        ({"p_holm": 0.049}, 1, "less than 5 %"),
        ({"p_holm": 0.05}, 0, "not less"),
        ({"p_holm": None}, 0, "not tested"),
    ],
)
def test_only_what_is_tested_is_called_better(
    change: dict[str, Any], sign: int, why: str
) -> None:
    comparison, report = compared(
        [subject("a", {"belebele_eu": 50.0}), subject("b", {"belebele_eu": 60.0})]
    )
    rows = tuple(replace(row, **change) for row in comparison.rows)
    found = data_of(text_of((replace(comparison, rows=rows), report)))
    assert {row["sign"] for row in found["comparisons"]} == {sign}, why


def test_mixed_and_unpaired_are_said_first() -> None:
    comparison, report = three_models()
    first, *others = comparison.rows
    unpaired = replace(first.difference, paired=False)
    odd = replace(first, mixed="shots 5, not 0", difference=unpaired)
    text = text_of((replace(comparison, rows=(odd, *others)), report))
    assert "<strong>Mixed settings.</strong> In 1 of" in text
    assert "<strong>Not paired.</strong> 1 of" in text


def test_models_that_share_nothing_are_not_said_to_be_compared() -> None:
    values = [{"belebele_eu": 50.0}, {"belebele_eu": 60.0}, {"belebele_gl": 60.0}]
    models = [subject(name, one) for name, one in zip("abc", values, strict=True)]
    text = text_of(compared(models))
    assert "1 model compared with <bdi>a</bdi>" in text
    assert "<strong>Not compared.</strong> 1 model is in the tables" in text
    assert "<strong>Not compared.</strong>" not in text_of(compared(models[:2]))


def test_every_number_knows_its_settings_and_file(text: str) -> None:
    data = data_of(text)
    for number in data["numbers"]:
        settings = [data["settings"][at] for at in number["settings"]]
        assert settings[0]["shots"] == "5"
        assert [data["files"][at] for at in number["files"]] == ["results_1.json"]


def test_a_page_within_its_limit_leaves_nothing_out(text: str) -> None:
    assert len(text.encode()) < PAGE_LIMIT
    assert "Left out of this page" not in text


def test_a_page_with_no_room_for_rows_says_so() -> None:
    comparison, report = three_models()
    whole = text_of((comparison, report), limit=PAGE_LIMIT)
    rows = sum(map(len, re.findall('id="chunk-.*?">(.*?)</script>', whole)))
    limit = len(whole.encode()) - rows
    text = text_of((comparison, report), limit=limit)
    assert "Left out of this page" in text
    assert "no row is in this page, which would be too large" in text
    assert len(text.encode()) <= limit + 4096


def test_without_matplotlib_the_page_says_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded = [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]
    for name in loaded:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    text = page_text(*three_models())
    assert "<figure>" not in text
    assert "matplotlib, which is not installed" in text


@pytest.mark.slow
def test_the_pictures_that_the_data_allow_are_drawn() -> None:
    """The same input makes the same pictures too."""
    text = page_text(*three_models())
    assert text.count("<figure>") >= 2
    assert page_text(*three_models()) == text


def test_pictures_that_are_drawn_are_not_drawn_again() -> None:
    svg = base64.b64encode(b"<svg><script>x</script></svg>").decode()
    drawn = DrawnPictures((("Health <b>", "of \u202eanswers", svg),), ("Another: why",))
    found = text_of(three_models(), drawn=drawn)
    assert found.count("<figure>") == 1
    assert "Health &lt;b&gt;" in found
    assert "of ⟨U+202E⟩answers" in found
    assert "<li>Another: why</li>" in found


def test_one_model_alone_has_a_page() -> None:
    comparison, report = compared([subject("only", {"belebele_eu": 50.0})])
    text = text_of((comparison, report))
    assert "<bdi>only</bdi></h1>" in text
    assert "nothing that the models could be compared on" in text


def test_a_model_without_any_value_has_a_page() -> None:
    comparison, report = compared([subject("none", {})])
    assert data_of(text_of((comparison, report)))["tables"] == []


def test_a_page_is_written_whole_and_never_over_results(tmp_path: Path) -> None:
    comparison, report = three_models()
    out = tmp_path / "page.html"
    write_page(comparison, report, [], out, DrawnPictures())
    assert out.read_text("utf-8") == text_of((comparison, report))
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    read = replace(report, inputs=(str(out),))
    with pytest.raises(DataError, match="is one of the results"):
        write_page(comparison, read, [], out)
    with pytest.raises(DataError, match="cannot be written"):
        write_page(comparison, report, [], tmp_path / "none" / "page.html")
