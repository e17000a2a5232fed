"""A sample as lm-eval wrote it, with what tells its item from others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class SampleRow:
    """One item of a benchmark with a model's answer.

    Args:
        key: What tells the item from others, the same for every model: the hash of its
            document, or of its content where that is missing; of parts, with the part.
        cluster: What tells the items that belong with it: a passage, a prompt.
        sample: lm-eval's own row: ``doc``, ``arguments``, ``resps``, the metrics.
        where: File and line, to be shown.
    """

    key: str
    cluster: str
    sample: Mapping[str, Any]
    where: str
