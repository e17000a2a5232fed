"""One IFEval prompt, and how a row under our names becomes one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.ifeval.instruction import Demand, shorten
from lm_eval_iberian.ifeval.published_rows import decoded
from lm_eval_iberian.ifeval.registry import bare_id, resolve, why_unchecked


Published = tuple[Sequence[str], Sequence[Mapping[str, Any] | None]]


@dataclass(frozen=True)
class Prompt:
    """One IFEval prompt; its arguments are validated when it is made.

    ``kwargs[i]`` belongs to ``instruction_ids[i]`` and holds only what that instruction
    uses. ``instruction_ids`` may be empty: such a prompt is never scored.

    Attributes:
        unsatisfiable: For each instruction, whether the prompt makes it impossible to
            follow.
        skipped_ids: Instructions that nothing here checks, in this language; the prompt
            cannot be judged as a whole then.
        published: Ids and kwargs as they were before any repair.
        published_prompt: The text before any repair; answers may be filed under it.
        answer_forms: What answers to that text write, and what it is in the repaired.
        demands: The instructions, each with its kwargs.

    Raises:
        DataError: Ids, kwargs and flags are not equally many, or kwargs do not fit.
        UnknownNameError: No such instruction.
    """

    key: int
    prompt: str
    instruction_ids: tuple[str, ...]
    kwargs: tuple[dict[str, Any], ...]
    lang: str
    unsatisfiable: tuple[bool, ...] = ()
    skipped_ids: tuple[str, ...] = ()
    published: Published = ((), ())
    published_prompt: str = ""
    answer_forms: tuple[tuple[str, str], ...] = ()
    demands: tuple[Demand, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        count = len(self.instruction_ids)
        flags = self.unsatisfiable or (False,) * count
        if len(self.kwargs) != count or len(flags) != count:
            raise DataError(
                f"Prompt {self.key}: {count} instructions, {len(self.kwargs)} kwargs, "
                f"{len(flags)} flags 'unsatisfiable': they must be equally many."
            )
        object.__setattr__(self, "unsatisfiable", flags)
        if self.published == ((), ()):
            both = (self.instruction_ids, self.kwargs)
            object.__setattr__(self, "published", both)
        if not self.published_prompt:
            object.__setattr__(self, "published_prompt", self.prompt)
        instructions = map(resolve, self.instruction_ids)
        demands = tuple(map(Demand.of, instructions, self.kwargs))
        object.__setattr__(self, "demands", demands)
        object.__setattr__(self, "kwargs", tuple(one.arguments for one in demands))


def in_repaired_words(text: str, forms: Iterable[tuple[str, str]]) -> str:
    """Write an answer to the published text as one to the repaired text.

    A form counts where it is no part of a longer word or of a longer run of its signs.
    """
    for old, new in forms:
        text = _alone(old).sub(new.replace("\\", r"\\"), text)
    return text


@cache
def _alone(form: str) -> re.Pattern[str]:
    """Compile the search for a form that stands alone."""
    first, last = re.escape(form[0]), re.escape(form[-1])
    before = rf"(?<!{first})" + (r"(?<![^\W_])" if form[0].isalnum() else "")
    after = rf"(?!{last})" + (r"(?![^\W_])" if form[-1].isalnum() else "")
    return re.compile(before + re.escape(form) + after, re.IGNORECASE)


def parse_prompt(
    row: dict[str, Any],
    lang: str,
    where: str,
    *,
    published: dict[str, Any] | None = None,
    answer_forms: tuple[tuple[str, str], ...] = (),
) -> Prompt:
    """Validate one row.

    Args:
        row: The row, decoded and repaired.
        lang: Its language.
        where: Named in the error.
        published: The row before its repair, decoded.
        answer_forms: Those of its repairs.

    Raises:
        DataError: A field is missing or of the wrong type, or a kwarg unknown.
    """
    columns = ", ".join(map(str, row))
    row = decoded(row)
    key, text = row.get("key"), row.get("prompt")
    if not isinstance(key, int) or isinstance(key, bool):
        raise DataError(f"{where}: 'key' must be a whole number, found {key!r}")
    where = f"{where}, key {key}"
    if not isinstance(text, str) or not text.strip():
        raise DataError(
            f"{where}: 'prompt' must be a text, found {_form(text, columns)}"
        )
    ids, kwargs = _lists(row, where)
    skipped = [why_unchecked(name, lang) is not None for name in ids]
    kept = [place for place, unchecked in enumerate(skipped) if not unchecked]
    flags = _flags(row, len(ids), where)
    before = published or row
    both = _published(before, lang, where)
    try:
        return Prompt(
            key,
            text,
            tuple(ids[place] for place in kept),
            tuple(kwargs[place] for place in kept),
            lang,
            tuple(flags[place] for place in kept),
            (
                *(bare_id(ids[i]) for i, unchecked in enumerate(skipped) if unchecked),
                *_left_out_before(row, where),
            ),
            both,
            str(before.get("prompt") or text),
            answer_forms,
        )
    except (UnknownNameError, DataError) as error:
        raise DataError(f"{where}: {error}") from error


def _lists(
    row: dict[str, Any], where: str
) -> tuple[tuple[str, ...], tuple[dict[str, Any], ...]]:
    """Return ids and kwargs, equally many."""
    ids, kwargs = row.get("instruction_id_list"), row.get("kwargs")
    both = " and ".join(shorten(repr(one), 80) for one in (ids, kwargs))
    if not isinstance(ids, list) or not isinstance(kwargs, list):
        raise DataError(
            f"{where}: 'instruction_id_list' and 'kwargs' must be lists, found {both}"
        )
    if not _all_are(str, ids) or not _all_are(dict, kwargs):
        raise DataError(
            f"{where}: 'instruction_id_list' must hold texts and 'kwargs' objects, "
            f"found {both}"
        )
    if len(ids) != len(kwargs):
        raise DataError(
            f"{where}: {len(ids)} instructions but {len(kwargs)} kwargs: {list(ids)} "
            f"and {shorten(str(list(kwargs)), 200)}"
        )
    return tuple(ids), tuple(kwargs)


def _flags(row: dict[str, Any], count: int, where: str) -> list[bool]:
    """Return for each instruction whether no answer can follow it."""
    flags = row.get("unsatisfiable") or [False] * count
    if not isinstance(flags, list) or not _all_are(bool, flags) or len(flags) != count:
        raise DataError(f"{where}: 'unsatisfiable' must hold {count} booleans")
    return flags


def _left_out_before(row: dict[str, Any], where: str) -> list[str]:
    """Return what was left out of a row already, when a dataset was made of it."""
    skipped = row.get("skipped_ids") or []
    if not isinstance(skipped, list) or not _all_are(str, skipped):
        raise DataError(f"{where}: 'skipped_ids' must be a list of texts")
    return skipped


def _published(row: dict[str, Any], lang: str, where: str) -> Published:
    """Return the ids that something checks, and their kwargs, of an unrepaired row."""
    ids, kwargs = _lists(row, where)
    pairs = zip(ids, kwargs, strict=True)
    kept = [pair for pair in pairs if why_unchecked(pair[0], lang) is None]
    return tuple(name for name, _ in kept), tuple(values for _, values in kept)


def _form(prompt: Any, columns: str) -> str:
    """Say what stands where a text should."""
    if prompt is None:
        return f"none among {shorten(columns, 120) or 'no columns'}"
    if isinstance(prompt, list):
        return f"{len(prompt)} messages; one message of a user is a text, too"
    return shorten(repr(prompt), 80)


def _all_are(kind: type, values: Iterable[object]) -> bool:
    return all(isinstance(value, kind) for value in values)
