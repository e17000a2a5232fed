"""Finds a grader who speaks behind an answer: "Score: 5/5", "Note: this answer …"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from lm_eval_iberian.health.said import Part, RunOn, Said
from lm_eval_iberian.health.words import any_of, asks_for, begins, health_words


# A grader's paragraph is no longer than that.
_REMARK: Final = 700
# What is read of a note.
_NOTE: Final = 260
_DOUBT: Final = 80
_VALUE: Final = r"\d{1,3}(?:[.,]\d{1,2})?"
_OF: Final = rf"{_VALUE} ?(?:/|out of|de|sobre|of|tik) ?{_VALUE}"
_SCORED: Final = re.compile(_OF)
_NUMBER: Final = re.compile(r"\d+")
_OPEN: Final = r"[\W_]{0,6}"


def graders(said: Said) -> Iterator[RunOn]:
    """Find the paragraph in which the answer is graded, the first one.

    None where a verdict is asked for (an evaluation, a rubric, a corrected exam); in
    a review, marks are the review's own.
    """
    asked = said.asked
    if asks_for("grading", asked) or asks_for("dialogue", asked):
        return
    rated = asks_for("rated", asked)
    scored = bool(_SCORED.search(said.folded))
    several = scored and sum(bool(_score().search(p.said)) for p in said.parts) > 3
    spoken = any(name in said.folded for name in health_words("grader_names"))
    for order, part in enumerate(said.parts[1:], 1):
        if len(part.text) > _REMARK:
            continue
        following = said.parts[order + 1].said if order + 1 < len(said.parts) else ""
        reason = _is_graded(part, following, asked, rated=rated or several)
        reason = reason or _is_note(part)
        if spoken and not reason:
            reason = _is_spoken_to(part, asked)
        if reason:
            yield RunOn(part.start, f"{reason}: '{part.text[:40].strip()}'")
            return


def _is_graded(part: Part, following: str, asked: str, *, rated: bool) -> str | None:
    """Return why a paragraph gives marks, or None."""
    score = _score().match(part.said)
    heading = _heading().match(part.said)
    if rated:
        judged = _feedback().search(part.said)
        return "a grader gives marks" if score and judged else None
    if score:
        rest = part.said[score.end() :].strip(" .*_)]") + following
        # nothing else, or words about the answer; the prompt's own sum is none
        about = _about().search(rest[:_REMARK])
        own = any(number in asked for number in _NUMBER.findall(score[0]))
        return "a grader gives marks" if about or not (rest or own) else None
    label = _feedback().match(part.said)
    if label and (_grader().search(label[0]) or _about().search(part.said)):
        return "a grader remarks"
    remark = _this().match(part.said)
    if remark and _score().search(part.said, remark.end()):
        return "a grader gives marks"
    if heading and _any_score().search(f"{part.said} {following}"[:_REMARK]):
        return "an evaluation begins"
    return None


def _is_note(part: Part) -> str | None:
    """Return why a paragraph is a note on the answer, or None."""
    said = part.said[:_NOTE]
    note = _note().match(said)
    if note and (_verdict().search(said, note.end()) or _score().search(said)):
        return "a note judges the answer"
    if begins(said, "answer_doubts") and "?" in said[:_DOUBT]:
        return "the answer is doubted"
    return None


def _is_spoken_to(part: Part, asked: str) -> str | None:
    """Return why a paragraph speaks of a grader, or None."""
    grader = _grader().search(part.said)
    if grader and _about().search(part.said) and not _grader().search(asked):
        return "a grader is spoken to"
    return None


@cache
def _score() -> re.Pattern[str]:
    names = any_of(health_words("score_labels"))
    value = rf"(?:{_OF}|[a-f][+-]?(?=[\s.*]|\Z)(?!\.\w))"
    return re.compile(
        rf"(?<![^\W_]){_OPEN}(?:{names})[*_]{{0,3}} ?[:=][*_ ]{{0,4}}{value}"
    )


@cache
def _any_score() -> re.Pattern[str]:
    return re.compile(rf"{_OF}|: ?[*_]{{0,3}} ?\d{{1,3}}(?![\d.,:]\d)(?=[ .,;*]|\Z)")


@cache
def _heading() -> re.Pattern[str]:
    names = any_of(health_words("evaluation_headings"))
    return re.compile(rf"(?:[-=]{{3,9}} )?(?:#{{1,6}} |\*\*|\[)(?:{names})(?![^\W_])")


@cache
def _feedback() -> re.Pattern[str]:
    names = any_of(health_words("feedback_labels"))
    return re.compile(rf"(?:\A{_OPEN}|(?<![^\W_]))(?:{names})[*_]{{0,3}} ?:")


@cache
def _this() -> re.Pattern[str]:
    return re.compile(rf"{_OPEN}(?:{any_of(health_words('this_answer'))})(?![^\W_])")


@cache
def _about() -> re.Pattern[str]:
    """Return the pattern of words for an answer and what is asked of it."""
    return re.compile(rf"(?<![^\W_])(?:{any_of(_answers())})")


@cache
def _answers() -> tuple[str, ...]:
    return (*health_words("this_answer"), *health_words("graded_things"))


@cache
def _note() -> re.Pattern[str]:
    notes = any_of((*health_words("notes"), *health_words("evaluation_headings")))
    answers = any_of(health_words("this_answer"))
    label = rf"{_OPEN}(?:{notes})[*_]{{0,3}} ?[:.][*_ ]{{0,4}}"
    return re.compile(rf"{label}(?:{answers})(?![^\W_])")


@cache
def _verdict() -> re.Pattern[str]:
    return re.compile(rf"(?<![^\W_])(?:{any_of(health_words('verdicts'))})")


@cache
def _grader() -> re.Pattern[str]:
    return re.compile(rf"(?<![^\W_])(?:{any_of(health_words('grader_names'))})")
