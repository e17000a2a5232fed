"""Results files, and the samples beside them: found and read.

lm-eval's, and those of Every Eval Ever, which are read as if lm-eval had written them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.jsonl import json_lines, read_jsonl, unpacked
from lm_eval_iberian.report.exchange_reading import (
    EXCHANGE,
    RECORD_FILE,
    RECORDS_FILE,
    SAMPLES_END,
    VERSION_KEY,
    as_lm_eval_content,
    is_exchange_record,
)
from lm_eval_iberian.report.exchange_samples import as_lm_eval_samples
from lm_eval_iberian.report.issue import OnBad, raise_it
from lm_eval_iberian.report.searched_folders import (
    refuse_searched,
    refuse_searches_in,
    search_refusal,
)
from lm_eval_iberian.terminal import shown


PATTERN = "results_*.json"
_SAMPLES = ("samples_*.jsonl", "samples_*.jsonl.gz", f"*{SAMPLES_END}")
_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d{1,9})?)\.json(?:\.gz)?$")
_LATEST = 1e12
_SECTIONS = ("config", "configs", "versions", "n-shot", "n-samples")
_HASHES = "task_hashes"


@dataclass(frozen=True)
class ResultsFile:
    """What a results file holds, its parts known to be objects.

    Args:
        path: Where it is.
        content: All of it.
        sha: A hash of its bytes: of two with one hash, one is a copy.
    """

    path: Path
    content: Mapping[str, Any]
    sha: str

    def __post_init__(self) -> None:
        results = self.content.get("results")
        here = [name for name in _SECTIONS if name in self.content]
        if not isinstance(results, Mapping) or not here:
            raise DataError(
                f"{self.path} is not a results file of lm-eval: it has no 'results' "
                "with their 'config'; leave it out, or pass --keep-going"
            )
        for name in (*here, _HASHES):
            if not isinstance(self.content.get(name), Mapping | None):
                raise self._wrong(name)
        for name, row in results.items():
            if not isinstance(row, Mapping):
                raise self._wrong(f"results.{name}")

    def _wrong(self, where: str) -> DataError:
        return DataError(
            f"{self.path}: {where} is not a JSON object; run the evaluation again, or "
            "pass --keep-going"
        )

    @property
    def name(self) -> str:
        """The path as it can be shown."""
        return shown(str(self.path))

    @property
    def results(self) -> Mapping[str, Mapping[str, Any]]:
        """The results, of tasks and of groups, by name."""
        found: Mapping[str, Mapping[str, Any]] = self.content["results"]
        return found

    def section(self, name: str) -> Mapping[str, Any]:
        """Return a part of the file, empty where it is missing."""
        found: Mapping[str, Any] = self.content.get(name) or {}
        return found

    def is_task(self, name: str) -> bool:
        """Return whether a result is a task's own, not a group's average."""
        return name in self.section("n-samples") or name in self.section("configs")

    def config_of(self, task: str) -> Mapping[str, Any]:
        """Return the settings of a task."""
        found = self.section("configs").get(task)
        return found if isinstance(found, Mapping) else {}

    def shots(self, task: str) -> int | None:
        """Return the number of examples a task was given, ``None`` where unsaid."""
        given = self.section("n-shot").get(
            task, self.config_of(task).get("num_fewshot")
        )
        return given if isinstance(given, int) else None

    def samples(self, task: str) -> tuple[int | None, int | None]:
        """Return how many items a task has, and how many of them were scored."""
        counts = self.section("n-samples").get(task)
        if not isinstance(counts, Mapping):
            return None, None
        numbers = (counts.get("original"), counts.get("effective"))
        total, scored = (n if isinstance(n, int) and n > 0 else None for n in numbers)
        return total, scored

    def when(self) -> float:
        """Return when it was made, in seconds; 0 where nothing says it."""
        date = self.content.get("date")
        # no NaN, no infinity, no integer that no float holds
        if isinstance(date, int | float) and abs(date) < _LATEST:
            return float(date)
        stamp = self.stamp()
        if stamp is None:
            return 0.0
        day, clock = stamp.split("T")
        try:
            moment = datetime.fromisoformat(
                f"{day}T{clock.split('.')[0].replace('-', ':')}"
            )
        except ValueError:
            return 0.0
        return moment.replace(tzinfo=timezone.utc).timestamp()

    def stamp(self) -> str | None:
        """Return the time in the file's name, as its samples files have it too."""
        return _stamp(self.path)

    def samples_path(self, task: str) -> Path | None:
        """Return where the samples of a task were put, if they are there."""
        return samples_beside(self.path, task)


def read_results(path: Path) -> ResultsFile:
    """Read a results file, gzipped where its name ends so.

    Raises:
        DataError: It cannot be read, is not JSON, or is not one of lm-eval's, nor one
            record of Every Eval Ever.
    """
    return _file(path, unpacked(path), str(path))


def read_records(path: Path, on_bad: OnBad = raise_it) -> Iterator[ResultsFile]:
    """Yield what a file holds: of JSON Lines each line is a record by itself.

    Args:
        path: The file.
        on_bad: Told of what cannot be used.
    """
    try:
        if path.suffix != ".jsonl":
            yield read_results(path)
            return
        lines = list(json_lines(path.read_bytes(), path))
    except DataError as error:
        on_bad(error)
        return
    except OSError as error:
        on_bad(DataError(f"{path} cannot be read: {error.strerror}"))
        return
    for number, row in lines:
        try:
            if isinstance(row, DataError):
                raise row
            yield _file(path, json.dumps(row).encode(), f"{path}, line {number}")
        except DataError as error:
            on_bad(error)


