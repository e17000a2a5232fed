"""detectable_content: placeholders, postscript."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from lm_eval_iberian.ifeval.instruction import (
    Answer,
    Instruction,
    Kwarg,
    Verdict,
    shorten,
    shown,
)
from lm_eval_iberian.ifeval.marks_of_form import openings
from lm_eval_iberian.languages import LanguageProfile, fold


# not a link, a footnote or a tick box
_BRACKETS: Final = re.compile(r"\[(?!\^|[xX]\])([^\[\]\n]{1,300})\](?!\()")
_LINK_LABEL: Final = re.compile(r"^ {0,3}\[([^\[\]\n]{1,300})\]:[ \t]{0,3}\S", re.M)


def placeholders(answer: Answer, num_placeholders: int) -> Verdict:
    """At least so many placeholders in square brackets."""
    found = [text for text in _bracketed(answer.text) if any(map(_is_fillable, text))]
    reason = (
        f"{len(found)} placeholders found, at least {num_placeholders} wanted: "
        f"{shown(found)}"
    )
    return Verdict(len(found) >= num_placeholders, reason)


def _bracketed(text: str) -> Iterator[str]:
    """Yield what stands in brackets, reference links (``[text][label]``) left out."""
    labels = {m[1].strip() for m in _LINK_LABEL.finditer(text) if _is_target(text, m)}
    matches = list(_BRACKETS.finditer(text))
    for match, following in zip(matches, [*matches[1:], None], strict=False):
        is_link = (
            following is not None
            and following.start() == match.end()
            and following[1].strip() in labels
        )
        if not is_link and match[1].strip() not in labels:
            yield match[1].strip()


def _is_target(text: str, label: re.Match[str]) -> bool:
    """Tell whether an address follows a label: ``[Name]: Ane`` is a filled-in form."""
    return text.startswith(("http://", "https://", "<http", "/"), label.end() - 1)


def _is_fillable(character: str) -> bool:
    """A letter, or a line to write on; a number is a citation, dots an omission."""
    return character.isalpha() or character == "_"


def postscript(answer: Answer, postscript_marker: str) -> Verdict:
    """A postscript opens a line or a sentence with its mark and has a text."""
    pattern = _marker_pattern(postscript_marker, answer.profile)
    text = fold(answer.plain)
    for match in openings(pattern, text):
        rest = text[match.end() :]
        if any(map(str.isalnum, rest)):
            snippet = shorten(text[match.start() :], 30)
            return Verdict(True, f"postscript found: '{snippet}'")
    return Verdict(False, f"no line begins with '{postscript_marker}' and a text")


@lru_cache(maxsize=256)
def _marker_pattern(marker: str, profile: LanguageProfile) -> re.Pattern[str]:
    """Compile a marker with all spellings of its family; dots may have spaces."""
    letters = "".join(filter(str.isalpha, marker)).upper()
    family = profile.postscript.families.get(letters, ())
    spellings = sorted({marker.strip(), *family}, key=lambda s: (-len(s), s))
    options = "|".join(_spelling(fold(spelling)) for spelling in spellings)
    return re.compile(rf"(?<![^\W_])(?:{options})(?![^\W_])")


def _spelling(spelling: str) -> str:
    """Return the pattern of one spelling; the last full stop may be left out."""
    bare = spelling.rstrip(".")
    parts = [part.strip() for part in bare.split(".")]
    joined = r"\.[ \t]{0,2}".join(
        r"\s{1,3}".join(map(re.escape, p.split())) for p in parts
    )
    return joined + r"\.?"


INSTRUCTIONS = (
    Instruction(
        "detectable_content:number_placeholders",
        placeholders,
        (Kwarg("num_placeholders", "count"),),
    ),
    Instruction(
        "detectable_content:postscript",
        postscript,
        (Kwarg("postscript_marker", "text"),),
    ),
)
