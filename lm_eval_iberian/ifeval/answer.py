"""What a checker is given: the answer, its language, and the prompt where known."""

from __future__ import annotations

from dataclasses import dataclass

from lm_eval_iberian.languages import LanguageProfile


@dataclass(frozen=True)
class Answer:
    """An answer without the model's thoughts.

    Attributes:
        text: The answer, in NFC and with ``\\n`` line ends.
        profile: The language of the task.
        prompt: What was asked; some checks read the wanted form from it.
    """

    text: str
    profile: LanguageProfile
    prompt: str | None = None
