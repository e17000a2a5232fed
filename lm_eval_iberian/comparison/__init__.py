"""Compare models on the items that they share.

A comparer is asked for a value with its interval, or for a difference of two models;
``compare_all`` asks it for all there is, and the rest writes that down.
"""

from __future__ import annotations

from lm_eval_iberian.comparison.cell_numbers import CompareOptions
from lm_eval_iberian.comparison.comparer import Comparer
from lm_eval_iberian.comparison.comparing import ComparisonReport, compare_all
from lm_eval_iberian.comparison.comparison_data import (
    as_comparison_csv,
    as_comparison_json,
)
from lm_eval_iberian.comparison.comparison_row import ComparisonRow
from lm_eval_iberian.comparison.comparison_text import (
    as_comparison_latex,
    as_comparison_markdown,
    written_difference,
    written_p,
)
from lm_eval_iberian.comparison.sample_forms import ABSENT, value_in
from lm_eval_iberian.comparison.sample_items import SampleRow
from lm_eval_iberian.comparison.subject import (
    Subject,
    catalogue_of_tasks,
    role_place,
    subjects_of,
)
from lm_eval_iberian.comparison.subject_paths import NamedSubjects, read_subjects


__all__ = [
    "ABSENT",
    "CompareOptions",
    "Comparer",
    "ComparisonReport",
    "ComparisonRow",
    "NamedSubjects",
    "SampleRow",
    "Subject",
    "as_comparison_csv",
    "as_comparison_json",
    "as_comparison_latex",
    "as_comparison_markdown",
    "catalogue_of_tasks",
    "compare_all",
    "read_subjects",
    "role_place",
    "subjects_of",
    "value_in",
    "written_difference",
    "written_p",
]
