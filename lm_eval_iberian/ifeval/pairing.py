"""Find the prompt of every answer, by its key and its text, and score it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.ifeval.answer_forms import GivenAnswer
from lm_eval_iberian.ifeval.answers import Answers, going_on
from lm_eval_iberian.ifeval.known_prompts import plain, whose
from lm_eval_iberian.ifeval.prompt import Prompt
from lm_eval_iberian.ifeval.prompt_files import unjudged
from lm_eval_iberian.ifeval.rows import RowScore
from lm_eval_iberian.ifeval.scoring import SCORINGS, score_by
from lm_eval_iberian.languages import available_languages
from lm_eval_iberian.terminal import counted, some


# what chat templates write before what the user says, and after it
_BEFORE: Final = re.compile(r"(?:[>\]:]|\buser) ?$", re.IGNORECASE)
_AFTER: Final = re.compile(r" ?(?:<|\[/|###|assistant:)", re.IGNORECASE)


@dataclass(frozen=True)
class Asked:
    """The prompts that answers are wanted to.

    Attributes:
        prompts: All of them.
        lang: Their language.
        name: What they are called in messages.
        bad_rows: Rows of their file that were left out, each with its fault.
    """

    prompts: Sequence[Prompt]
    lang: str
    name: str
    bad_rows: Sequence[str] = ()

    @property
    def unjudged(self) -> list[str]:
        """What of their file cannot be judged, a line each."""
        return unjudged(self.prompts, self.bad_rows)


@dataclass(frozen=True)
class Matched:
    """Answers by the key of their prompt, and what was left over.

    Attributes:
        path: The file they were read from.
        given: The answers by key.
        unanswered: Keys of the prompts without an answer.
        unmatched: File and line of the answers without a prompt.
        bad_rows: Rows that were left out, each with its fault.
        set_aside: Keys whose answers were left out because other runs have none.
    """

    path: Path
    given: Mapping[int, GivenAnswer]
    unanswered: tuple[int, ...]
    unmatched: tuple[str, ...]
    bad_rows: tuple[str, ...] = ()
    set_aside: tuple[int, ...] = ()

    @property
    def leftovers(self) -> list[str]:
        """What was not scored, a line each."""
        lines = []
        if self.bad_rows:
            count = f"{counted(len(self.bad_rows), 'row')} left out"
            lines.append(f"{count}: {some(self.bad_rows, 3)}")
        if self.unanswered:
            count = f"{len(self.unanswered)} prompts without an answer"
            lines.append(f"{count}: keys {some(self.unanswered)}")
        if self.set_aside:
            count = f"{counted(len(self.set_aside), 'prompt')} left out"
            keys = some(self.set_aside)
            lines.append(f"{count} that other runs have no answer to: keys {keys}")
        if self.unmatched:
            count = f"{len(self.unmatched)} answers without a prompt"
            lines.append(f"{count}: {some(self.unmatched, 3)}")
        return lines

    @property
    def has_prompts(self) -> bool:
        """Whether some answer came with its prompt, and not by key alone."""
        return any(answer.prompt is not None for answer in self.given.values())


def match(asked: Asked, answers: Answers, *, keep_going: bool = False) -> Matched:
    """Find the prompt of every answer: by key, and by its text where the row has it.

    A row's text must be the published or the repaired one of its key; without a key it
    must be that of one prompt.

    Args:
        asked: The prompts.
        answers: What a file holds.
        keep_going: Leave out answers that cannot be used.

    Raises:
        DataError: An answer is to a prompt in another language; half of the answers or
            more belong to no prompt; two answers belong to one, or one to two.
    """
    _require_language(asked, answers)
    index = _Index(asked.prompts)
    found: dict[int, list[GivenAnswer]] = {}
    unmatched, bad = [], list(answers.bad_rows)
    for answer in answers.given:
        try:
            prompt = index.find(answer)
        except DataError as error:
            if not keep_going:
                raise DataError(going_on(error)) from error
            bad.append(str(error))
            continue
        if prompt is None:
            unmatched.append(answer)
        else:
            found.setdefault(prompt.key, []).append(answer)
    if 2 * len(unmatched) >= len(answers.given):
        raise DataError(_other_prompts(asked, answers, unmatched, index))
    given = {}
    for key, several in found.items():
        left, faults = _single(key, several)
        if faults and not keep_going:
            raise DataError(going_on(faults[-1]))
        bad += faults
        if left is not None:
            given[key] = left
    if not given:
        raise DataError(f"{answers.path} holds no answers; {some(bad, 3)}")
    keys = [prompt.key for prompt in asked.prompts if prompt.instruction_ids]
    missing = tuple(key for key in keys if key not in given)
    places = tuple(answer.where for answer in unmatched)
    return Matched(answers.path, given, missing, places, tuple(bad))


def score_answers(
    asked: Asked, matched: Matched, scorings: Sequence[str] = SCORINGS
) -> dict[str, tuple[RowScore, ...]]:
    """Return for each scoring the answers' scores, in the order of the prompts."""
    scores = [
        score_by(
            prompt,
            given.response,
            scorings,
            generation=given.generation,
            to_published=_is_to_published(prompt, given),
        )
        for prompt in asked.prompts
        if (given := matched.given.get(prompt.key)) is not None
    ]
    return dict(zip(scorings, zip(*scores, strict=True), strict=True))


