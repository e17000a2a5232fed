"""What the YAMLs in this folder refer to."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from lm_eval.api.samplers import ContextSampler

from lm_eval_iberian.tasks.benchmarks import load
from lm_eval_iberian.tasks.subsets import answered


__all__ = ["SameExamSampler", "answered", "load"]


class SameExamSampler(ContextSampler):
    """Draws examples from a question's own exam, as upstream's 29 tasks do."""

    def __init__(self, df: Sequence[dict[str, Any]] | None = None, **kwargs: Any):
        super().__init__(df, **kwargs)
        self.exams: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for doc in self.df:
            self.exams[doc["exam"]].append(doc)

    def sample(
        self,
        n: int,
        eval_doc: dict[str, Any] | None = None,
        df: Sequence[dict[str, Any]] | None = None,
        **kwargs: Any,
    ) -> Sequence[dict[str, Any]]:
        """Return ``n`` questions of the same exam, never the one that is scored."""
        if eval_doc is None:
            return super().sample(n, None, df, **kwargs)
        others = [doc for doc in self.exams[eval_doc["exam"]] if doc != eval_doc]
        return self.rnd.sample(others, n)
