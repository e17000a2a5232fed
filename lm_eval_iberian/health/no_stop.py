"""Tells whether an answer was cut off: it did not stop by itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


# what servers call the end of an answer that reached its limit
_CUT_OFF: Final = frozenset({"length", "max_tokens", "max_length", "max_new_tokens"})
# text is decoded, stripped and counted again: not every token comes back
_NEARLY: Final = 0.9
_SLACK: Final = 2
# A shorter answer may end in a name or a signature; models are cut off far later.
_LONG: Final = 400
_LINE: Final = 40
# no model ends such a loop by itself
_ENDLESS: Final = 2000
_ITEM: Final = re.compile(r"(?:[-*+•#>|]|\d{1,3}[.)])\s")
_MARK: Final = re.compile(r"[.!?…,;:]")
_UNMARKED: Final = 100
_SENTENCE_ENDS: Final = (".", "!", "?", "…")
_INNER_END: Final = re.compile(r"[.!?…][\"'”’»)]{0,2}\s")


@dataclass(frozen=True)
class Generation:
    """How an answer was generated, as far as it is known.

    Attributes:
        finish_reason: Why it ended, in the words of a server: ``stop``, ``length`` …
        limit: How many tokens it could have at most.
        count_tokens: Counts the tokens of a text, without marks around it.
        markers: Turn marks of the model's own template, besides the common ones.
        until: The texts at which generation was stopped; an answer ends before them.
    """

    finish_reason: str | None = None
    limit: int | None = None
    count_tokens: Callable[[str], int] | None = None
    markers: tuple[str, ...] = ()
    until: tuple[str, ...] = ()


def find_no_stop(
    response: str, generation: Generation, *, unclosed: bool, loops: bool
) -> str | None:
    """Return why an answer counts as cut off, or None.

    Who knows is believed: a finish reason, else the limit and the tokens. Where nobody
    says it, a long answer that ends inside a sentence, in a loop or in a thought was
    cut; so was none that has fewer bytes than the limit allows tokens.

    Args:
        response: The whole answer, thoughts included.
        generation: What is known of how it came about.
        unclosed: Whether it ended in a thought.
        loops: Whether it repeats itself to its end.
    """
    if generation.finish_reason:
        cut = generation.finish_reason.lower() in _CUT_OFF
        return f"it ended by '{generation.finish_reason}'" if cut else None
    limit = generation.limit
    if limit is not None:
        # a token is a byte at the least
        if len(response) < limit and len(response.encode("utf-8", "replace")) < limit:
            return None
        if generation.count_tokens is not None:
            tokens = generation.count_tokens(response)
            if tokens >= limit - _SLACK:
                return f"it reached the limit of {limit} tokens"
            if tokens < _NEARLY * limit:
                return None
    if unclosed:
        return "it ends inside a thought"
    if _stops_short(response) and not _lost_its_end(response, generation.until):
        return f"it ends inside a sentence: '…{' '.join(response[-60:].split())[-40:]}'"
    if loops and (len(response) >= _ENDLESS or _open_end(response.rstrip())):
        return "it repeats itself until it was cut"
    return None


def _stops_short(text: str) -> bool:
    """Tell whether a long answer ends inside a sentence.

    Verses, items and tags end without a full stop: the last line must be running text
    among lines that have one.
    """
    *lines, last = [line.strip() for line in text.rstrip().split("\n")]
    if len(text) < _LONG or len(last) < _LINE or not _open_end(last):
        return False
    if _ITEM.match(last) or last.split()[-1].startswith("#"):
        return False
    # who was asked for no commas often writes no full stops either
    if len(last) >= _UNMARKED and not _MARK.search(last):
        return False
    long = [line for line in lines if len(line) >= _LINE]
    closed = sum(not _open_end(line) for line in long)
    return bool(_INNER_END.search(last) or closed) and 2 * closed >= len(long)


def _lost_its_end(text: str, until: tuple[str, ...]) -> bool:
    """Tell whether a stop string such as ``.\\n\\n`` may have taken the full stop."""
    return text.rstrip()[-1:].isalpha() and any(
        stop.startswith(_SENTENCE_ENDS) for stop in until
    )


def _open_end(line: str) -> bool:
    return line[-1:].isalpha() or line[-1:] == ","
