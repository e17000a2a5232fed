"""Find lm-eval's results files under folders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.issue import OnBad, raise_it


PATTERN = "results_*.json"
_SAMPLES = "samples_*.jsonl"


def find(paths: Iterable[Path], on_bad: OnBad = raise_it) -> list[Path]:
    """Return every results file, each once, in the order of their paths.

    Args:
        paths: Folders, searched to any depth for ``results_*.json``, and files, taken
            whatever their name.
        on_bad: Told of a path that is not there or holds no results.
    """
    found: dict[Path, Path] = {}
    samples = []
    for path in paths:
        # a shell's * names them too; they are read beside their results
        if path.is_file() and path.match(_SAMPLES):
            samples.append(path)
            continue
        try:
            for file in _within(path):
                found.setdefault(file.resolve(), file)
        except DataError as error:
            on_bad(error)
    if samples and not found:
        text = f"{samples[0]} holds samples; give the {PATTERN} beside it"
        on_bad(DataError(text))
    return sorted(found.values())


def _within(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise DataError(
            f"{path} does not exist; give the folder that lm-eval's --output_path named"
        )
    files = [file for file in path.rglob(PATTERN) if file.is_file()]
    if not files:
        raise DataError(f"{path} holds no {PATTERN}{_instead(path)}")
    yield from files


def _instead(path: Path) -> str:
    others = sorted(path.rglob("*.json"))
    if not others:
        return "; give the folder that lm-eval's --output_path named"
    return f", but {len(others)} other JSON files; name those files: {others[0]} …"
