"""Answers that were produced elsewhere: read, matched with their prompts, scored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.ifeval.data import Prompt
from lm_eval_iberian.ifeval.row_score import RowScore
from lm_eval_iberian.ifeval.scoring import SCORINGS, score_by
from lm_eval_iberian.jsonl import read_jsonl


# what servers call the end of an answer that reached its limit
_CUT_OFF: Final = frozenset({"length", "max_tokens"})


@dataclass(frozen=True)
class GivenAnswer:
    """One line of an answers file.

    Attributes:
        key: The key of its prompt, where it has one.
        prompt: The text of its prompt, where it has that.
        response: The answer; ``None`` is an empty one.
        truncated: Whether it was cut off, where the file says so.
        where: File and line.
    """

    key: int | None
    prompt: str | None
    response: str | None
    truncated: bool | None
    where: str


@dataclass(frozen=True)
class Scored:
    """The scores of the answers that found a prompt, and what was left over.

    Attributes:
        rows: For each scoring the scores, in the order of the prompts.
        unanswered: Keys of the prompts without an answer.
        unmatched: File and line of the answers without a prompt.
    """

    rows: Mapping[str, tuple[RowScore, ...]]
    unanswered: tuple[int, ...]
    unmatched: tuple[str, ...]

    @property
    def leftovers(self) -> list[str]:
        """What was not scored, a line each."""
        lines = []
        if self.unanswered:
            count = f"{len(self.unanswered)} prompts without an answer"
            lines.append(f"{count}: keys {_some(self.unanswered)}")
        if self.unmatched:
            count = f"{len(self.unmatched)} answers without a prompt"
            lines.append(f"{count}: {_some(self.unmatched, 3)}")
        return lines


def read_answers(path: Path) -> list[GivenAnswer]:
    """Read {"key" or "prompt", "response"} lines, or the samples that lm-eval logs.

    A null response is an empty answer; ``finish_reason`` may say that one was cut off.

    Raises:
        DataError: A line has neither key nor prompt, or no response; the file has no
            line at all.
    """
    answers = [
        _read_answer(row, f"{path}, line {number}") for number, row in read_jsonl(path)
    ]
    if not answers:
        raise DataError(f"{path} holds no answers")
    return answers


def match(
    prompts: Sequence[Prompt],
    answers: Iterable[GivenAnswer],
    scorings: Sequence[str] = SCORINGS,
) -> Scored:
    """Score every answer by its prompt, found by key, else by the prompt's text.

    Raises:
        DataError: Two answers for one prompt, or none for any.
    """
    by_key = {prompt.key: prompt for prompt in prompts}
    by_text = {_plain(prompt.published_prompt): prompt for prompt in prompts}
    by_text |= {_plain(prompt.prompt): prompt for prompt in prompts}
    given: dict[int, GivenAnswer] = {}
    unmatched = []
    for answer in answers:
        prompt = by_key.get(answer.key) if answer.key is not None else None
        if prompt is None and answer.prompt is not None:
            prompt = by_text.get(_plain(answer.prompt))
        if prompt is None:
            unmatched.append(answer.where)
        elif prompt.key in given:
            first = given[prompt.key].where
            raise DataError(
                f"{answer.where}: a second answer to key {prompt.key}, see {first}"
            )
        else:
            given[prompt.key] = answer
    if not given:
        raise DataError("no answer belongs to any of the prompts: other prompts?")
    scores = [
        score_by(
            prompt,
            given[prompt.key].response,
            scorings,
            truncated=given[prompt.key].truncated,
        )
        for prompt in prompts
        if prompt.key in given
    ]
    rows = dict(zip(scorings, zip(*scores, strict=True), strict=True))
    missing = tuple(prompt.key for prompt in prompts if prompt.key not in given)
    return Scored(rows, missing, tuple(unmatched))


def _read_answer(row: Mapping[str, Any], where: str) -> GivenAnswer:
    """Read one line of either form."""
    doc = row.get("doc")
    if isinstance(doc, Mapping) and "filtered_resps" in row:
        replies = row["filtered_resps"]
        if not isinstance(replies, list) or len(replies) != 1:
            raise DataError(f"{where}: lm-eval logged other than one answer here")
        row = {**doc, "response": replies[0]}
    key, prompt = row.get("key"), row.get("prompt")
    has_key = isinstance(key, int) and not isinstance(key, bool)
    if not has_key and not isinstance(prompt, str):
        raise DataError(f"{where}: needs a 'key' (number) or a 'prompt' (text)")
    if "response" not in row or not isinstance(row["response"], str | None):
        raise DataError(f"{where}: needs a 'response' that is a text or null")
    finish = row.get("finish_reason")
    return GivenAnswer(
        key=key if has_key else None,
        prompt=prompt if isinstance(prompt, str) else None,
        response=row["response"],
        truncated=finish in _CUT_OFF if isinstance(finish, str) else None,
        where=where,
    )


def _plain(text: str) -> str:
    return " ".join(text.split())


def _some(items: Sequence[object], most: int = 8) -> str:
    shown = ", ".join(map(str, items[:most]))
    return f"{shown}, …" if len(items) > most else shown
