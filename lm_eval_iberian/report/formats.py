"""The formats a report can be written in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.files import write_whole
from lm_eval_iberian.report.as_data import as_csv, as_json
from lm_eval_iberian.report.as_tables import as_latex, as_markdown
from lm_eval_iberian.report.model_report import Report
from lm_eval_iberian.report.sweep_data import sweep_object
from lm_eval_iberian.report.sweep_report import SweepReport


FORMATS: dict[str, Callable[[Report, Sequence[SweepReport]], str]] = {
    "md": as_markdown,
    "csv": lambda report, sweeps: as_csv(report),
    "latex": as_latex,
    "json": lambda report, sweeps: as_json(report, list(map(sweep_object, sweeps))),
}
_SUFFIXES = {
    ".md": "md",
    ".txt": "md",
    ".csv": "csv",
    ".tex": "latex",
    ".json": "json",
    ".html": "html",
    "": "md",
}


def format_for(path: Path | None) -> str:
    """Return the format that a file's suffix stands for, Markdown without one.

    Raises:
        UnknownNameError: It stands for none.
    """
    suffix = path.suffix.lower() if path else ""
    if suffix not in _SUFFIXES:
        raise UnknownNameError("format", suffix.removeprefix("."), FORMATS)
    return _SUFFIXES[suffix]


def written(report: Report, form: str, sweeps: Sequence[SweepReport] = ()) -> str:
    """Return a report in a format; in CSV sweeps have no rows of their own.

    Raises:
        UnknownNameError: There is no such format.
    """
    if form not in FORMATS:
        raise UnknownNameError("format", form, FORMATS)
    return FORMATS[form](report, sweeps)


def write(text: str | bytes, path: Path, inputs: Iterable[str]) -> None:
    """Write a report into a file, whole or not at all.

    Raises:
        DataError: It cannot be written there, or is one of the files it was made of.
    """
    if path.exists() and path.resolve() in {Path(name).resolve() for name in inputs}:
        raise DataError(f"{path} is one of the results; give --out another name")
    try:
        # a lone surrogate in a path has no UTF-8
        data = (
            text.encode("utf-8", "backslashreplace") if isinstance(text, str) else text
        )
        write_whole(path, data)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}") from error
