"""detectable_format: bullets, highlights, sections, JSON, title, given options."""

from __future__ import annotations

import json
import re
from typing import Final, NoReturn

from lm_eval_iberian.ifeval.asked_numbers import is_exact
from lm_eval_iberian.ifeval.instruction import (
    ANY_RELATION,
    AT_LEAST,
    LESS_THAN,
    Answer,
    Instruction,
    Kwarg,
    Verdict,
    counted,
    shown,
)
from lm_eval_iberian.ifeval.marks_of_form import emphasised, section_marks
from lm_eval_iberian.ifeval.options import chosen, offered
from lm_eval_iberian.languages import without_code


_BULLET: Final = re.compile(r"^[^\S\n>]{0,40}[*\-+•][^\S\n]+(?=\S)(.*)$", re.MULTILINE)
_RULE: Final = re.compile(r"[\s*\-_+]*")
_ANGLES: Final = ("<<", ">>")
_GUILLEMETS: Final = ("«", "»")


def bullets(answer: Answer, num_bullets: int) -> Verdict:
    """Exactly so many Markdown bullets (``*``, ``-``, ``+`` or ``•`` and a space)."""
    items = [match[1] for match in _BULLET.finditer(without_code(answer.text))]
    found = [item for item in items if not _RULE.fullmatch(item)]
    reason = f"{len(found)} bullets found, {num_bullets} wanted: {shown(found, 3)}"
    return Verdict(len(found) == num_bullets, reason)


def highlights(
    answer: Answer, num_highlights: int, relation: str = AT_LEAST
) -> Verdict:
    """At least so many passages in Markdown emphasis, or less where a row says so."""
    found = emphasised(without_code(answer.laid_out))
    verdict = counted(len(found), relation, num_highlights, "highlights")
    return Verdict(verdict.followed, f"{verdict.reason}: {shown(found, 3)}")


def sections(
    answer: Answer, section_spliter: str, num_sections: int, relation: str = AT_LEAST
) -> Verdict:
    """So many sections with a numbered heading; more only where the prompt allows.

    Less than so many where a row says so.
    """
    found = section_marks(answer.plain, section_spliter.strip(), answer.profile)
    if relation == LESS_THAN:
        verdict = counted(len(found), relation, num_sections, "sections")
        return Verdict(verdict.followed, f"{verdict.reason}: {shown(found)}")
    exactly = bool(answer.prompt) and is_exact(
        num_sections, str(answer.prompt), answer.profile.prompts
    )
    plural = "section" if len(found) == 1 else "sections"
    wanted = f"{'exactly' if exactly else 'at least'} {num_sections}"
    reason = f"{len(found)} {plural} found, {wanted} wanted: {shown(found)}"
    followed = len(found) == num_sections if exactly else len(found) >= num_sections
    return Verdict(followed, reason)


def json_format(answer: Answer) -> Verdict:
    """The whole answer is one JSON object or list, in a code fence or not."""
    text = answer.text.strip().removeprefix("\ufeff")
    try:
        value = json.loads(
            _unfenced(text), parse_constant=_refuse, parse_int=str, parse_float=str
        )
    except RecursionError:
        return Verdict(False, "the JSON is nested too deeply to be read")
    except ValueError as error:
        return Verdict(False, f"not JSON: {error}")
    if isinstance(value, dict | list):
        kind = "object" if isinstance(value, dict) else "list"
        return Verdict(True, f"the answer is a JSON {kind}")
    return Verdict(False, "a bare JSON value, neither an object nor a list")


def _unfenced(text: str) -> str:
    """Return what a code fence around the whole text holds."""
    for fence in ("```", "~~~"):
        if text.startswith(fence) and text.endswith(fence) and len(text) >= 6:
            inner = text[3:-3]
            first, newline, rest = inner.partition("\n")
            tagged = first.strip().lower() in ("", "json")
            if newline and tagged:
                return rest
            return inner[4:] if inner[:4].lower() == "json" else inner
    return text


def _refuse(name: str) -> NoReturn:
    """Reject NaN and Infinity, which are no JSON."""
    raise ValueError(f"{name} is not a JSON value")


def title(answer: Answer) -> Verdict:
    """A title stands in ``<<…>>``, or in the marks that the prompt shows instead."""
    marks = [_ANGLES]
    prompt = answer.prompt or ""
    text = answer.laid_out
    if "\\" in text:
        text = text.replace("\\<", "<").replace("\\>", ">")
    if "<<" not in prompt and _between(prompt, _GUILLEMETS) is not None:
        marks.append(_GUILLEMETS)
    for opening, closing in marks:
        if found := _between(text, (opening, closing)):
            return Verdict(True, f"title found: {shown([found])}")
    wanted = " or ".join(f"{opening}…{closing}" for opening, closing in marks)
    return Verdict(False, f"no title in {wanted} found")


def _between(text: str, marks: tuple[str, str]) -> str | None:
    """Return the first passage on one line between two marks, if it says something."""
    for line in text.split("\n"):
        start, end = line.find(marks[0]), line.rfind(marks[1])
        if 0 <= start < end and not _is_operator(line, start + len(marks[0])):
            passage = line[start + len(marks[0]) : end].strip("<>«» \t")
            if any(map(str.isalnum, passage)):
                return passage
    return None


def _is_operator(line: str, after: int) -> bool:
    """Tell whether a mark shifts numbers: space after it, and words before it."""
    label = line[: after - 2].rstrip(' \t*_"“«#>`')
    spaced = line[after : after + 1].isspace()
    return spaced and any(map(str.isalnum, label)) and not label.endswith(":")


def constrained(answer: Answer) -> Verdict:
    """The answer gives exactly one of the options that the prompt, or pack, lists."""
    options = offered(answer)
    found = chosen(answer)
    if len(found) == 1:
        return Verdict(True, f"the option is {shown(found)}")
    if found:
        return Verdict(False, f"more than one option found: {shown(found)}")
    return Verdict(False, f"none of the options found: {shown(options)}")


def _count(name: str) -> tuple[Kwarg, ...]:
    return (Kwarg(name, "count"),)


INSTRUCTIONS = (
    Instruction(
        "detectable_format:number_bullet_lists", bullets, _count("num_bullets")
    ),
    Instruction(
        "detectable_format:number_highlighted_sections",
        highlights,
        (Kwarg("num_highlights", "count"), ANY_RELATION),
    ),
    Instruction(
        "detectable_format:multiple_sections",
        sections,
        (
            Kwarg("section_spliter", "text"),
            Kwarg("num_sections", "count"),
            ANY_RELATION,
        ),
    ),
    Instruction("detectable_format:json_format", json_format),
    Instruction("detectable_format:title", title),
    Instruction("detectable_format:constrained_response", constrained),
)
