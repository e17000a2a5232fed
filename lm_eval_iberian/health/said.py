"""An answer as it is searched for turns, and the place where another one begins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Final

from lm_eval_iberian.languages import fold, fold_spaces


# A request is short; a paragraph of an essay is not.
REQUEST: Final = 320
CLOSING: Final = ("»", "”", '"', "'", "’")
SENTENCE: Final = re.compile(r"[^.!?…\n]+[.!?…]+[\"”»')]*|[^.!?…\n]+")
_FENCE: Final = re.compile(r"^[ \t]{0,8}(`{3,20}|~{3,20})", re.M)
_INLINE: Final = re.compile(r"`[^`\n]{1,200}`")
_PARAGRAPH: Final = re.compile(r"[^\n]+(?:\n(?![ \t]*\n)[^\n]+)*")
_PARAGRAPHS: Final = 300
_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True)
class Part:
    """A paragraph: its place, as it is, and folded with single spaces."""

    start: int
    text: str
    said: str


@dataclass(frozen=True)
class RunOn:
    """Where an answer goes on past its turn, and why it is thought so.

    Attributes:
        start: The place in the answer at which the other turn begins.
        reason: One readable clause.
    """

    start: int
    reason: str


@dataclass(frozen=True)
class Said:
    """An answer with its prompt.

    Attributes:
        response: The answer, without the model's thoughts.
        prompt: What it answers.
        begin: Where the answer begins, behind marks of its own turn.
        markers: Turn marks of the model's own template, besides the common ones.
    """

    response: str
    prompt: str
    begin: int = 0
    markers: tuple[str, ...] = ()

    @cached_property
    def asked(self) -> str:
        """The prompt, folded."""
        return fold(self.prompt)

    @cached_property
    def folded(self) -> str:
        """The answer, folded; its places are the answer's wherever it is as long."""
        return fold(self.response)

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of the answer, folded."""
        return frozenset(_WORD.findall(self.folded))

    @cached_property
    def parts(self) -> list[Part]:
        """The first paragraphs of the answer."""
        aligned = len(self.folded) == len(self.response)
        parts = []
        found = _PARAGRAPH.finditer(self.response, self.begin)
        for match in islice(found, _PARAGRAPHS):
            said = self.folded[match.start() : match.end()] if aligned else match[0]
            said = " ".join(said.split()) if aligned else fold_spaces(said)
            parts.append(Part(match.start(), match[0], said))
        return parts

    @cached_property
    def code(self) -> list[tuple[int, int]]:
        """The closed code blocks and the code in lines: mentions, no marks."""
        spans = [match.span() for match in _INLINE.finditer(self.response)]
        opened: tuple[int, str] | None = None
        for match in _FENCE.finditer(self.response):
            if opened is None:
                opened = match.start(), match[1]
            elif match[1].startswith(opened[1]):
                spans.append((opened[0], match.end()))
                opened = None
        return spans

    def is_code(self, place: int) -> bool:
        """Tell whether a place is in code."""
        return any(start <= place < end for start, end in self.code)

    def before(self, place: int) -> str:
        """Return the answer up to a place."""
        return self.response[self.begin : place]
