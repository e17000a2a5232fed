"""Which items belong together, by the columns that the real datasets have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from made_samples import Evaluations, answers

from lm_eval_iberian.comparison.sample_items import read_items
from lm_eval_iberian.report import build_report, load_catalogue
from lm_eval_iberian.tasks.benchmarks import load


HALVES = [number // 2 for number in range(8)]
TEXTS = [f"text {number}" for number in HALVES]
# task, the columns of its documents, how many clusters eight items are
FAMILIES: list[tuple[str, dict[str, list[Any]], int]] = [
    ("belebele_eus_Latn", {"link": TEXTS, "flores_passage": list("abcdefgh")}, 4),
    # the dataset in Galician has no link
    ("belebele_glg_Latn", {"flores_passage": TEXTS}, 4),
    ("belebele_cat_Latn", {"link": [""] * 8, "flores_passage": TEXTS}, 4),
    ("eus_reading", {"context": TEXTS}, 4),
    ("parafrases_gl", {"Frase": TEXTS, "Paráfrase": list("abcdefgh")}, 4),
    ("bl2mp", {"sentence_good": TEXTS, "sentence_bad": list("abcdefgh")}, 4),
    ("iberian_eus_exams_eu", {"question": TEXTS, "exam": list("abcdefgh")}, 4),
    ("catcola", {"Sentence": TEXTS}, 8),
    ("xstorycloze_eu", {"input_sentence_1": TEXTS}, 8),
    ("eus_trivia", {"question": TEXTS}, 8),
    ("bertaqa_eu_local", {"question": TEXTS, "group": ["Euskal gaiak"] * 8}, 8),
]


@pytest.mark.parametrize(("task", "columns", "clusters"), FAMILIES)
def test_items_of_one_text_are_one_cluster(
    evaluations: Evaluations, task: str, columns: dict[str, list[Any]], clusters: int
) -> None:
    evaluations.evaluated({task: answers([1, 0] * 4, **columns)})
    assert len(set(clusters_of(evaluations.root))) == clusters


def clusters_of(folder: Path) -> list[str]:
    report = build_report([folder])
    cell = next(iter(report.models["org/model"].cells.values()))
    found = read_items(cell.results[0], cell.benchmark, report.catalogue)
    assert isinstance(found, tuple)
    return [item.cluster for item in found[0]]


def test_every_family_that_clusters_is_one() -> None:
    catalogue = load_catalogue()
    families = {benchmark.family for benchmark in catalogue.benchmarks.values()}
    assert set(catalogue.clusters) <= families


# of shipped rows: how many are scored, and in how many clusters
MINIS = [
    ("belebele", "eu", 24, 12), ("eus_reading", "eu", 4, 2), ("cola", "ca", 110, 55),
    ("cola", "en", 110, 55), ("cola", "eu", 60, 60), ("parafrases", "gl", 6, 6),
    ("flores", "all", 30, 30),
]  # fmt: skip


@pytest.mark.parametrize(("family", "lang", "items", "clusters"), MINIS)
def test_the_shipped_rows_have_the_columns(
    family: str, lang: str, items: int, clusters: int
) -> None:
    splits = load(family, lang, "mini")
    rows = list(next(iter(splits.values())))
    columns = load_catalogue().clusters[family]
    found = {next(row[c] for c in columns if row.get(c) is not None) for row in rows}
    assert (len(rows), len(found)) == (items, clusters)
