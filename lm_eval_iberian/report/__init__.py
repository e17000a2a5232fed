"""Report what models scored: the paper's averages, from lm-eval's results files.

>>> from pathlib import Path
>>> report = build_report([Path("results")])  # doctest: +SKIP
>>> report.models["meta-llama/Llama-3.1-8B"].averages["EU"].value  # doctest: +SKIP
47.35...
"""

from __future__ import annotations

from lm_eval_iberian.report.average import Average
from lm_eval_iberian.report.best_weight import RULES, BestRule
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
from lm_eval_iberian.report.sweep_data import figure_data
from lm_eval_iberian.report.sweep_report import (
    SweepReport,
    SweepView,
    notes_with,
    report_sweep,
    report_sweeps,
)
from lm_eval_iberian.report.sweep_results import find_sweeps
from lm_eval_iberian.report.sweep_scores import ScoreName, score_name


__all__ = [
    "FORMATS",
    "RULES",
    "Average",
    "BestRule",
    "Catalogue",
    "Cell",
    "Issue",
    "Measure",
    "ModelReport",
    "Note",
    "Report",
    "Result",
    "ScoreName",
    "Setting",
    "SweepReport",
    "SweepView",
    "Wanted",
    "build_report",
    "figure_data",
    "find_sweeps",
    "format_for",
    "load_catalogue",
    "notes_of",
    "notes_with",
    "report_sweep",
    "report_sweeps",
    "score_name",
    "write",
    "written",
]