def _file(path: Path, raw: bytes, where: str) -> ResultsFile:
    try:
        content = json.loads(raw)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 ({error.reason}); run the evaluation again, or pass "
            "--keep-going"
        ) from error
    except (json.JSONDecodeError, RecursionError, ValueError) as error:
        raise DataError(
            f"{path} is not JSON, or not all of it is there ({error}); run the "
            "evaluation again, or pass --keep-going"
        ) from error
    found = content if isinstance(content, dict) else {}
    if is_exchange_record(found):
        found = as_lm_eval_content(found, where)
    return ResultsFile(path, found, hashlib.sha256(raw).hexdigest())


def samples_beside(path: Path, task: str) -> Path | None:
    """Return where the samples of a task lie beside a results file, if they do.

    They have the time of its name, and may be gzipped. Those of a record of Every Eval
    Ever have its name; where it is of several tasks, theirs cannot be told apart.

    Args:
        path: The results file.
        task: The task's name.
    """
    if RECORD_FILE.fullmatch(path.name):
        beside = path.with_name(f"{path.stem}{SAMPLES_END}")
        alone = beside.is_file() and list(read_results(path).results) == [task]
        return beside if alone else None
    stamp = _stamp(path)
    if stamp is None:
        return None
    names = (f"samples_{task}_{stamp}.jsonl{more}" for more in ("", ".gz"))
    found = (path.with_name(name) for name in names)
    return next((place for place in found if place.is_file()), None)


def _stamp(path: Path) -> str | None:
    match = _STAMP.search(path.name)
    return match[1] if match else None


def read_samples(
    path: Path, wanted: str = "none"
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield where a sample stands and what it holds, each once: filters repeat them.

    Args:
        path: The samples, gzipped where the name ends so.
        wanted: The filter whose values are wanted; rows that name none have it.

    Raises:
        DataError: The file cannot be read, a line is not a JSON object, or no line is
            of the filter.
    """
    rows: Iterable[tuple[str, dict[str, Any]]]
    rows = ((f"{path}, line {number}", row) for number, row in read_jsonl(path))
    if path.name.endswith(SAMPLES_END):
        record = read_results(path.with_name(path.name.replace(SAMPLES_END, ".json")))
        rows = as_lm_eval_samples(rows, record.section(EXCHANGE).get("results", {}))
    others: dict[str, None] = {}
    found = False
    for where, row in rows:
        name = row.get("filter") or wanted
        if name == wanted:
            found = True
            yield where, row
        else:
            others[shown(name)] = None
    if others and not found:
        raise DataError(
            f"{path} has no sample of the filter {wanted!r}, which the results are of;"
            f" it has: {', '.join(others)}"
        )


def find_results(paths: Iterable[Path], on_bad: OnBad = raise_it) -> list[Path]:
    """Return every results file, each once, in the order of their paths.

    Args:
        paths: Folders, searched to any depth for ``results_*.json``, gzipped or
            not, and for what Every Eval Ever calls its files, and files, taken whatever
            their name.
        on_bad: Told of a path that is not there or holds no results, and of what lies
            in the folder of a search.
    """
    found: dict[Path, Path] = {}
    samples = []
    for path in paths:
        # a shell's * names them too; they are read beside their results
        if path.is_file() and any(map(path.match, _SAMPLES)):
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
    refuse_searched(path)
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise DataError(
            f"{path} does not exist; give the folder that lm-eval's --output_path named"
        )
    found = (file for file in path.rglob("*.json*") if _holds_results(file))
    files = [file for file in found if not _still_runs(file)]
    if not files:
        refuse_searches_in(path)
        raise DataError(f"{path} holds no {PATTERN}{_instead(path)}")
    places = dict.fromkeys(place for file in files for place in file.parents)
    searched = {place: why for place in places if (why := search_refusal(place))}
    for file in files:
        if searched.keys().isdisjoint(file.parents):
            yield file
    for why in searched.values():
        raise why


def _holds_results(file: Path) -> bool:
    """Whether a file is called as files of results are."""
    named = file.match(PATTERN) or file.match(f"{PATTERN}.gz")
    if not (named or file.name == RECORDS_FILE or _is_record(file)):
        return False
    return file.is_file()


def _is_record(file: Path) -> bool:
    """Whether a file has a name as records have, and so have others, and is one."""
    if not RECORD_FILE.fullmatch(file.name):
        return False
    try:
        raw = file.read_bytes()
    except OSError:
        return True  # it is said why when it is read
    return not raw.strip() or VERSION_KEY in raw


def _still_runs(file: Path) -> bool:
    """Whether a file is of a sweep's cell that has not come to its end."""
    return any(
        place.name == "running" and (place.parent / "sweep.json").is_file()
        for place in file.absolute().parents
    )


def _instead(path: Path) -> str:
    if (path / "sweep.json").is_file():
        return f": no cell of this sweep has a result; iberian sweep run {path}"
    others = sorted(path.rglob("*.json"))
    if not others:
        return "; give the folder that lm-eval's --output_path named"
    return f", but {len(others)} other JSON files; name those files: {others[0]} …"
