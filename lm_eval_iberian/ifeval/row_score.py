"""What one scoring says of one answer."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Protocol

from lm_eval_iberian.ifeval.conduct import Conduct
from lm_eval_iberian.ifeval.verdict import Verdict


class Aside(Protocol):
    """What is known of an answer whatever the scoring."""

    @property
    def conduct(self) -> Conduct: ...  # noqa: D102
    @property
    def satisfiable(self) -> Set[tuple[int, str]]: ...  # noqa: D102


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
        aside: What is known besides the verdicts; found out when it is asked for.
    """

    key: int | str | None
    instruction_ids: tuple[str, ...]
    places: tuple[int, ...]
    strict: tuple[Verdict, ...]
    loose: tuple[Verdict, ...]
    aside: Aside

    @property
    def conduct(self) -> Conduct:
        """What else is known of the answer: empty, cut off, off-language …"""
        return self.aside.conduct

    @property
    def satisfiable(self) -> tuple[bool, ...]:
        """Whether each instruction can be followed by both scorings.

        That is by an answer which does what the prompt says.
        """
        pairs = zip(self.places, self.instruction_ids, strict=True)
        return tuple(pair in self.aside.satisfiable for pair in pairs)

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