class _Index:
    """Prompts by key and by text."""

    def __init__(self, prompts: Iterable[Prompt]) -> None:
        self.by_key = {prompt.key: prompt for prompt in prompts}
        self.by_text: dict[str, dict[int, Prompt]] = {}
        for prompt in prompts:
            for text in _texts(prompt):
                self.by_text.setdefault(text, {})[prompt.key] = prompt

    def find(self, answer: GivenAnswer) -> Prompt | None:
        """Return the prompt of an answer.

        Raises:
            DataError: It has no key, and its prompt stands under several.
        """
        text = None if answer.prompt is None else plain(answer.prompt)
        if answer.key is not None:
            prompt = self.by_key.get(answer.key)
            if prompt is None or text is None:
                return prompt
            same = any(text == own or _wraps(text, own) for own in _texts(prompt))
            return prompt if same else None
        if text is None:
            return None
        found = self.by_text.get(text) or {
            key: prompt
            for own, prompts in self.by_text.items()
            if _wraps(text, own)
            for key, prompt in prompts.items()
        }
        if len(found) > 1:
            raise DataError(
                f"{answer.where}: its prompt stands under the keys {some([*found])}; "
                "give the row a 'key'"
            )
        return next(iter(found.values()), None)


def _is_to_published(prompt: Prompt, given: GivenAnswer) -> bool:
    """Tell whether an answer came with the published text, which a repair changed."""
    if given.prompt is None or prompt.published_prompt == prompt.prompt:
        return False
    text = plain(given.prompt)
    published, repaired = (
        text == plain(own) or _wraps(text, plain(own))
        for own in (prompt.published_prompt, prompt.prompt)
    )
    return published and not repaired


def _texts(prompt: Prompt) -> set[str]:
    return {plain(prompt.published_prompt), plain(prompt.prompt)}


def _wraps(text: str, own: str) -> bool:
    """Tell whether a text is a prompt in its chat template."""
    before, found, after = text.rpartition(own)
    return bool(found and _BEFORE.search(before) and _AFTER.match(after))


def _single(
    key: int, several: Sequence[GivenAnswer]
) -> tuple[GivenAnswer | None, list[str]]:
    """Return the one answer to a prompt, and why others are not; none of two."""
    first, *others = several
    same = all(answer.response == first.response for answer in others)
    kind = "the same as" if same else "another than"
    faults = [
        f"{one.where}: a second answer to key {key}, {kind} {first.where}"
        for one in others
    ]
    if others and not same:
        return None, [f"{first.where}: answered twice, differently", *faults]
    return first, faults


def _require_language(asked: Asked, answers: Answers) -> None:
    """Refuse answers that say they are to prompts in another language."""
    known = available_languages()
    for answer in answers.given:
        if answer.lang in known and answer.lang != asked.lang:
            of_doc = "doc.lang" if answer.filter is not None else "lang"
            raise DataError(
                f"{answer.where}: {of_doc} is {answer.lang!r}, but --lang {asked.lang} "
                "was asked for"
            )


def _other_prompts(
    asked: Asked, answers: Answers, unmatched: Sequence[GivenAnswer], index: _Index
) -> str:
    """Say what was asked for, and what the file holds instead."""
    total, texts = len(answers.given), [a.prompt for a in unmatched if a.prompt]
    if len(unmatched) == total:
        head = "no answer belongs to any of the prompts"
    else:
        head = "too few answers belong to the prompts"
    if not texts:
        held = f"keys {some([answer.key for answer in unmatched])}"
    elif any(plain(text) in index.by_text for text in texts):
        held = "these prompts under other keys (leave out 'key', or mend it)"
    else:
        held = whose(texts)
    return (
        f"{answers.path}: {head} asked for, {asked.name}; {len(unmatched)} of {total} "
        f"are left over, the first is {unmatched[0].where}; the file holds {held}"
    )
