"""Something in the results that a reader of the averages must know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lm_eval_iberian.errors import DataError


KINDS = {
    "bad file": "a file, or a value in it, that could not be used",
    "conflict": "results of one benchmark under different settings",
    "duplicate": "several results of one benchmark under the same settings",
    "incomplete": "an average some of whose benchmarks are missing",
    "items": "another number of items than the paper's",
    "limit": "a result on some of the items only",
    "metric": "a result without the metric that counts",
    "mini": "a result on a mini set, not on the paper's benchmark",
    "mixed": "an average over results under different settings",
    "model": "what a model is called, or which weights it had",
    "settings": "a result under other settings than the paper's",
    "stops": "a model whose answers often do not stop",
    "subset": "a result on more than the benchmark",
}


@dataclass(frozen=True)
class Issue:
    """One finding: what kind, in a sentence, about which benchmark, in which files."""

    kind: str
    text: str
    benchmark: str | None = None
    files: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no kind of issue {self.kind!r}; known: {sorted(KINDS)}")


# what to do about input that cannot be used: raise it, or note it and go on
OnBad = Callable[[DataError], None]


def raise_it(error: DataError) -> None:
    """Stop at the first input that cannot be used."""
    raise error
