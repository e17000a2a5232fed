"""Finds the prompt's own form again in an answer, with another content."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from lm_eval_iberian.health.said import CLOSING, REQUEST, SENTENCE, Part, RunOn, Said
from lm_eval_iberian.health.words import asks_for, begins
from lm_eval_iberian.languages import fold_spaces


_LINES: Final = 300
_LINE: Final = re.compile(r"[^\n]+")
_OPENED: Final = re.compile(r"\s*[«“\"'‘]")
# what a line may end in where the prompt ends so
_ENDS: Final = {".": ".:»”\"'", "'": "'.", "»": "».", '"': '".', "?": "?"}
# So many words of its own has a first sentence that is known again.
_OF_ITSELF: Final = 4


def prompt_again(said: Said) -> Iterator[RunOn]:
    """Yield the places at which the prompt is put anew, the first one first.

    A translation, a question, a request of the same form; none in a dialogue that the
    prompt asks for.
    """
    if asks_for("dialogue", said.asked):
        return
    found = [
        *_same_form(said),
        *_next_texts(said),
        *_same_opening(said),
        *_same_sentences(said),
    ]
    yield from (RunOn(start, reason) for start, reason in sorted(found))


def _same_form(said: Said) -> Iterator[tuple[int, str]]:
    """Find a line that begins as the prompt does: ``Translate to French: …``."""
    asked = said.asked
    if asks_for("exercises", asked) or asks_for("questions", asked):
        return
    request = SENTENCE.findall(asked.strip().rsplit("\n", 1)[-1])
    form = fold_spaces(request[-1]) if request else ""
    words = form.split()
    if len(words) < 2 or not begins(form, "task_verbs"):
        return
    opening = " ".join(words[:2]) if len(words) > 2 else words[0]
    first = opening[0]
    lines = islice(_LINE.finditer(said.response, said.begin), 1, _LINES)
    for match in lines:
        if first.isascii() and match[0].lstrip()[:1].lower() != first:
            continue
        line = fold_spaces(match[0][:REQUEST])
        if line.endswith("?") and not said.response[match.end() :].strip():
            return  # nobody answers it: the user is asked
        if (
            line.startswith(opening)
            and line[-1:] in _ENDS.get(form[-1:], form[-1:])
            and 0.4 < len(line) / len(form) < 2.5
        ):
            yield match.start(), f"a line begins as the prompt does: '{line[:40]}'"


def _same_sentences(said: Said) -> Iterator[tuple[int, str]]:
    """Find a paragraph of as many sentences as the prompt, which begins as it does."""
    asked = " ".join(said.asked.split())
    sentences = SENTENCE.findall(asked[:REQUEST])
    opening = " ".join(asked.split()[:3])
    if not 2 <= len(sentences) <= 4 or len(asked) > REQUEST or len(opening) < 8:
        return
    if asks_for("questions", asked) or asks_for("exercises", asked):
        return
    if not (sentences[0].endswith("?") or begins(opening, "task_verbs", "imperatives")):
        return
    for part in said.parts[1:]:
        if (
            part.said.startswith(opening)
            and len(SENTENCE.findall(part.said)) == len(sentences)
            and part.said[-1:] == asked[-1:]
        ):
            yield part.start, f"a line begins as the prompt does: '{opening}'"
            return


def _same_opening(said: Said) -> Iterator[tuple[int, str]]:
    """Find the prompt's first sentence again, with other words behind it."""
    match = SENTENCE.match(said.prompt.strip()[:REQUEST])
    opening = fold_spaces(match[0]) if match else ""
    if len(opening) < 16 or len(opening.split()) < _OF_ITSELF:
        return
    if not opening.endswith((".", "?", "!", ":")):
        return
    if not (opening.endswith("?") or begins(opening, "task_verbs", "imperatives")):
        return
    # the request said again, as asked for, and then answered
    said_again = said.parts and opening in said.parts[0].said
    if asks_for("once", said.asked) and not said_again and not _begins_so(said):
        return
    for part in said.parts[1:]:
        if part.said.startswith(opening) and len(part.said) > len(opening) + 8:
            yield part.start, f"a line begins as the prompt does: '{opening[:40]}'"
            return


def _begins_so(said: Said) -> bool:
    """Tell whether the answer begins with some of the prompt."""
    return bool(said.parts) and said.parts[0].said[:60] in " ".join(said.asked.split())


def _next_texts(said: Said) -> Iterator[tuple[int, str]]:
    """Find further texts to be worked, in quotes as the prompt's: «…», «…»."""
    asked, parts = said.asked, said.parts
    if not asked.rstrip(" .").endswith(CLOSING) or asks_for("exercises", asked):
        return
    quoted = [_is_quoted(part) for part in parts[:3]]
    # the answer is not in quotes, the next text is, its answer is not
    if quoted == [False, True, False]:
        yield parts[1].start, "another text to be worked follows"


def _is_quoted(part: Part) -> bool:
    return part.text.strip()[-1:] in CLOSING and bool(_OPENED.match(part.text))
