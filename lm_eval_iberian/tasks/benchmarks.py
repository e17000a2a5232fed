"""The benchmarks as lm-eval wants them: from the hub, or their shipped twins.

From the hub or its cache; where neither has one, a sentence says why not.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lm_eval_iberian.cache import readable_datasets
from lm_eval_iberian.errors import DataError, DataUnavailableError, UnknownNameError
from lm_eval_iberian.network import offline, out_of_reach
from lm_eval_iberian.tasks.benchmark_catalogue import Benchmark, benchmark
from lm_eval_iberian.tasks.flores_archive import from_archive, is_unpacked
from lm_eval_iberian.tasks.minis import from_mini


if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict


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
    return _flores(wanted) if dataset == "flores" else _from_hub(wanted)


def _flores(wanted: Benchmark) -> DatasetDict:
    """Take what is unpacked, then the hub's where the user may, then the archive."""
    if is_unpacked(wanted):
        return from_archive(wanted)
    try:
        return _from_hub(wanted)
    except DataUnavailableError as refused:
        try:
            return from_archive(wanted)
        except DataUnavailableError as error:
            if offline():
                raise
            raise DataUnavailableError(
                f"{error.fact} ({refused.fact})", error.advice
            ) from refused


def _from_hub(wanted: Benchmark) -> DatasetDict:
    """Return the splits that a benchmark needs, its configurations put together.

    With several configurations a column ``exam`` says which one a row is from.

    Raises:
        DataUnavailableError: It is gated, gone, or not in the cache without a network.
        DataError: It is there and has another form than the catalogue says.
    """
    from datasets import DatasetDict, concatenate_datasets

    parts = [_part(wanted, name) for name in wanted.names]
    try:
        return DatasetDict(
            {s: concatenate_datasets([part[s] for part in parts]) for s in parts[0]}
        )
    except (TypeError, ValueError) as error:  # columns of other types
        raise DataError(
            f"The configurations of {wanted.path} do not fit together: {error}"
        ) from error


def _part(wanted: Benchmark, name: str | None) -> dict[str, Dataset]:
    try:
        loaded = _load(wanted.path, name, wanted.revision)
    except Exception as error:  # what may come is not one family of exceptions
        raise _unavailable(wanted, name, error) from error
    part = {split: _checked(wanted, name, loaded, split) for split in wanted.splits}
    if len(wanted.names) == 1:
        return part
    return {k: v.add_column("exam", [name] * len(v)) for k, v in part.items()}


@lru_cache(maxsize=64)
def _load(path: str, name: str | None, revision: str) -> DatasetDict:
    """Load once per process: the hook asks before the task does."""
    from datasets import load_dataset

    stand_in = readable_datasets()
    where = {} if stand_in is None else {"cache_dir": str(stand_in)}
    return load_dataset(path, name, revision=revision, **where)


def _checked(
    wanted: Benchmark, name: str | None, loaded: DatasetDict, split: str
) -> Dataset:
    where = _address(wanted, name)
    if split not in loaded:
        raise DataError(
            f"{where} has no split {split!r} (it has {', '.join(loaded)}): its form has"
            " changed; adapt data/BENCHMARKS.toml"
        )
    found: Dataset = loaded[split]
    missing = [column for column in wanted.columns if column not in found.column_names]
    if missing:
        raise DataError(
            f"{where}, split {split!r}, has no column {', '.join(missing)} (it has"
            f" {', '.join(found.column_names)}): its form has changed; adapt"
            " data/BENCHMARKS.toml"
        )
    return found.select_columns(list(wanted.columns)) if wanted.only else found


def _address(wanted: Benchmark, name: str | None) -> str:
    return f"{wanted.path}{f' ({name})' if name else ''} at revision {wanted.revision}"


def _unavailable(
    wanted: Benchmark, name: str | None, error: Exception
) -> DataUnavailableError:
    page = f"https://huggingface.co/datasets/{wanted.path}"
    text = " ".join(str(error).split())
    run = f"where there is a network, run `iberian fetch {wanted.task}`"
    absent = out_of_reach()
    if absent:
        why, advice = f"is {absent}", f": {run}"
    elif "gated" in text.lower():
        why = f"is gated: ask for access on {page}, log in with `hf auth login`"
        advice = f", and then {run}"
    elif "doesn't exist" in text or "404" in text:
        why = f"is not on the hub, or not for you: look at {page}; a private one needs"
        why, advice = f"{why} `hf auth login`", ""
    else:
        why = f"could not be loaded ({type(error).__name__}: {text[:200]})"
        advice = f": {run}"
    fact = f"{wanted.what}, {_address(wanted, name)}, {why}"
    return DataUnavailableError(fact, advice)
