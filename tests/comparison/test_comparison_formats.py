"""What a comparison looks like: to be read, and to be read by machines."""

from __future__ import annotations

import csv
import io
import json
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from made_samples import Evaluations, answers, instructions

from lm_eval_iberian.comparison import (
    CompareOptions,
    Comparer,
    ComparisonReport,
    as_comparison_csv,
    as_comparison_json,
    as_comparison_latex,
    as_comparison_markdown,
    compare_all,
    subjects_of,
    written_p,
)
from lm_eval_iberian.report import build_report


A = "org/base_model"
RANDOM = random.Random(3)  # noqa: S311


def flipped(right: list[int], share: float) -> list[int]:
    return [max(one, int(RANDOM.random() < share)) for one in right]


def made(evaluations: Evaluations, others: int = 1) -> ComparisonReport:
    """Return a comparison in which everything is that a reader must be told of."""
    right = [RANDOM.randrange(2) for _ in range(200)]
    passages = [f"passage {number // 2}" for number in range(200)]
    tasks = {
        "belebele_eus_Latn": answers(right, link=passages),
        "xstorycloze_eu": answers(right, 2),
        "eus_trivia": answers(right),
        "iberian_belebele_gl_mini": answers(right[:8]),
    }
    verdicts = [[True, False], [True]] * 20
    evaluations.evaluated(tasks, A)
    evaluations.evaluated({"iberian_ifeval_eu": instructions(verdicts)}, A, shots=0)
    for number in range(others):
        model = f"org/merge_{number}"
        better = {
            task: [
                row | {"acc": float(one)}
                for row, one in zip(
                    rows, flipped([int(row["acc"]) for row in rows], 0.2), strict=True
                )
            ]
            for task, rows in tasks.items()
        }
        path = evaluations.evaluated(better, model)
        next(path.parent.glob("samples_eus_trivia*")).unlink()
        rows = instructions(verdicts)
        evaluations.evaluated({"iberian_ifeval_eu": rows}, model, shots=2)
    report = build_report([evaluations.root])
    options = CompareOptions(allow_mixed=True, resamples=200)
    return compare_all(Comparer(subjects_of(report), report.catalogue, options), A)


KEYS = [
    "a", "b", "benchmark", "metric", "paired", "n", "clusters", "a_value", "b_value",
    "difference", "ci95", "p", "p_holm", "gained", "lost", "detectable",
]  # fmt: skip


def test_json_has_the_keys_that_others_read(evaluations: Evaluations) -> None:
    text = as_comparison_json(made(evaluations))
    assert "NaN" not in text
    assert "Infinity" not in text
    content = json.loads(text)
    assert content["baseline"] == A
    rows = {(row["benchmark"], row["metric"]): row for row in content["comparisons"]}
    for row in rows.values():
        assert list(row)[: len(KEYS)] == KEYS
        assert (row["ci95"][0] is None) == (row["ci95"][1] is None)
        # whatever is not known is explained
        assert row["why"] or None not in (row["p"], *row["ci95"])
    story = rows["xstorycloze_eu", "acc"]
    assert (story["a"], story["b"]) == (A, "org/merge_0")
    assert story["difference"] == pytest.approx(story["b_value"] - story["a_value"])
    assert story["paired"] is True
    assert story["gained"] > 0
    assert story["lost"] == 0
    assert (story["level"], story["lang"], story["method"]) == ("benchmark", "eu", "t")
    assert rows["belebele_eu", "acc"]["clusters"] == 100
    assert rows["eus_trivia", "acc"]["paired"] is False
    assert "no samples lie beside" in rows["eus_trivia", "acc"]["why"]
    assert rows["belebele_gl_mini", "acc"]["level"] == "mini"
    assert rows["IFEval EU", "inst_level_strict_acc"]["mixed"] == "shots 2, not 0"
    assert content["family"] == sum(row["p"] is not None for row in rows.values())


def test_csv_has_a_row_for_each_comparison(evaluations: Evaluations) -> None:
    report = made(evaluations, others=2)
    rows = list(csv.DictReader(io.StringIO(as_comparison_csv(report))))
    assert len(rows) == len(report.rows)
    for row, one in zip(rows, report.rows, strict=True):
        assert row["benchmark"] == one.benchmark
        assert float(row["difference"]) == one.difference.difference
        assert row["paired"] == ("true" if one.difference.paired else "false")
        if one.difference.low is not None:
            assert float(row["ci95_low"]) == one.difference.low


