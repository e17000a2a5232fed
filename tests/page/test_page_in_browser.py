"""The page as a reader uses it: sorted, filtered, opened, by mouse and by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hostile import HOSTILE
from made_comparisons import compared, many_rows, subject
from made_pages import LONG, hostile_models, three_models, translations

from lm_eval_iberian.page import PAGE_LIMIT, page_text


pytestmark = pytest.mark.slow
Visit = Callable[..., Any]
BASQUE = "#score-tables .sorted:has(caption:has-text('Basque'))"
DIFFERENCES = "#comparison-table"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(page_text(*three_models()), "utf-8")
    return path


@pytest.fixture(scope="module")
def ugly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "ugly.html"
    path.write_text(page_text(*hostile_models(list(HOSTILE.values()))), "utf-8")
    return path


def column(page: Any, table: str, title: str) -> list[str]:
    """Return what stands in a column, from top to bottom."""
    heads = page.locator(f"{table} thead th").all_inner_texts()
    at = next(i for i, text in enumerate(heads) if text.startswith(title))
    cells = page.locator(f"{table} tbody tr > :nth-child({at + 1})")
    return [text.split("\n")[0].strip("▲▼ ") for text in cells.all_inner_texts()]


def sort(page: Any, table: str, title: str) -> str:
    head = page.locator(f"{table} thead th", has_text=title).first
    head.locator("button").click()
    return str(head.get_attribute("aria-sort"))


def wait_for_rows(page: Any, count: int) -> None:
    """Wait until so many rows are there; the page lets no test evaluate in it."""
    page.locator("details.row").nth(count - 1).wait_for()
    page.locator("details.row").nth(count).wait_for(state="detached")


def rows_shown(page: Any) -> Any:
    page.locator("#rows-title").scroll_into_view_if_needed()
    page.locator("details.row").first.wait_for()
    return page.locator("details.row")


def choose_benchmark(page: Any, key: str) -> None:
    page.locator("#row-view").get_by_label("Benchmark").select_option(key)
    page.locator("#row-view:not([aria-busy])").wait_for()


def test_numbers_sort_as_numbers_with_what_is_missing_last(
    visit: Visit, made: Path
) -> None:
    page = visit(made)
    assert sort(page, BASQUE, "Belebele") == "descending"
    assert column(page, BASQUE, "Belebele") == ["66.00", "50.00", "9.50"]
    assert sort(page, BASQUE, "Belebele") == "ascending"
    assert column(page, BASQUE, "Belebele") == ["9.50", "50.00", "66.00"]
    for _ in range(2):
        sort(page, BASQUE, "XStoryCloze")
        assert column(page, BASQUE, "XStoryCloze")[-1].startswith("–")
    assert page.locator(f"{BASQUE} thead th[aria-sort=none]").count() > 0
    page.get_by_role("status").get_by_text("sorted by XStoryCloze").wait_for()


def test_every_column_of_every_table_sorts(visit: Visit, made: Path) -> None:
    page = visit(made)
    for table in page.locator("table[role=grid]").all():
        rows = table.locator("tbody tr").count()
        for head in range(table.locator("thead th").count()):
            for wanted in ({"ascending", "descending"},) * 2:
                one = table.locator("thead th").nth(head)
                one.locator("button").click()
                assert one.get_attribute("aria-sort") in wanted
                assert table.locator("tbody tr").count() == rows


def test_a_name_is_looked_for_in_all_tables(visit: Visit, made: Path) -> None:
    page = visit(made)
    page.get_by_label("Model", exact=True).fill("TIES")
    page.locator("#filters .result", has_text="1 of 3 models").wait_for()
    assert column(page, BASQUE, "Model") == ["org/merge-ties"]
    assert set(column(page, DIFFERENCES, "Model")) == {"org/merge-ties"}
    page.get_by_role("status").get_by_text("1 of 3 models").wait_for()


def test_a_language_leaves_its_tables(visit: Visit, made: Path) -> None:
    page = visit(made)
    page.get_by_label("Language", exact=True).select_option(label="Galician")
    captions = page.locator("#score-tables table:visible caption").all_inner_texts()
    assert captions == ["Galician: accuracy"]
    # the base has no value in Galician, so that there is nothing to compare
    assert "Nothing is left" in page.locator(DIFFERENCES).inner_text()
    page.get_by_label("Language", exact=True).select_option(label="Basque")
    captions = page.locator("#score-tables table:visible caption").all_inner_texts()
    assert any(text.startswith("Translation") for text in captions)


def test_a_family_leaves_its_columns(visit: Visit, made: Path) -> None:
    page = visit(made)
    page.get_by_label("Benchmark", exact=True).first.select_option("xstorycloze")
    heads = page.locator(f"{BASQUE} thead th").all_inner_texts()
    assert "XStoryCloze" in heads
    assert "Belebele" not in heads
    assert set(column(page, DIFFERENCES, "Benchmark")) == {"XStoryCloze"}


def test_a_method_keeps_the_baseline_to_hold_against(visit: Visit, made: Path) -> None:
    page = visit(made)
    page.get_by_label("Merge method", exact=True).select_option("linear")
    assert len(column(page, BASQUE, "Model")) == 2
    assert set(column(page, DIFFERENCES, "Model")) == {"org/merge-linear"}


def test_only_what_differs_is_left(visit: Visit, made: Path) -> None:
    page = visit(made)
    page.get_by_label("only what differs from the baseline").check()
    assert column(page, DIFFERENCES, "Difference") == ["+16.00", "−40.50"]


def test_a_number_opens_its_settings_and_interval(visit: Visit, made: Path) -> None:
    page = visit(made)
    button = page.get_by_role("gridcell", name=re.compile("^66.00")).get_by_role(
        "button"
    )
    button.click()
    dialog = page.get_by_role("dialog")
    text = dialog.inner_text()
    for words in (
        "Belebele", "org/merge-linear", "64.00 to 68.00", "Student’s t", "900", "450",
        "+16.00, better than the baseline", "151, of which guessing explains 40.5",
        "80, of which guessing explains 30.3", "2.90, in four cases of five",
        "shots", "results_1.json",
    ):  # fmt: skip
        assert words in text, words
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert button.evaluate("one => one === document.activeElement")


def test_a_difference_opens_both_sides(visit: Visit, made: Path) -> None:
    page = visit(made)
    page.get_by_role("button", name=re.compile("^\\+16.00")).click()
    text = page.get_by_role("dialog").inner_text()
    assert "against base" in text
    assert text.count("Student’s t over clusters") == 3
    page.get_by_role("button", name="Close").click()
    assert not page.get_by_role("dialog").is_visible()


def test_a_number_leads_to_its_rows(visit: Visit, made: Path) -> None:
    page = visit(made)
    page.get_by_role("button", name=re.compile("^\\+16.00")).click()
    page.get_by_role("button", name=re.compile("row by row")).click()
    page.locator("details.row").first.wait_for()
    assert page.locator("#rows-title").evaluate("e => e === document.activeElement")
    assert "A is base, B is org/merge-linear" in page.locator(".summary").inner_text()


def test_gained_and_lost_come_first(visit: Visit, made: Path) -> None:
    page = visit(made)
    rows_shown(page)
    chips = page.locator(".chip").all_inner_texts()
    counts = [" ".join(text.split()) for text in chips]
    assert counts == [
        "All 60", "Gained 20", "Lost 10", "Both right 20", "Both wrong 10"
    ]  # fmt: skip
    outcomes = page.locator("details.row .outcome")
    assert set(outcomes.all_inner_texts()) == {"Gained"}
    page.locator("#row-view .pages button", has_text="Next").click()
    assert outcomes.all_inner_texts() == ["Lost"] * 10 + ["Both right"] * 10
    page.get_by_label("Both wrong").check()
    assert outcomes.all_inner_texts() == ["Both wrong"] * 10


def test_rows_are_searched_in_prompts_and_choices(visit: Visit, made: Path) -> None:
    page = visit(made)
    rows = rows_shown(page)
    search = page.locator("#row-view input[type=search]")
    search.fill("galdera 7:")
    wait_for_rows(page, 1)
    assert "galdera 7" in rows.inner_text()
    search.fill("no such words")
    page.get_by_text("No row is left by the filters").wait_for()


def test_a_row_of_choices_says_who_chose_what(visit: Visit, made: Path) -> None:
    page = visit(made)
    row = rows_shown(page).first
    row.locator("summary").click()
    right = row.locator(".choices tr.right").inner_text()
    assert "bi" in right
    assert "✓ right" in right
    assert "B chose it" in right
    assert "−11.00" in right
    assert "−10.00" in right
    assert "A chose it" in row.locator(".choices tbody tr").nth(2).inner_text()
    assert "adibidea" in row.locator(".said").first.inner_text()


def test_a_row_of_instructions_has_verdicts_reasons_and_health(
    visit: Visit, made: Path
) -> None:
    page = visit(made)
    rows_shown(page)
    choose_benchmark(page, "ifeval_eu")
    row = page.locator("details.row").first
    row.locator("summary").click()
    sides = row.locator(".side")
    first, second = sides.nth(0), sides.nth(1)
    assert "Bai, noski" in first.inner_text()
    assert "runs on" in first.locator(".health").inner_text()
    verdict = first.locator(".verdicts li")
    assert verdict.get_attribute("class") == "failed"
    assert "comma" in verdict.inner_text()
    assert second.locator(".verdicts li").get_attribute("class") == "followed"
    assert "base.jsonl:1" in first.inner_text()


def test_a_verdict_that_is_another_now_is_marked(visit: Visit, made: Path) -> None:
    page = visit(made)
    rows_shown(page)
    choose_benchmark(page, "ifeval_eu")
    row = page.locator("details.row", has_text="item 3")
    row.locator("summary").click()
    told = row.locator(".side").nth(1).locator(".differs").inner_text()
    assert told == (
        "Disagreement: the samples say followed, scored again it is not followed."
    )
    assert row.locator(".side").nth(0).locator(".differs").count() == 0


def test_a_long_answer_is_cut_in_view_until_all_is_asked_for(
    visit: Visit, made: Path
) -> None:
    page = visit(made)
    rows_shown(page)
    choose_benchmark(page, "ifeval_eu")
    row = page.locator("details.row", has_text="item 2")
    row.locator("summary").click()
    said = row.locator(".side").nth(1).locator(".said").first
    assert len(said.inner_text()) < 4000
    row.get_by_role("button", name="Show all 1,050,000 characters").click()
    assert said.evaluate("one => one.textContent.length") == len(LONG)


def test_translations_come_by_how_much_they_change(
    visit: Visit, tmp_path: Path
) -> None:
    path = tmp_path / "translations.html"
    path.write_text(page_text(*translations()), "utf-8")
    page = visit(path)
    rows = rows_shown(page)
    outcomes = page.locator("details.row .outcome").all_inner_texts()
    assert outcomes == ["B better", "A better", "The same"]
    rows.nth(1).locator("summary").first.click()
    side = rows.nth(1).locator(".side").first
    assert side.locator(".said").first.get_attribute("lang") == "eu"
    assert "and more" in side.locator(".said").first.inner_text()
    assert "chrF++ of the sentence: 100.00" in side.inner_text()
    side.get_by_text("What was scored of it").click()
    assert side.locator(".filtered .said").inner_text() == "Gaur hotz egiten du"
    assert "Target" in rows.nth(1).inner_text()


def test_models_change_places_and_benchmarks_are_those_of_both(
    visit: Visit, made: Path
) -> None:
    page = visit(made)
    rows_shown(page)
    page.get_by_role("button", name="Swap A and B").click()
    page.locator(".chip", has_text="Gained 10").wait_for()
    assert "A is org/merge-linear, B is base" in page.locator(".summary").inner_text()


def test_answers_say_their_language(visit: Visit, made: Path) -> None:
    page = visit(made)
    row = rows_shown(page).first
    row.locator("summary").click()
    assert row.locator(".choice-text").first.get_attribute("lang") == "eu"
    assert row.locator(".said").first.get_attribute("lang") == "eu"
    assert page.locator("html").get_attribute("lang") == "en"


def test_the_keyboard_is_enough(visit: Visit, made: Path) -> None:
    page = visit(made)

    def focused(words: str) -> Any:
        return page.evaluate(f"document.activeElement.{words}")

    page.keyboard.press("Tab")
    assert focused("textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert focused("id") == "main"
    # into the table of Basque: one stop, from there by arrows
    for _ in range(40):
        page.keyboard.press("Tab")
        if (focused("closest('table')?.caption.textContent") or "").startswith(
            "Basque"
        ):
            break
    assert focused("closest('th') !== null")
    page.keyboard.press("ArrowRight")
    assert focused("textContent").startswith("Belebele")
    page.keyboard.press("Enter")
    assert focused("closest('th').getAttribute('aria-sort')") == "descending"
    page.keyboard.press("ArrowDown")
    assert focused("textContent").startswith("66.00")
    page.keyboard.press("ArrowDown")
    assert focused("textContent").startswith("50.00")
    page.keyboard.press("End")
    assert focused("textContent").startswith("30.00")
    page.keyboard.press("Home")
    assert focused("textContent").startswith("50.00")
    page.keyboard.press("Enter")
    assert page.get_by_role("dialog").is_visible()
    assert focused("id") == "opened-title"
    page.keyboard.press("Escape")
    assert focused("textContent").startswith("50.00")
    # on, out of the tables, to the first row
    for _ in range(60):
        page.keyboard.press("Tab")
        if focused("matches('#row-view select')"):
            break
    page.locator("details.row").first.wait_for()
    for _ in range(20):
        page.keyboard.press("Tab")
        if focused("tagName") == "SUMMARY":
            break
    page.keyboard.press("Enter")
    assert focused("parentElement.open") is True
    page.keyboard.press("Escape")
    assert focused("parentElement.open") is False


def test_a_table_is_one_stop_of_the_tab_key(visit: Visit, made: Path) -> None:
    page = visit(made)
    for table in page.locator("table[role=grid]").all():
        assert table.locator("button[tabindex='0']").count() == 1


@pytest.mark.parametrize("width", [320, 360, 400, 768, 1280, 1920])
def test_nothing_is_wider_than_the_screen(visit: Visit, made: Path, width: int) -> None:
    page = visit(made, width=width)
    rows = rows_shown(page)
    for row in (rows.nth(0), rows.nth(1)):
        row.locator("summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("button.number").first.click()
    box = page.get_by_role("dialog").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_pictures_of_the_page_to_look_at(
    visit: Visit, made: Path, tmp_path: Path, width: int, scheme: str
) -> None:
    """They stay in pytest's folder; that something is in them is all a test can say."""
    page = visit(made, width=width, color_scheme=scheme)
    rows_shown(page).first.locator("summary").click()
    whole, dialog = (tmp_path / f"{one}-{width}-{scheme}.png" for one in ("all", "one"))
    page.screenshot(path=whole, full_page=True)
    page.locator("button.number").first.click()
    page.screenshot(path=dialog)
    assert min(path.stat().st_size for path in (whole, dialog)) > 15_000


