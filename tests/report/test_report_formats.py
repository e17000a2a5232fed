"""How a report is written."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_results import Results, everything

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.report import (
    FORMATS,
    Report,
    build_report,
    format_for,
    notes_of,
    write,
    written,
)
from lm_eval_iberian.report.as_data import escape_csv
from lm_eval_iberian.report.as_tables import escape_latex, escape_markdown
from lm_eval_iberian.terminal import shown


GOLDEN = Path(__file__).parent / "golden"
CHAT = {"chat_template": "<s>", "chat_template_sha": "abc123"}


@pytest.fixture
def report(results: Results, monkeypatch: pytest.MonkeyPatch) -> Report:
    """Two models: one with everything English, the other with gaps and a limit."""
    monkeypatch.chdir(results.root.parent)
    results.root = Path("out")
    cola = {"acc,none": 0.625, "mcc,none": 0.25}
    first = {
        "belebele_eng_Latn": {"acc,none": 0.9, "acc_stderr,none": 0.01},
        "xstorycloze_en": {"acc,none": 0.7, "acc_stderr,none": 0.02},
        "bertaqa_en_local": {"acc,none": 0.5, "acc_stderr,none": 0.02},
    }
    for task, n in zip(first, (900, 1511, 2364), strict=True):
        results.write({task: first[task]}, model="org/first_one", n=n)
    results.write({"galcola": cola}, model="org/first_one", n=1011)
    for at, share in enumerate((0.5, 0.625)):
        row = {"inst_level_strict_acc,none": share}
        results.write({"ifeval_gl": row}, model="org/first_one", shots=0, n=9, date=at)
    second = {"belebele_eng_Latn": 0.95, "xstorycloze_en": 0.75}
    results.write(second, model="org/second|50%", n=10, of=900)
    return build_report([results.root])


@pytest.mark.parametrize(
    ("form", "suffix"), [("md", "md"), ("csv", "csv"), ("latex", "tex")]
)
def test_the_golden_files(report: Report, form: str, suffix: str) -> None:
    text = written(report, form)
    assert text == (GOLDEN / f"report.{suffix}").read_text("utf-8")


def test_json_has_values_and_where_they_come_from(report: Report) -> None:
    found = json.loads(written(report, "json"))
    assert set(found) == {"models", "issues"}
    first, second = found["models"].values()
    english = first["averages"]["EN"]
    assert english["value"] == 70.0
    assert english["exact"] == pytest.approx(70)
    assert english["stderr"] == pytest.approx(1)
    assert english["complete"] is True
    assert english["benchmarks"] == {
        "Belebele": 90.0, "XStoryCloze": 70.0, "BertaQA local": 50.0,
    }  # fmt: skip
    assert first["averages"]["IFEval GL"]["runs"] == 2
    cell = first["benchmarks"]["belebele_en"]
    assert (cell["value"], cell["stderr"], cell["metric"]) == (90, 1, "acc")
    assert (cell["n"], cell["shots"], cell["version"]) == (900, 5, "1.0")
    assert cell["chat_template"] is False
    assert cell["tasks"] == ["belebele_eng_Latn"]
    assert len(cell["files"]) == 1
    assert first["benchmarks"]["cola_gl"]["also"]["mcc"]["value"] == 25
    gap = second["averages"]["EN"]
    assert (gap["value"], gap["exact"], gap["complete"]) == (None, None, False)
    assert gap["missing"] == ["BertaQA local"]
    assert gap["partial_mean"] == pytest.approx(85)
    assert (gap["present"], gap["of"], gap["limited"]) == (2, 3, True)
    assert {issue["kind"] for issue in second["issues"]} == {"limit", "incomplete"}


def test_every_table_is_there_for_a_model_with_everything(results: Results) -> None:
    results.write(everything())
    report = build_report([results.root])
    titles = re.findall("^## (.*)$", written(report, "md"), re.MULTILINE)
    assert titles == [
        "Averages", "Translation, BLEU", "Translation, chrF++", "Translation, chrF",
        "Translation, TER, lower is better", "IFEval, strict, instruction level",
        "Basque", "Galician", "Catalan", "Spanish", "English",
        "Translation, BLEU by direction", "Notes",
    ]  # fmt: skip
    assert written(report, "latex").count("\\begin{table}") == 12


@pytest.mark.parametrize(
    ("metric", "better", "worse"), [("bleu", 20.0, 10.0), ("ter", 10.0, 20.0)]
)
def test_the_best_is_bold(
    results: Results, metric: str, better: float, worse: float
) -> None:
    for model, value in (("a/good", better), ("a/bad", worse)):
        row = {"bleu,none": 5.0, f"{metric},none": value}
        tasks = {f"iberian_flores_{d}-eu": row for d in ("es", "en")}
        results.write(tasks, model=model, n=1012)
    text = written(build_report([results.root]), "md")
    assert f"**{better:.2f}**" in text
    assert f"**{worse:.2f}**" not in text


@pytest.mark.parametrize("limited", [0.9, 0.95])
def test_a_limited_result_is_never_the_best(results: Results, limited: float) -> None:
    task = "belebele_eng_Latn"
    for model, value in (("a/good", 0.9), ("a/bad", 0.8)):
        results.write({task: value}, model=model)
    results.write({task: limited}, model="a/quick", n=10, of=900)
    text = written(build_report([results.root]), "md")
    assert text.count("**90.00**") == 1
    assert f" {100 * limited:.2f}† " in text


def test_what_latex_and_markdown_would_make_of_a_name() -> None:
    assert escape_latex("a---b--") == "a-{}-{}-b-{}-"
    assert escape_markdown("*-a*-") == r"*-a\*-"
    assert escape_markdown("*-EU, *-GL *a* 2*3") == r"*-EU, *-GL \*a\* 2\*3"


HOSTILE = [
    "=cmd|' /C calc'!A0",
    "@SUM(A1)",
    "a|b",
    "<img src=x onerror=alert(1)>",
    "[click](http://x)",
    "\\input{/etc/passwd}",
    "50%_of$#&{x}^~",
    "[x]*",
    "*",
    "a\nb\r\n| c |",
    "\x1b]0;title\x07\x1b[2J",
    "\u202egnp.exe",
    '"quoted", with comma',
    "--",
    "_a_ b_c `d`",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_a_name(results: Results, name: str) -> None:
    content = results.content({"belebele_eng_Latn": 0.5}, model=name)
    results.put(content)
    report = build_report([results.root])
    texts = {form: written(report, form) for form in FORMATS}
    assert all(c.isprintable() or c == "\n" for text in texts.values() for c in text)
    rows = [line for line in texts["md"].splitlines() if line.startswith("|")]
    bars = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
    assert bars == {3, 5}  # EN; the three benchmarks of English
    parsed = list(csv.DictReader(io.StringIO(texts["csv"])))
    assert {row["model"].lstrip("'") for row in parsed} == {next(iter(report.models))}
    assert not parsed[0]["model"].startswith(("=", "+", "-", "@"))
    assert "\\input" not in texts["latex"]
    assert next(iter(json.loads(texts["json"])["models"])) == next(iter(report.models))


names = st.text(min_size=1, max_size=30)


@given(names)
def test_latex_specials_are_all_escaped(name: str) -> None:
    text = escape_latex(shown(name))
    bare = re.sub(r"\\text[a-z]+\{\}|\\[#$%&_{}]|\{[*\[\]]\}|-\{\}", "", text)
    assert not re.search(r"[\\#$%&_{}^~<>|*\[\]]|--", bare)


@given(names)
def test_markdown_specials_are_all_escaped(name: str) -> None:
    text = escape_markdown(shown(name))
    bare = re.sub(r"\\[^\w\s]|\\_|(?<!\S)\*(?=-)", "", text)
    assert not re.search(r"[`*\[\]<>|~&$#!]", bare)
    assert "\n" not in text


@given(names)
def test_csv_never_starts_a_formula(name: str) -> None:
    assert not escape_csv(shown(name)).startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize(
    ("name", "form"),
    [("a.tex", "latex"), ("a.CSV", "csv"), ("a.json", "json"), ("a.txt", "md")],
)
def test_a_suffix_is_a_format(name: str, form: str) -> None:
    assert format_for(Path(name)) == form
    assert format_for(None) == "md"


@pytest.mark.parametrize("name", ["t.xlsx", "t.md.gz", "t.tsv"])
def test_an_unknown_suffix_is_refused_as_the_format_is(name: str) -> None:
    suffix = name.rpartition(".")[2]
    with pytest.raises(UnknownNameError, match=rf"Unknown format '{suffix}'.*csv, js"):
        format_for(Path(name))
    assert format_for(Path("report")) == "md"


def test_an_unknown_format_is_told_the_known(report: Report) -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown format 'xml'.*csv, json"):
        written(report, "xml")


def test_a_report_never_replaces_its_results(report: Report) -> None:
    path = Path(report.inputs[0])
    before = path.read_bytes()
    with pytest.raises(DataError, match="is one of the results"):
        write("x", path, report.inputs)
    assert path.read_bytes() == before


def test_a_file_is_whole_or_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "table.md"
    path.write_text("before")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(DataError, match="cannot be written: No space left"):
        write("after", path, ())
    assert path.read_text() == "before"
    with pytest.raises(DataError, match="cannot be written: No such file"):
        write("after", tmp_path / "no" / "table.md", ())


def test_many_notes_of_one_kind_are_one(results: Results) -> None:
    tasks = {t: a for t, a in everything().items() if t.startswith("belebele")}
    results.write(tasks, n=10, of=900)
    report = build_report([results.root])
    (note,) = (note for note in notes_of(report) if note.kind == "limit")
    assert note.about == "org/model, belebele_eu"
    assert note.text == (
        "belebele_eus_Latn was scored on 10 of 900, not on every item; likewise, in "
        "full in JSON: belebele_gl, belebele_ca, belebele_es, belebele_en"
    )
    limits = [i for i in report.models["org/model"].issues if i.kind == "limit"]
    assert len(limits) == 5


@pytest.mark.parametrize(("models", "lines"), [(3, 3), (4, 1)])
def test_what_is_said_of_many_models_is_said_once(
    results: Results, models: int, lines: int
) -> None:
    for number in range(models):
        results.write({"belebele_eus_Latn": 0.4}, f"org/m{number}", n=10, of=900)
    report = build_report([results.root])
    notes = [note for note in notes_of(report) if note.kind == "limit"]
    assert len(notes) == lines
    more = " and 1 more" if models > 3 else ""
    last = "org/m0, org/m1, org/m2" if models > 3 else "org/m2"
    assert notes[-1].about == f"{last}{more}, belebele_eu"


def _ifeval(run_on: float, cut: float) -> dict[str, float]:
    return {
        "inst_level_strict_acc,none": 0.4,
        "inst_level_strict_acc_first_turn,none": 0.55,
        "stop_rate,none": 1 - max(run_on, cut),
        "run_on_rate,none": run_on,
        "no_stop_rate,none": cut,
    }


@pytest.mark.parametrize("task", ["iberian_ifeval_eu", "iberian_ifeval_eu_mini"])
def test_who_does_not_stop_is_told_of(results: Results, task: str) -> None:
    """Has a column, and a sentence for more than one answer in twenty."""
    results.write({task: _ifeval(0.375, 0.05)}, "org/merged", shots=0, n=80)
    results.write({task: _ifeval(0.0, 0.05)}, "org/instruct", shots=0, n=80)
    text = written(build_report([results.root]), "md")
    assert "stops" in text.partition("## Notes")[0]
    assert "62.50" in text
    lines = [line for line in text.splitlines() if line.startswith("- **stops**")]
    assert len(lines) == 1
    assert "org/merged" in lines[0]
    assert "37.5 % of the answers run on: a part of its loss may be" in lines[0]
    assert "first turn alone 55.00, whole 40.00" in lines[0]


def test_a_first_turn_that_is_no_better_is_no_excuse(results: Results) -> None:
    same = {"inst_level_strict_acc_first_turn,none": 0.4}
    results.write({"iberian_ifeval_eu": _ifeval(0.0, 0.5) | same}, shots=0, n=80)
    (note,) = (n for n in notes_of(build_report([results.root])) if n.kind == "stops")
    assert note.text == (
        "50.0 % of the answers were cut off; the first turn alone scores the same"
        " (40.00)"
    )


def test_older_results_have_no_such_column(results: Results) -> None:
    results.write({"ifeval_eu": {"inst_level_strict_acc,none": 0.4}}, shots=0)
    assert "stops" not in written(build_report([results.root]), "md")
