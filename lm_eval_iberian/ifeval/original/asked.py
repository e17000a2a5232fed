"""What was asked of a model, as the rules on satisfiability see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lm_eval_iberian.ifeval.original.arguments import Arguments
from lm_eval_iberian.languages import LanguageProfile


@dataclass(frozen=True)
class Asked:
    """The arguments and the prompt; ``profile`` where the language has a pack."""

    arguments: Arguments
    profile: LanguageProfile | None

    @property
    def prompt(self) -> str:
        """The prompt; empty where it is not known."""
        return self.arguments.prompt

    def words_otherwise(self, wording: str) -> bool:
        """Tell whether the prompt is known and does not hold a wording."""
        return bool(self.prompt) and wording.lower() not in self.prompt.lower()


Rule = Callable[[Asked], "str | None"]
