"""Report what models scored: the paper's averages, from lm-eval's results files.

>>> from pathlib import Path
>>> report = build_report([Path("results")])  # doctest: +SKIP
>>> report.models["meta-llama/Llama-3.1-8B"].averages["EU"].value  # doctest: +SKIP
47.35...
"""

from __future__ import annotations

from lm_eval_iberian.report.average import Average
from lm_eval_iberian.report.cell import Cell
from lm_eval_iberian.report.choice import Wanted
from lm_eval_iberian.report.formats import FORMATS, format_for, write, written
from lm_eval_iberian.report.issue import Issue
from lm_eval_iberian.report.measure import Measure
from lm_eval_iberian.report.model_report import (
    ModelReport,
    Note,
    Report,
    build_report,
    notes_of,
)
from lm_eval_iberian.report.report_catalogue import Catalogue, load_catalogue
from lm_eval_iberian.report.result import Result, Setting


__all__ = [
    "FORMATS",
    "Average",
    "Catalogue",
    "Cell",
    "Issue",
    "Measure",
    "ModelReport",
    "Note",
    "Report",
    "Result",
    "Setting",
    "Wanted",
    "build_report",
    "format_for",
    "load_catalogue",
    "notes_of",
    "write",
    "written",
]
