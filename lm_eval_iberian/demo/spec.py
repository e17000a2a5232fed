"""What the demo trains, merges and measures: every number in one place."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval_iberian.errors import UnknownNameError


@dataclass(frozen=True)
class Shape:
    """A Llama-shaped model of about a million parameters."""

    vocabulary: int = 1024
    hidden: int = 128
    intermediate: int = 352
    layers: int = 4
    heads: int = 4
    positions: int = 1024


@dataclass(frozen=True)
class Training:
    """One training run: steps, peak learning rate, batch of rows × tokens."""

    steps: int
    rate: float
    rows: int = 32
    tokens: int = 64

    def __post_init__(self) -> None:
        if self.steps < 1 or self.rows < 1 or self.tokens < 2 or self.rate <= 0:
            raise ValueError(f"a training needs steps, rows, tokens and a rate: {self}")


@dataclass(frozen=True)
class DemoMethod:
    """Merges of one method: a name, and the entry that a sweep's specification has."""

    label: str
    entry: Mapping[str, Any]


# of the expert; the instructed model's is 1. Those of the paper's Figure 1
WEIGHTS = "0.25..2.0 step 0.25"
# of the methods that are not swept
_WEIGHT = 0.5


def methods(weights: str = WEIGHTS) -> tuple[DemoMethod, ...]:
    """Return the merges of the demo.

    Args:
        weights: The weights of what is swept, as a specification has them.
    """
    linear = {"method": "linear", "weight": weights}
    return (
        DemoMethod("linear", linear),
        DemoMethod("linear+rows", {**linear, "special_tokens": "instruct"}),
        DemoMethod(
            "task_arithmetic", {"method": "task_arithmetic", "weight": weights}
        ),
        DemoMethod(
            "fused_dare_linear",
            {
                "method": "fused_dare_linear", "weight": _WEIGHT,
                "density": 0.8, "seed": 1,
            },
        ),
        DemoMethod(
            "fused_breadcrumbs",
            {
                "method": "fused_breadcrumbs", "weight": _WEIGHT,
                "density": 0.9, "gamma": 0.01,
            },
        ),
    )  # fmt: skip


@dataclass(frozen=True)
class DemoSpec:
    """Everything a demo depends on; the same spec gives the same weights on a machine.

    Args:
        languages: Languages that get an expert; each has prose and a grammar.
        key: What every random draw is keyed by.
    """

    languages: tuple[str, ...] = ("eu", "gl")
    key: str = "iberian-demo"
    shape: Shape = Shape()
    base: Training = Training(400, 2e-3, rows=24)
    instruct: Training = Training(400, 1.2e-3, rows=24, tokens=112)
    expert: Training = Training(240, 8e-4, rows=24)
    replay: float = 0.1
    methods: tuple[DemoMethod, ...] = methods()
    answer_tokens: int = 112

    def scaled(self, share: float) -> DemoSpec:
        """Return the same demo with a share of the training steps."""
        if not 0 < share <= 100:
            raise ValueError(f"the scale must be above 0, found {share}")

        def fewer(training: Training) -> Training:
            steps = max(1, round(training.steps * share))
            return dataclasses.replace(training, steps=steps)

        return dataclasses.replace(
            self,
            base=fewer(self.base),
            instruct=fewer(self.instruct),
            expert=fewer(self.expert),
        )

    def by(self, labels: Sequence[str]) -> DemoSpec:
        """Return the same demo with some of its merges.

        Raises:
            UnknownNameError: No method is called so.
        """
        known = {method.label: method for method in self.methods}
        for label in labels:
            if label not in known:
                raise UnknownNameError("merge of the demo", label, known)
        return dataclasses.replace(self, methods=tuple(known[one] for one in labels))

    @property
    def digest(self) -> str:
        """Name this spec: what was made by another one is not reused."""
        text = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()

    @property
    def models(self) -> tuple[str, ...]:
        """The trained models, in the order they can be trained."""
        return ("base", "instruct", *(f"expert-{lang}" for lang in self.languages))
