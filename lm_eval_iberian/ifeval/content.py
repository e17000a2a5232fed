"""detectable_content: placeholders, postscript."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from lm_eval_iberian.ifeval.instruction import (
    ANY_RELATION,
    AT_LEAST,
    Answer,
    Instruction,
    Kwarg,
    Verdict,
    counted,
    shorten,
    shown,
)
from lm_eval_iberian.ifeval.marks_of_form import openings
from lm_eval_iberian.languages import LanguageProfile, fold, without_code


# not a link, a tick box, a notice such as [!NOTE], or the index of x[i]
_BRACKETS: Final = re.compile(
    r"\[(?<!\\\[)(?!\^|!|[xX]\])([^\[\]\n]{1,300})(?<!\\)\](?!\()"
)
# `[name]` is one to fill in, `data[name]` is code
_ONLY: Final = re.compile(r"`(\[[^\[\]`\n]{1,300}\])`")
_DISPLAYED: Final = re.compile(r"\\\[(.{1,600}?)\\\]", re.DOTALL)
_MATHS: Final = re.compile(r"\$\$?([^$\n]{1,300})\$\$?")
# what stands in formulas and in no text to fill in
_FORMULA: Final = re.compile(r"[\\=^{}<>+]|_\{|\w_\w|\A\s*\w\s*\Z|\d\s*[-*/]\s*\w")


def placeholders(
    answer: Answer, num_placeholders: int, relation: str = AT_LEAST
) -> Verdict:
    """At least so many placeholders in square brackets, or less where a row says so."""
    found = [
        text for text in _bracketed(answer.laid_out) if any(map(_is_fillable, text))
    ]
    verdict = counted(len(found), relation, num_placeholders, "placeholders")
    return Verdict(verdict.followed, f"{verdict.reason}: {shown(found)}")


def _bracketed(text: str) -> Iterator[str]:
    """Yield what stands in brackets outside code, formulas and lists of JSON."""
    if "`" in text:
        text = without_code(_ONLY.sub(r"\1", text))
    if "\\[" in text:
        text = _DISPLAYED.sub(_shown, text)
    if "$" in text:
        text = _MATHS.sub(lambda m: " " if _FORMULA.search(m[1]) else m[0], text)
    index_end = -1
    for match in _BRACKETS.finditer(text):
        start = match.start()
        before = text[max(0, start - 1) : start]
        if start == index_end or before == "_" or before.isalnum():
            index_end = match.end()
        elif not _is_list(match[1].strip()):
            yield match[1].strip()


def _shown(match: re.Match[str]) -> str:
    """Return what escaped brackets show: a formula is none, [a name] is one."""
    return " " if _FORMULA.search(match[1]) else f"[{match[1]}]"


# what JSON has of letters outside of quotes; Python's reader knows more than JSON
_CONSTANTS: Final = ("true", "false", "null", "NaN", "Infinity")


def _is_list(content: str) -> bool:
    """Tell whether brackets hold values as in JSON: "a", "b"."""
    if content[:1] in "\"'" and content[-1:] == content[:1]:
        return True
    if content[:1].isalpha() and not content.startswith(_CONSTANTS):
        return False
    try:
        json.loads(f"[{content}]")
    except ValueError:
        return False
    return True


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
    # letters before it are told apart where it is looked at: a search by the first
    # letter is fast
    return re.compile(rf"(?:{options})(?![^\W_])")


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
        (Kwarg("num_placeholders", "count"), ANY_RELATION),
    ),
    Instruction(
        "detectable_content:postscript",
        postscript,
        (Kwarg("postscript_marker", "text"),),
    ),
)
