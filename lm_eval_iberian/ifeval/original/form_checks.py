"""Format, content, combinations, starts and ends, as the original checks them."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Final

from lm_eval_iberian.ifeval.instruction import Verdict, shorten, shown
from lm_eval_iberian.ifeval.original.arguments import Arguments
from lm_eval_iberian.ifeval.original.text import Text


MARKERS: Final = ("P.S.", "P.P.S")
# the spellings of these two that are let pass
_LENIENT: Final = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}


def placeholders(text: Text, arguments: Arguments) -> Verdict:
    """At least so many pairs of square brackets, whatever they hold."""
    wanted = arguments.count("num_placeholders", 1, 4)
    found = sum(map(_brackets, text.value.split("\n")))
    reason = f"{found} pairs of square brackets found, at least {wanted} wanted"
    return Verdict(found >= wanted, reason)


def _brackets(line: str) -> int:
    r"""Count the matches of ``\[.*?\]`` in a line, in linear time."""
    found = place = 0
    while (opening := line.find("[", place)) >= 0:
        closing = line.find("]", opening)
        if closing < 0:
            break
        found, place = found + 1, closing + 1
    return found


def postscript(text: Text, arguments: Arguments) -> Verdict:
    """The marker, as a pattern, stands anywhere."""
    marker = arguments.phrase("postscript_marker", MARKERS)
    match = marker_pattern(marker).search(text.lowered)
    if match:
        found = shorten(text.value[match.start() : match.start() + 60], 30)
        return Verdict(True, f"marker '{marker}' found: '{found}'")
    return Verdict(False, f"marker '{marker}' not found")


@lru_cache(maxsize=1024)
def marker_pattern(marker: str) -> re.Pattern[str]:
    r"""Compile a marker.

    The original has ``\s*`` before it, which changes nothing but the time, unless the
    marker begins with a sign that repeats.
    """
    if marker in _LENIENT:
        return re.compile(_LENIENT[marker])
    before = r"\s*" if marker[:1] in ("", "*", "+", "?", "{") else ""
    return re.compile(before + marker.lower() + ".*$", re.MULTILINE)


_SEPARATOR: Final = "*" * 6


def two_responses(text: Text, arguments: Arguments) -> Verdict:
    """Two different parts with six stars between them."""
    parts = [part.strip() for part in text.value.split(_SEPARATOR)]
    if "" in parts[1:-1]:
        return Verdict(False, "two separators ****** with nothing between them")
    found = [part for part in parts if part]
    if len(found) != 2:
        return Verdict(False, f"{len(found)} answers between ****** found, 2 wanted")
    if found[0] == found[1]:
        return Verdict(False, "the two answers are the same")
    return Verdict(True, "two different answers found")


def repeat_prompt(text: Text, arguments: Arguments) -> Verdict:
    """The answer begins with the request, sign by sign; nothing need follow."""
    request = arguments.get("prompt_to_repeat")
    if not request:
        raise ValueError("prompt_to_repeat must be set")
    if text.value.strip().lower().startswith(request.strip().lower()):
        return Verdict(True, "the answer begins with the request")
    begin = shorten(text.value.strip(), 30)
    return Verdict(False, f"the answer begins '{begin}', not '{shorten(request, 30)}'")


_PHRASES: Final = ("Any other questions?", "Is there anything else I can help with?")


def end_phrase(text: Text, arguments: Arguments) -> Verdict:
    """The answer ends with the phrase, to the last sign; letter case is free."""
    phrase = arguments.phrase("end_phrase", _PHRASES)
    if text.value.strip().strip('"').lower().endswith(phrase.lower()):
        return Verdict(True, f"the answer ends with '{shorten(phrase)}'")
    last = shorten(text.value.rstrip()[-len(phrase) - 10 :])
    return Verdict(False, f"the answer ends '{last}', not '{shorten(phrase)}'")


def quotation(text: Text, arguments: Arguments) -> Verdict:
    """The first and the last sign are straight double quotation marks."""
    value = text.value.strip()
    if len(value) > 1 and value[0] == value[-1] == '"':
        return Verdict(True, 'the answer stands between " and "')
    ends = f"begins '{shorten(value, 10)}' and ends '{shorten(value[-10:], 10)}'"
    return Verdict(False, f'no " around the answer: it {ends}')


_SINGLE: Final = re.compile(r"\*[^\n*]*\*")
_DOUBLE: Final = re.compile(r"\*\*[^\n*]*\*\*")
_FENCES: Final = ("```json", "```Json", "```JSON", "```")
_SPLITTERS: Final = ("Section", "SECTION")


def bullets(text: Text, arguments: Arguments) -> Verdict:
    """Exactly so many lines that begin with a star or a hyphen."""
    wanted = arguments.count("num_bullets", 1, 5)
    lines = [line.lstrip() for line in text.value.split("\n")]
    found = sum(line.startswith("-") for line in lines) + _starred(lines)
    return Verdict(found == wanted, f"{found} bullets found, {wanted} wanted")


def _starred(lines: list[str]) -> int:
    """Count the lines with one star first; a bare star takes the next line with it."""
    found = place = 0
    while place < len(lines):
        line = lines[place]
        if line.startswith("*") and not line.startswith("**"):
            bare = len(line) == 1
            found += not bare or place + 1 < len(lines)
            place += bare
        place += 1
    return found


def highlights(text: Text, arguments: Arguments) -> Verdict:
    """At least so many passages between stars; double stars can count twice."""
    wanted = arguments.count("num_highlights", 1, 4)
    single = sum(bool(s.strip("*").strip()) for s in _SINGLE.findall(text.value))
    double = sum(bool(s[2:-2].strip()) for s in _DOUBLE.findall(text.value))
    found = single + double
    reason = f"{found} passages between stars found, at least {wanted} wanted"
    return Verdict(found >= wanted, reason)


def sections(text: Text, arguments: Arguments) -> Verdict:
    """At least so many times the keyword, as a pattern, before a number."""
    wanted = arguments.count("num_sections", 1, 5)
    keyword = arguments.phrase("section_spliter", _SPLITTERS)
    found = len(section_pattern(keyword).split(text.value)) - 1
    plural = "section" if found == 1 else "sections"
    reason = f"{found} {plural} '{keyword}' and a number found, {wanted} wanted"
    return Verdict(found >= wanted, reason)


@lru_cache(maxsize=1024)
def section_pattern(keyword: str) -> re.Pattern[str]:
    """Compile the mark of a section: the number follows the keyword, never leads."""
    return re.compile(rf"\s?{keyword}\s?\d+\s?")


def json_format(text: Text, arguments: Arguments) -> Verdict:
    """The answer, without a fence of backticks, is any JSON value."""
    value = text.value.strip()
    for fence in _FENCES:
        value = value.removeprefix(fence)
    try:
        json.loads(value.removesuffix("```").strip())
    except ValueError as error:
        return Verdict(False, f"not JSON: {shorten(str(error))}")
    return Verdict(True, "the answer is a JSON value")


def title(text: Text, arguments: Arguments) -> Verdict:
    """A line holds ``<<…>>``, in these signs alone."""
    for line in text.value.split("\n"):
        start, end = line.find("<<"), line.rfind(">>")
        if 0 <= start < end:
            found = line[start : end + 2].lstrip("<").rstrip(">").strip()
            if found:
                return Verdict(True, f"title found: {shown([found])}")
    return Verdict(False, "no title in <<…>> found")


def constrained(text: Text, arguments: Arguments) -> Verdict:
    """One of the options of the code stands anywhere, whatever the prompt offers."""
    for option in arguments.behaviour.options:
        if option in text.value:
            return Verdict(True, f"the option is {shown([option])}")
    options = shown(arguments.behaviour.options)
    return Verdict(False, f"none of the options found: {options}")


CHECKS = {
    "detectable_content:number_placeholders": placeholders,
    "detectable_content:postscript": postscript,
    "combination:two_responses": two_responses,
    "combination:repeat_prompt": repeat_prompt,
    "startend:end_checker": end_phrase,
    "startend:quotation": quotation,
    "detectable_format:number_bullet_lists": bullets,
    "detectable_format:number_highlighted_sections": highlights,
    "detectable_format:multiple_sections": sections,
    "detectable_format:json_format": json_format,
    "detectable_format:title": title,
    "detectable_format:constrained_response": constrained,
}
