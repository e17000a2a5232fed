"""detectable_format in the original: bullets, highlights, sections, JSON, title."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Final

from lm_eval_iberian.ifeval.instruction import Verdict, shorten, shown
from lm_eval_iberian.ifeval.original.arguments import Arguments
from lm_eval_iberian.ifeval.original.text import Text


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
    "detectable_format:number_bullet_lists": bullets,
    "detectable_format:number_highlighted_sections": highlights,
    "detectable_format:multiple_sections": sections,
    "detectable_format:json_format": json_format,
    "detectable_format:title": title,
    "detectable_format:constrained_response": constrained,
}