def test_no_spreadsheet_takes_a_name_for_a_formula(evaluations: Evaluations) -> None:
    for model in ("=1+1", "org/b"):
        evaluations.evaluated({"eus_trivia": answers([1, 0, 1])}, model)
    report = build_report([evaluations.root])
    comparer = Comparer(subjects_of(report), report.catalogue)
    text = as_comparison_csv(compare_all(comparer, "=1+1"))
    assert "\n'=1+1," in text


def test_a_table_tells_what_its_marks_mean(evaluations: Evaluations) -> None:
    text = as_comparison_markdown(made(evaluations))
    lines = {line[2:].split(" |")[0].strip(): line for line in text.splitlines()}
    assert text.startswith("## org/merge_0 (B) against org/base_model (A)\n")
    assert lines["XStoryCloze eu"].count("**") == 2
    assert "EusTrivia eu†" in lines
    assert "IFEval EU‡¶" in lines
    assert any(name.startswith("Belebele mini gl§") for name in lines)
    assert "200 (100)" in lines["Belebele eu"]
    for sign in "†‡§¶":
        assert text.count(f"\n- {sign} ") == 1
    assert "adjusted by Holm for the" in text
    assert "- **mixed** org/merge_0: IFEval EU" in text
    assert "shots 2, not 0" in text
    # both p, each beside the other: an interval is of a difference alone
    assert "| p | p (Holm) |" in " ".join(text.split())
    cells = [cell.strip() for cell in lines["Belebele eu"].split("|")]
    assert re.fullmatch(r"<?[01]?\.\d{3}", cells[5])
    assert re.fullmatch(r"<?[01]?\.\d{3}", cells[6])
    assert "p and interval are of each difference alone" in text
    # a mark that nothing has is not explained
    small = as_comparison_markdown(only(evaluations, "xstorycloze_eu"))
    assert "†" not in small
    assert "‡" not in small


def only(evaluations: Evaluations, name: str) -> ComparisonReport:
    report = build_report([evaluations.root])
    comparer = Comparer(subjects_of(report), report.catalogue)
    return compare_all(comparer, A, [name])


def test_many_models_stand_below_each_other(evaluations: Evaluations) -> None:
    report = made(evaluations, others=5)
    text = as_comparison_markdown(report)
    titles = [line for line in text.splitlines() if line.startswith("## ")]
    assert "## XStoryCloze eu, against org/base_model (A)" in titles
    assert len(titles) == len({(r.benchmark, r.metric) for r in report.rows}) + 1
    assert text.count("| org/merge_4") == len(titles) - 1


def test_names_are_no_markup(evaluations: Evaluations) -> None:
    name = "org/a|b <b> *x* _y_ $z% & #"
    for model in (A, name):
        evaluations.evaluated({"eus_trivia": answers([1, 0, 1])}, model)
    text = as_comparison_markdown(only(evaluations, "eus_trivia"))
    assert "## org/a\\|b \\<b\\> \\*x\\* \\_y\\_ \\$z% \\& \\# (B)" in text
    assert r"\$z\% \& \#" in as_comparison_latex(only(evaluations, "eus_trivia"))


@pytest.mark.parametrize(
    ("p", "text"), [(None, "–"), (0.0, "<.001"), (0.0451, ".045"), (1.0, "1.000")]
)
def test_p_has_three_digits(p: float | None, text: str) -> None:
    assert written_p(p) == text


@pytest.mark.slow
@pytest.mark.parametrize("others", [1, 5])
def test_latex_compiles_and_fits(
    evaluations: Evaluations, tmp_path: Path, others: int
) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("NO LATEX: pdflatex is not installed")
    text = as_comparison_latex(made(evaluations, others))
    assert r"\textbf{+" in text
    assert r"$^\dagger$" in text
    document = (
        "\\documentclass[a4paper]{article}\\usepackage[margin=2cm]{geometry}\n"
        "\\usepackage[T1]{fontenc}\\usepackage{booktabs,graphicx,textcomp}\n"
        f"\\begin{{document}}\n{text}\\end{{document}}\n"
    )
    (tmp_path / "a.tex").write_text(document, "utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "a.tex"],
        cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout
    assert (tmp_path / "a.pdf").is_file()
