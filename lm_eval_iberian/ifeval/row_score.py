"""What one scoring says of one answer."""

from __future__ import annotations

from dataclasses import dataclass

from lm_eval_iberian.ifeval.conduct import Conduct
from lm_eval_iberian.ifeval.verdict import Verdict


@dataclass(frozen=True)
class RowScore:
    """The verdicts on one answer by one scoring.

    Attributes:
        key: The key of the prompt.
        instruction_ids: Google's ids, in the order of the prompt; those that the
            scoring leaves out are not among them.
        places: Where each of them stands in the prompt's own list.
        strict: One verdict for each instruction, on the answer as it is.
        loose: The same on the most favourable of eight variants of the answer.
        satisfiable: Whether an answer that does what the prompt says can follow each
            instruction by both scorings.
        conduct: What else is known of the answer: empty, cut off, off-language …
    """

    key: int | str | None
    instruction_ids: tuple[str, ...]
    places: tuple[int, ...]
    strict: tuple[Verdict, ...]
    loose: tuple[Verdict, ...]
    satisfiable: tuple[bool, ...]
    conduct: Conduct

    @property
    def counts(self) -> bool:
        """Whether the row has an instruction at all; without one it earns nothing."""
        return bool(self.instruction_ids)

    @property
    def strictly_followed(self) -> bool:
        """Whether every instruction was strictly followed."""
        return self.counts and all(verdict.followed for verdict in self.strict)

    @property
    def loosely_followed(self) -> bool:
        """Whether every instruction was loosely followed."""
        return self.counts and all(verdict.followed for verdict in self.loose)
