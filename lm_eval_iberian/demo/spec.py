"""What the demo trains, merges and measures: every number in one place."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
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
    """One merge method with the parameters its recipe carries.

    ``weights`` are those of the instructed model and of the language expert. With
    ``chat_rows`` the rows of the chat tokens come whole from the instructed model.
    """

    name: str
    weights: tuple[float, float]
    parameters: dict[str, Any] = field(default_factory=dict)
    per_model: dict[str, Any] = field(default_factory=dict)
    needs_base: bool = True
    chat_rows: bool = False

    @property
    def label(self) -> str:
        """What the merge is called."""
        return f"{self.name}+rows" if self.chat_rows else self.name


METHODS = (
    DemoMethod("linear", (0.5, 0.5), needs_base=False),
    DemoMethod("linear", (0.5, 0.5), needs_base=False, chat_rows=True),
    DemoMethod("task_arithmetic", (1.0, 0.5)),
    DemoMethod(
        "fused_dare_linear", (1.0, 0.5), {"seed": 1}, per_model={"density": 0.8}
    ),
    DemoMethod(
        "fused_breadcrumbs", (1.0, 0.5), per_model={"density": 0.9, "gamma": 0.01}
    ),
)


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
    methods: tuple[DemoMethod, ...] = METHODS
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

    @property
    def merges(self) -> tuple[tuple[str, str, DemoMethod], ...]:
        """(name, language, method) of every merge."""
        return tuple(
            (f"{method.label}-{lang}", lang, method)
            for lang in self.languages
            for method in self.methods
        )
