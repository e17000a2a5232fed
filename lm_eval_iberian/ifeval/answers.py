"""Answers that were produced elsewhere: matched with their prompts, scored, written."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.files import write_whole
from lm_eval_iberian.ifeval.data import Prompt
from lm_eval_iberian.ifeval.metrics import Metrics, aggregate
from lm_eval_iberian.ifeval.scoring import RowScore, score_row
from lm_eval_iberian.jsonl import read_jsonl


@dataclass(frozen=True)
class GivenAnswer:
    """One line of an answers file; ``where`` is file and line."""

    key: int | None
    prompt: str | None
    response: str | None
    where: str


@dataclass(frozen=True)
class Scored:
    """The scores of the answers that found a prompt, and what was left over."""

    rows: tuple[RowScore, ...]
    unanswered: tuple[int, ...]
    unmatched: tuple[str, ...]

    @property
    def metrics(self) -> Metrics:
        """The accuracies over the answered prompts."""
        return aggregate(self.rows)

    @property
    def summary(self) -> str:
        """What was scored and what was not, in a few lines."""
        found = self.metrics
        lines = [f"{found.prompts} prompts, {found.instructions} instructions scored"]
        lines += _count(found.left_out, "prompts without instructions, not counted")
        lines += _count(
            len(self.unanswered), f"prompts without an answer: {_some(self.unanswered)}"
        )
        lines += _count(
            len(self.unmatched), f"answers without a prompt: {_some(self.unmatched)}"
        )
        empty = sum(row.empty for row in self.rows)
        lines += _count(empty, "empty answers")
        thoughts = sum(row.unclosed_thought for row in self.rows)
        lines += _count(thoughts, "answers that ended inside a thought")
        return "\n".join(lines)


def read_answers(path: Path) -> list[GivenAnswer]:
    """Read {"key" or "prompt", "response"} lines; a null response is an empty answer.

    Raises:
        DataError: A line has neither key nor prompt, or no response.
    """
    answers = []
    for number, row in read_jsonl(path):
        where = f"{path}, line {number}"
        key, prompt = row.get("key"), row.get("prompt")
        if not isinstance(key, int) and not isinstance(prompt, str):
            raise DataError(f"{where}: needs a 'key' (number) or a 'prompt' (text)")
        if "response" not in row or not isinstance(row["response"], str | None):
            raise DataError(f"{where}: needs a 'response' that is a text or null")
        answers.append(
            GivenAnswer(
                key if isinstance(key, int) else None,
                prompt if isinstance(prompt, str) else None,
                row["response"],
                where,
            )
        )
    return answers


def match(prompts: Sequence[Prompt], answers: Iterable[GivenAnswer]) -> Scored:
    """Score every answer by its prompt, found by key, else by the prompt's text.

    Raises:
        DataError: Two answers for one prompt, or none for any.
    """
    by_key = {prompt.key: prompt for prompt in prompts}
    by_text = {_plain(prompt.prompt): prompt for prompt in prompts}
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
    rows = tuple(
        score_row(prompt, given[prompt.key].response)
        for prompt in prompts
        if prompt.key in given
    )
    missing = tuple(prompt.key for prompt in prompts if prompt.key not in given)
    return Scored(rows, missing, tuple(unmatched))


def write_scores(path: Path, lang: str, scored: Scored) -> None:
    """Write metrics and every verdict with its reason as JSON; whole or not at all."""
    content = {
        "lang": lang,
        "scoring": "repaired",
        "metrics": _metrics(scored.metrics),
        "rows": [row for score in scored.rows for row in _rows(score)],
    }
    try:
        write_whole(path, json.dumps(content, ensure_ascii=False, indent=1))
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}") from error


def _metrics(metrics: Metrics) -> dict[str, Any]:
    found = {
        field.name: getattr(metrics, field.name)
        for field in dataclasses.fields(metrics)
        if field.name != "by_instruction"
    }
    by_type = {
        name: {"strict": acc.strict, "loose": acc.loose, "count": acc.count}
        for name, acc in metrics.by_instruction.items()
    }
    return found | {"by_instruction": by_type}


def _rows(score: RowScore) -> Iterable[dict[str, Any]]:
    verdicts = zip(score.instruction_ids, score.strict, score.loose, strict=True)
    for index, (name, strict, loose) in enumerate(verdicts):
        yield {
            "key": score.key,
            "instruction_id": name,
            "index": index,
            "strict": strict.followed,
            "loose": loose.followed,
            "reason": strict.reason,
        }


def _plain(text: str) -> str:
    return " ".join(text.split())


def _some(items: Sequence[object], most: int = 8) -> str:
    shown = ", ".join(map(str, items[:most]))
    return f"{shown}, …" if len(items) > most else shown


def _count(number: int, what: str) -> list[str]:
    return [f"{number} {what}"] if number else []
