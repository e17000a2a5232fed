"""What an answer copies of its prompt."""

from __future__ import annotations

from typing import Final

from lm_eval_iberian.health.words import shared_words
from lm_eval_iberian.languages import fold_spaces


# A copied prompt is most of the answer; a shorter prompt may be quoted by chance.
_COPIED: Final = 0.9
_SHORT_PROMPT: Final = 15
_READ: Final = 8000
# a shorter line may be in the prompt by chance
_REPEATED: Final = 20


def without_repeated_prompt(text: str, prompt: str) -> str:
    """Return an answer without the lines at its start that repeat the prompt.

    Some prompts ask for that, and say it is not the answer yet.
    """
    asked = fold_spaces(prompt)
    lines = text.split("\n")
    kept = 0
    for number, line in enumerate(lines):
        # a line that is longer than the prompt costs nothing, whatever its length
        folded = fold_spaces(line[: 2 * len(prompt) + _REPEATED])
        if folded and (len(folded) < _REPEATED or folded not in asked):
            break
        kept = number + 1 if folded else kept
    return "\n".join(lines[kept:])


def is_copied(answer: str, prompt: str) -> bool:
    """Tell whether an answer is its prompt again, and little else."""
    said, asked = fold_spaces(answer[:_READ]), fold_spaces(prompt[:_READ])
    if len(asked) < _SHORT_PROMPT or not said:
        return False
    if len(said) > 1.3 * len(asked) or len(said) < 0.7 * len(asked):
        return False
    return shared_words(asked, said) >= _COPIED
