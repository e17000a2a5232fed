"""The catalogue, and what is said when a dataset is not to be had."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, DatasetDict
from datasets.exceptions import DatasetNotFoundError

from lm_eval_iberian.errors import DataError, DataUnavailableError
from lm_eval_iberian.tasks import benchmarks as module
from lm_eval_iberian.tasks import flores_archive
from lm_eval_iberian.tasks.benchmark_catalogue import _benchmark, benchmark, benchmarks
from lm_eval_iberian.tasks.benchmarks import load


Refuse = Callable[[BaseException], None]


def test_every_entry_is_whole() -> None:
    found = benchmarks()
    assert len(found) == 26
    assert len({(b.family, b.lang) for b in found}) == 26
    for entry in found:
        assert entry.revision in ("main", "refs/convert/parquet") or re.fullmatch(
            r"[0-9a-f]{40}", entry.revision
        )
        assert entry.licence
        assert "/" in entry.path
        assert entry.mini[1]


def test_the_exams_are_upstream_s() -> None:
    import lm_eval.tasks

    folder = Path(lm_eval.tasks.__file__).parent / "eus_exams"
    texts = [path.read_text("utf-8") for path in folder.glob("eus_exams_eu_*.yaml")]
    names = [re.findall(r"dataset_name: (\S+)", text)[0] for text in texts]
    assert sorted(benchmark("eus_exams", "eu").names) == sorted(names)


@pytest.mark.parametrize(
    "entry", [{}, {"mini": "a/rows"}, {"mini": "a/rows", "columns": ["a"], "x": 1}]
)
def test_an_entry_that_is_not_whole_is_named(entry: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"\[cola\.pt\] lacks a key or has one too"):
        _benchmark("cola", "pt", entry)


def test_the_pinned_revision_is_asked_for_once(
    fake_hub: list[tuple[str, str | None, str]],
) -> None:
    for _ in range(2):
        assert len(load("belebele", "eu")["test"]) == 2
    (asked,) = fake_hub
    assert asked[:2] == ("facebook/belebele", "eus_Latn")
    assert re.fullmatch(r"[0-9a-f]{40}", asked[2])


GATED = DatasetNotFoundError(
    "Dataset 'facebook/belebele' is a gated dataset on the Hub."
)
GONE = DatasetNotFoundError(
    "Dataset 'x' doesn't exist on the Hub or cannot be accessed."
)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            GATED,
            r"is gated: ask for access on https://huggingface\.co/datasets/facebook",
        ),
        (GATED, r"`hf auth login`, and then where there is a network, run `iberian fe"),
        (GONE, "is not on the hub, or not for you: look at https://"),
        (
            ConnectionError("no\nroute"),
            r"could not be loaded \(ConnectionError: no rou",
        ),
        (RuntimeError("Dataset scripts are no longer supported"), "scripts are no lon"),
        (ValueError("BuilderConfig 'eus_Latn' not found"), "BuilderConfig 'eus_Latn'"),
    ],
)
def test_a_refusal_is_one_sentence_with_what_to_do(
    refusing_hub: Refuse, error: BaseException, said: str
) -> None:
    refusing_hub(error)
    with pytest.raises(DataUnavailableError, match=said) as caught:
        load("belebele", "eu")
    text = str(caught.value)
    assert "\n" not in text
    assert "Belebele, eus_Latn, facebook/belebele (eus_Latn) at revision 75b39" in text
    assert "iberian fetch iberian_belebele_eu" in text or "look at" in text


def test_offline_the_variable_is_named(
    refusing_hub: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing_hub(ConnectionError("offline"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(DataUnavailableError, match="and HF_HUB_OFFLINE is set: where"):
        load("cola", "gl")


def changed(monkeypatch: pytest.MonkeyPatch, **splits: list[dict[str, Any]]) -> None:
    import datasets

    made = DatasetDict({k: Dataset.from_list(v) for k, v in splits.items()})
    monkeypatch.setattr(datasets, "load_dataset", lambda *a, **k: made)


def test_a_changed_schema_is_named(
    refusing_hub: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"text": "Bo día.", "label": 1}
    changed(monkeypatch, train=[row], test=[row])
    with pytest.raises(DataError, match="'test', has no column sentence"):
        load("cola", "gl")


def test_a_missing_split_is_named(
    refusing_hub: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(monkeypatch, train=[{"sentence": "Bo día.", "label": 1}])
    with pytest.raises(DataError, match=r"has no split 'test' \(it has train\)"):
        load("cola", "gl")


def test_exams_that_do_not_fit_together_are_named(
    refusing_hub: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    row = {"question": "Zer?", "candidates": ["a", "b", "c", "d"], "answer": 1}

    def load_one(path: str, name: str, revision: str) -> DatasetDict:
        mixed = row | {"id": [1] if name == "eu_osakidetza1e" else 1}
        return DatasetDict({"test": Dataset.from_list([mixed])})

    monkeypatch.setattr(datasets, "load_dataset", load_one)
    with pytest.raises(DataError, match="configurations of HiTZ/EusExams do not fit"):
        load("eus_exams", "eu")


def test_flores_is_the_hub_s_where_the_user_may(
    fake_hub: list[tuple[str, str | None, str]],
) -> None:
    found = load("flores", "all")["devtest"]
    assert fake_hub == [("facebook/flores", "all", "refs/convert/parquet")]
    assert found.column_names == list(benchmark("flores", "all").columns)


def test_flores_is_the_archive_s_where_not(
    refusing_hub: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing_hub(GATED)
    monkeypatch.setattr(module, "from_archive", lambda wanted: "the archive")
    assert load("flores", "all") == "the archive"


def test_flores_from_nowhere_tells_both_ways(
    refusing_hub: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing_hub(GATED)

    def refuse(*args: object, **kwargs: object) -> None:
        raise DataUnavailableError("The archive could not be fetched (HTTP 403)")

    monkeypatch.setattr(flores_archive, "fetch", refuse)
    with pytest.raises(DataUnavailableError, match=r"HTTP 403.*is gated: ask for acc"):
        load("flores", "all")
