"""Tables with intervals, set by LaTeX: nothing runs off the page."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from made_results import Results, everything
from made_tables import made_tables

from lm_eval_iberian.paper_tables.fitted_latex import (
    breakable,
    head_lines,
    tables_as_latex,
)
from lm_eval_iberian.report import load_catalogue
from lm_eval_iberian.report.measure import Measure
from lm_eval_iberian.report.table_entries import Entry, Table


LONG = "HiTZ/Latxa-Llama-3.1-8B-Instruct-linear-eu-weight0.75-special_tokens-instruct"
UGLY = r"50%_of_$#{}~^\model & co --- [x] *y*"
WIDE = r"\usepackage[a4paper,margin=2.5cm]{geometry}"


def results_of(results: Results, models: list[str], lack: float) -> None:
    """Write what models scored on everything, with errors, but for some of it."""
    chosen = random.Random(1)  # noqa: S311
    metrics = load_catalogue().metrics
    for model in models:
        share = chosen.uniform(0.3, 0.8)
        tasks: dict[str, dict[str, float]] = {}
        for task, row in everything(share).items():
            if isinstance(row, dict) and chosen.random() >= lack:
                tasks[task] = dict(row)
                for key in row:
                    name = key.partition(",")[0]
                    error = 0.012 if metrics[name].most == 1 else 0.6
                    tasks[task][f"{name}_stderr,none"] = error
        ifeval = {task for task in tasks if "ifeval" in task}
        rest = {task: row for task, row in tasks.items() if task not in ifeval}
        results.write(rest, model=model)
        for run in range(3):
            rows = {
                task: {k: v * chosen.uniform(0.97, 1) for k, v in row.items()}
                for task, row in tasks.items()
                if task in ifeval
            }
            more = {"chat_template": "<s>", "chat_template_sha": "c", "shots": 0}
            results.write(rows, model=model, n=541, date=run, **more)


def compiled(folder: Path, tables: str, packages: str) -> str:
    """Return what pdflatex says of a document that holds the tables."""
    if shutil.which("pdflatex") is None:
        pytest.skip("NO LATEX: pdflatex is not installed (texlive-latex-recommended)")
    document = (
        r"\documentclass{article}\usepackage[T1]{fontenc}" + packages +
        r"\usepackage{array,booktabs,graphicx,longtable,textcomp}"
        r"\begin{document}\input{tables.tex}\end{document}"
    )  # fmt: skip
    (folder / "tables.tex").write_text(tables, "utf-8")
    (folder / "paper.tex").write_text(document)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    for _ in range(2):  # longtable finds its widths in the second run
        run = subprocess.run(command, cwd=folder, capture_output=True, timeout=300)
        log = run.stdout.decode("latin-1")
        assert run.returncode == 0, log[-2000:]
    return log


@pytest.mark.slow
@pytest.mark.parametrize("packages", ["", WIDE], ids=["article", "wide"])
@pytest.mark.parametrize(
    ("why", "models", "lack"),
    [
        ("one model", ["HiTZ/Latxa-Llama-3.1-8B-Instruct"], 0.0),
        (
            "names that LaTeX would obey, or that cannot be broken",
            [UGLY, "x" * 90],
            0.0,
        ),
        (
            "as many as a paper has, with gaps",
            [LONG, "meta-llama/Llama-3.1-8B", "b"],
            0.2,
        ),
        ("40 models", [f"{LONG}{i}" if i % 2 else f"m{i}" for i in range(40)], 0.1),
    ],
)
def test_nothing_runs_off_the_page(
    results: Results,
    tmp_path: Path,
    packages: str,
    why: str,
    models: list[str],
    lack: float,
) -> None:
    results_of(results, models, lack)
    tables = list(made_tables([results.root]).values())
    if len(models) == 40:  # the widest, and those with the most to say
        tables = [tables[at] for at in (0, 1, -6, -1)]
    log = compiled(tmp_path, tables_as_latex(tables), packages)
    assert re.findall(r"Overfull \\hbox[^\n]*", log) == [], why
    assert "Output written on paper.pdf" in log


def table(rows: int, columns: int, name: str = "model") -> Table:
    entry = Entry(Measure(51.234), interval=(49.8, 52.6))
    titles = tuple(f"XStoryCloze {at}" for at in range(columns))
    entries = {f"{name}{at}": (entry,) * columns for at in range(rows)}
    return Table("Table 3: benchmarks", titles, entries)


def test_a_wide_table_is_cut_into_even_parts_and_every_value_is_there_once() -> None:
    text = tables_as_latex([table(3, 11)])
    parts = text.split(r"\begin{table}")[1:]
    assert [part.count("XStory") for part in parts] == [5, 6]
    assert text.count(r"\withci{51.23}{[49.8, 52.6]}") == 33
    assert r"\caption{Benchmarks (Table 3 of the paper, 1 of 2)}" in parts[0]
    assert r"\caption{Benchmarks (Table 3 of the paper, 2 of 2)}" in parts[1]
    # what marks stand for is said once, at the end
    assert [r"\tablenotes{in square" in part for part in parts] == [False, True]


def test_the_paper_s_seven_benchmarks_are_one_table() -> None:
    """With names as long as models have, and no smaller than a style for papers is."""
    entry = Entry(Measure(51.234), interval=(49.8, 52.6))
    titles = (
        "Belebele", "XStoryCloze", "EusReading", "EusProficiency", "EusTrivia",
        "BertaQA local", "EusExams",
    )  # fmt: skip
    rows = {"HiTZ/Latxa-Llama-3.1-8B-Instruct": (entry,) * 7}
    text = tables_as_latex([Table("Benchmarks", titles, rows)])
    assert text.count(r"\begin{table}") == 1


@pytest.mark.parametrize(("rows", "long"), [(5, False), (15, False), (40, True)])
def test_a_table_of_many_rows_goes_on_over_pages(rows: int, long: bool) -> None:
    text = tables_as_latex([table(rows, 3)])
    assert (r"\begin{longtable}" in text) == long
    assert (r"\begin{table}" in text) != long


def test_best_second_and_what_may_be_as_good_are_marked() -> None:
    measure, interval = Measure(51.234), (49.8, 52.6)
    row = (
        Entry(measure, best=True, interval=interval),
        Entry(measure, second=True, as_good=True, interval=interval),
        Entry(measure, marked=True),
        Entry(None),
    )
    text = tables_as_latex([Table("t", ("a", "b", "c", "d"), {"m": row})])
    assert (
        r"m & \withci{\textbf{51.23}}{[49.8, 52.6]} &"
        r" \withci{\underline{51.23}$^{\approx}$}{[49.8, 52.6]} & 51.23$^\dagger$ & --"
    ) in text
    assert r"bold: the best; underlined: the second; $\approx$: not told from" in text


@pytest.mark.parametrize(
    ("name", "set_as"),
    [
        (
            "meta-llama/Llama-3",
            r"meta-\allowbreak{}llama/\allowbreak{}Llama-\allowbreak{}3",
        ),
        ("a" * 20, "a" * 18 + r"\allowbreak{}" + "a" * 2),
        ("two  words", "two words"),
        ("50%", r"50\%"),
        ("", ""),
    ],
)
def test_names_can_be_broken(name: str, set_as: str) -> None:
    assert breakable(name) == set_as


@pytest.mark.parametrize(
    ("title", "lines"),
    [
        ("EU", ["EU"]),
        ("EusProficiency", ["Eus", "Proficiency"]),
        ("CatCoLA MCC", ["CatCoLA", "MCC"]),
        ("BertaQA local", ["BertaQA", "local"]),
        ("eu IFEval stops", ["eu IFEval", "stops"]),
        ("first turn", ["first", "turn"]),
        ("EusReading", ["Eus", "Reading"]),
        ("EusTrivia", ["EusTrivia"]),
        ("xstory_perplexity", ["xstory_perplexity"]),
    ],
)
def test_the_head_of_a_column_has_as_many_lines_as_it_needs(
    title: str, lines: list[str]
) -> None:
    assert head_lines(title) == lines
