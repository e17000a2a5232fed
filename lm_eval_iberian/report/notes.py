"""The issues of a report as lines to read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lm_eval_iberian.report.issue import Issue
from lm_eval_iberian.report.report import Report


_AT_MOST = 3


@dataclass(frozen=True)
class Note:
    """A line: the kind of issue, the model and benchmark it is about, what it says."""

    kind: str
    about: str
    text: str


def notes_of(report: Report) -> Iterator[Note]:
    """Yield the issues, of many benchmarks of a model the first in full."""
    groups: dict[tuple[str, str], list[Issue]] = {}
    for model, issue in report.all_issues():
        about = issue.kind if issue.benchmark else issue.text
        groups.setdefault((model, about), []).append(issue)
    for (model, _), issues in groups.items():
        alone = issues if len(issues) <= _AT_MOST else issues[:1]
        for issue in alone:
            about = ", ".join(filter(None, (model, issue.benchmark)))
            others = dict.fromkeys(i.benchmark for i in issues[len(alone) :])
            names = ", ".join(name for name in others if name)
            more = f"; likewise, in full in JSON: {names}" if names else ""
            yield Note(issue.kind, about, issue.text + more)
