"""What was skipped and why, in as many lines as there are reasons."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def skips(reports: Iterable[Any]) -> list[str]:
    """Return a line for each reason to skip: how many, and what is missing."""
    reasons: dict[str, list[str]] = {}
    for report in reports:
        # (file, line, "Skipped: why")
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else "no reason"
        why = why.removeprefix("Skipped: ")
        reasons.setdefault(why.partition(": ")[0], []).append(why)
    return [
        f"{len(whys):5}  {min(whys)}{', and the like' if len({*whys}) > 1 else ''}"
        for _, whys in sorted(reasons.items())
    ]