@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_hostile_is_wider_than_the_screen(
    visit: Visit, ugly: Path, width: int
) -> None:
    page = visit(ugly, width=width)
    rows = rows_shown(page)
    for at in range(rows.count()):
        rows.nth(at).locator("summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_dark_and_light_are_the_systems_or_chosen(visit: Visit, made: Path) -> None:
    def ground(page: Any) -> int:
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(map(int, re.findall(r"\d+", colour)[:3])) // 3

    page = visit(made, color_scheme="dark")
    assert ground(page) < 60
    page.get_by_label("Colours").select_option("light")
    assert ground(page) > 200
    page.get_by_label("Colours").select_option("")
    assert ground(page) < 60
    assert ground(visit(made, color_scheme="light")) > 200


def test_paper_has_everything_open_and_nothing_to_press(
    visit: Visit, made: Path
) -> None:
    page = visit(made)
    rows_shown(page)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for what in ("header.top", "#filters", ".choose", ".skip"):
        assert not page.locator(what).first.is_visible(), what
    assert page.locator("details:not([open])").count() == 0
    assert page.locator("details.row .said").count() >= 20
    assert page.locator("details.row .said").first.is_visible()
    assert page.locator("thead button").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details.row[open]").count() == 0


def test_hostile_texts_are_shown_and_do_nothing(visit: Visit, ugly: Path) -> None:
    page = visit(ugly)
    for benchmark in ("belebele_eu", "ifeval_eu"):
        rows_shown(page)
        choose_benchmark(page, benchmark)
        while True:
            for row in page.locator("details.row").all():
                row.locator("summary").first.click()
            _does_nothing(page)
            further = page.locator("#row-view .pages button", has_text="Next")
            if not further.count() or further.get_attribute("aria-disabled"):
                break
            further.click()
    for button in page.locator("button.number").all()[:16]:
        button.click()
        _does_nothing(page)
        page.keyboard.press("Escape")
    for button in page.locator("#against thead button").all():
        button.click()
    _does_nothing(page)


def _does_nothing(page: Any) -> None:
    found = page.evaluate(
        """() => {
          const every = [...document.querySelectorAll("*")];
          const of = (name) => document.querySelectorAll(name).length;
          const leads = /^(href|src|action|formaction|xlink:href|data)$/;
          const acts = (a) => /^on/.test(a.name)
            || (leads.test(a.name) && !/^(#|data:image)/.test(a.value));
          const alien = (one) => !one.src.startsWith("data:");
          return {
            obeyed: window.obeyed ?? null,
            runs: every.filter((e) => e.tagName === "SCRIPT" && !e.type).length,
            styles: of("style"), strange: of("iframe, base, object, embed, link, use"),
            images: [...document.images].filter(alien).length,
            handlers: every.filter((e) => [...e.attributes].some(acts)).length,
            polluted: ({}).polluted ?? null,
          };
        }"""
    )
    assert found == {
        "obeyed": None, "runs": 1, "styles": 1, "strange": 0, "images": 0,
        "handlers": 0, "polluted": None,
    }  # fmt: skip


def test_hostile_answers_stand_in_the_page_to_the_letter(
    visit: Visit, ugly: Path
) -> None:
    page = visit(ugly)
    rows_shown(page)
    choose_benchmark(page, "ifeval_eu")
    seen: set[str] = set()
    while True:
        for row in page.locator("details.row").all():
            row.locator("summary").first.click()
        for button in page.get_by_role("button", name=re.compile("Show all")).all():
            button.click()
        seen.update(page.locator(".side .said").all_text_contents())
        further = page.locator("#row-view .pages button", has_text="Next")
        if further.get_attribute("aria-disabled"):
            break
        further.click()
    from lm_eval_iberian.page.visible_text import visible

    wanted = {
        f"{visible(text)}{place}" for text in HOSTILE.values() for place in (0, 1)
    }
    assert wanted - seen == set()


def test_unseen_marks_stand_in_boxes(visit: Visit, ugly: Path) -> None:
    page = visit(ugly)
    rows_shown(page)
    page.locator("#row-view input[type=search]").fill("\u202egnp")
    row = page.locator("details.row").first
    wait_for_rows(page, 1)
    row.locator("summary").first.click()
    assert "⟨U+202E⟩" in row.locator(".spelled").all_inner_texts()


def test_no_model_to_compare_with_and_no_samples(visit: Visit, tmp_path: Path) -> None:
    path = tmp_path / "one.html"
    path.write_text(page_text(*compared([subject("only", {"belebele_eu": 50.0})])))
    page = visit(path)
    assert "No two models share a benchmark" in page.locator(DIFFERENCES).inner_text()
    assert "No samples lie beside" in page.locator("#row-view").inner_text()
    assert page.locator("button.number").count() == 1


def test_what_axe_says(visit: Visit, made: Path) -> None:
    """Nothing serious, in both modes, on a phone, with rows and a dialog open."""
    sync = pytest.importorskip(
        "axe_playwright_python.sync_playwright",
        reason="no accessibility check: axe-playwright-python is not installed",
    )
    for scheme, width in (("light", 1280), ("dark", 1280), ("light", 360)):
        # axe is a script that the page does not know
        page = visit(made, width=width, color_scheme=scheme, bypass_csp=True)
        row = rows_shown(page).first
        row.locator("summary").click()
        found = sync.Axe().run(page).response["violations"]
        page.locator("button.number").first.click()
        found += sync.Axe().run(page).response["violations"]
        serious = [
            (one["id"], node["html"][:200], node["failureSummary"])
            for one in found
            for node in one["nodes"]
        ]
        assert serious == [], (scheme, width)


def test_fifty_thousand_rows_stay_usable(visit: Visit, tmp_path: Path) -> None:
    """25,000 items of two models: the page is drawn at once, the rows in a moment."""
    path = tmp_path / "many.html"
    text = page_text(*many_rows(25_000))
    path.write_text(text, "utf-8")
    assert len(text.encode()) <= PAGE_LIMIT
    assert "Left out of this page" not in text
    page = visit(path)
    page.locator("#score-tables button.number").first.wait_for()
    page.wait_for_timeout(500)
    paints = page.evaluate(
        "performance.getEntriesByType('paint').map(p => p.startTime)"
    )
    assert max(paints) <= 2000
    rows = rows_shown(page)
    assert rows.count() == 20
    page.get_by_label("Lost").check()
    page.locator("#row-view input[type=search]").fill("zzzz nothing")
    page.get_by_text("No row is left by the filters").wait_for()
