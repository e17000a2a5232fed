"""An answer, or a part of it, with what several checkers measure of it."""

from __future__ import annotations

from functools import cached_property

from lm_eval_iberian.ifeval.original import tokens


class Text:
    """A text as the original sees it: untouched, thoughts included.

    What is costly is measured once, and only if a checker asks for it.
    """

    def __init__(self, value: str) -> None:
        self.value = value

    @cached_property
    def lowered(self) -> str:
        """The text in small letters."""
        return self.value.lower()

    @cached_property
    def words(self) -> int:
        """The number of words."""
        return tokens.count_words(self.value)

    @cached_property
    def sentences(self) -> int:
        """The number of sentences."""
        return tokens.count_sentences(self.value)

    @cached_property
    def capital_words(self) -> tuple[str, ...]:
        """The words in capital letters."""
        return tokens.capital_words(self.value)
