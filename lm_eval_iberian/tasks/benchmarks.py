"""The benchmarks as lm-eval wants them: from the hub, or their shipped twins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lm_eval_iberian.download import offline
from lm_eval_iberian.errors import DataUnavailableError, UnknownNameError
from lm_eval_iberian.tasks.benchmark_catalogue import Benchmark, benchmark
from lm_eval_iberian.tasks.flores_archive import from_archive, is_unpacked
from lm_eval_iberian.tasks.hub import from_hub
from lm_eval_iberian.tasks.minis import from_mini


if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

LOCAL = "Euskal gaiak"  # BertaQA's group of local questions, in every language


def load(dataset: str, lang: str, which: str = "hub", **_: Any) -> DatasetDict:
    """Return a benchmark's dataset; both kinds have the same form.

    Args:
        dataset: A family of ``data/BENCHMARKS.toml``.
        lang: One of its languages.
        which: ``hub`` or ``mini``.
        **_: Of no effect: some releases of lm-eval hand over a run's metadata.

    Raises:
        UnknownNameError: One of the three is not known.
        DataUnavailableError: The real dataset is not to be had now.
        DataError: What was found is not what the catalogue says.
    """
    wanted = benchmark(dataset, lang)
    if which == "mini":
        return from_mini(wanted)
    if which != "hub":
        raise UnknownNameError("kind of data", which, ("hub", "mini"))
    return _flores(wanted) if dataset == "flores" else from_hub(wanted)


def _flores(wanted: Benchmark) -> DatasetDict:
    """Take what is unpacked, then the hub's where the user may, then the archive."""
    if is_unpacked(wanted):
        return from_archive(wanted)
    try:
        return from_hub(wanted)
    except DataUnavailableError as refused:
        try:
            return from_archive(wanted)
        except DataUnavailableError as error:
            if offline():
                raise
            raise DataUnavailableError(f"{error} ({refused})") from refused


def answered(dataset: Dataset) -> Dataset:
    """Return the rows that have an answer; EusExams has some without."""
    rows = zip(dataset["answer"], dataset["candidates"], strict=True)
    return dataset.select(
        [i for i, (a, c) in enumerate(rows) if a in range(4) and any(c)]
    )


def local_only(dataset: Dataset) -> Dataset:
    """Return BertaQA's questions on the Basque Country and its culture."""
    return dataset.select([i for i, g in enumerate(dataset["group"]) if g == LOCAL])
