"""One IFEval prompt, and how a row of any of the published files becomes one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.ifeval.instruction import AT_LEAST, LESS_THAN, Demand
from lm_eval_iberian.ifeval.registry import LEFT_OUT, resolve
from lm_eval_iberian.languages import available_languages, load_profile


_NUMBER: Final = re.compile(r"-?[0-9]{1,18}(?:\.0*)?")


Published = tuple[Sequence[str], Sequence[Mapping[str, Any] | None]]


@dataclass(frozen=True)
class Prompt:
    """One IFEval prompt; its arguments are validated when it is made.

    ``kwargs[i]`` belongs to ``instruction_ids[i]`` and holds only what that instruction
    uses. ``instruction_ids`` may be empty: such a prompt is never scored.

    Attributes:
        unsatisfiable: For each instruction, whether the prompt makes it impossible to
            follow.
        skipped_ids: Instructions that were left out because nothing here checks them.
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


def decoded(row: dict[str, Any]) -> dict[str, Any]:
    """Undo what a detour over a data frame does: JSON text for lists and objects.

    Relations are said in Google's words: M-IFEval has ``al menos``, ``como máximo``.
    What is not JSON is left for ``parse_prompt`` to refuse.
    """
    kwargs = _from_json(row.get("kwargs"))
    ids = _from_json(row.get("instruction_id_list"))
    if isinstance(kwargs, list):
        kwargs = [_without_nulls(_from_json(kw)) for kw in kwargs]
        if isinstance(ids, list) and len(ids) == len(kwargs):
            kwargs = [
                in_google_s_words(*pair) for pair in zip(ids, kwargs, strict=True)
            ]
    changed = {"instruction_id_list": ids, "kwargs": kwargs}
    return row | changed | {"key": whole_number(row.get("key"))}


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
        DataError: A field is missing or of the wrong type, an instruction or a kwarg
            unknown.
    """
    row = decoded(row)
    key, text = row.get("key"), row.get("prompt")
    if not isinstance(key, int) or isinstance(key, bool):
        raise DataError(f"{where}: 'key' must be a whole number, found {key!r}")
    where = f"{where}, key {key}"
    if not isinstance(text, str) or not text.strip():
        raise DataError(f"{where}: 'prompt' must be a text, found {text!r}")
    ids, kwargs = _lists(row, where)
    kept = [place for place, name in enumerate(ids) if not _is_additional(name)]
    flags = _flags(row, len(ids), where)
    before = published or row
    both = _published(before, where)
    try:
        return Prompt(
            key,
            text,
            tuple(ids[place] for place in kept),
            tuple(kwargs[place] for place in kept),
            lang,
            tuple(flags[place] for place in kept),
            tuple(_bare(name) for name in ids if _is_additional(name)),
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
    if not isinstance(ids, list) or not isinstance(kwargs, list):
        raise DataError(f"{where}: 'instruction_id_list' and 'kwargs' must be lists")
    if not _all_are(str, ids) or not _all_are(dict, kwargs):
        raise DataError(
            f"{where}: 'instruction_id_list' must hold texts and 'kwargs' objects"
        )
    if len(ids) != len(kwargs):
        raise DataError(f"{where}: {len(ids)} instructions but {len(kwargs)} kwargs")
    return tuple(ids), tuple(kwargs)


def _flags(row: dict[str, Any], count: int, where: str) -> list[bool]:
    """Return for each instruction whether no answer can follow it."""
    flags = row.get("unsatisfiable") or [False] * count
    if not isinstance(flags, list) or not _all_are(bool, flags) or len(flags) != count:
        raise DataError(f"{where}: 'unsatisfiable' must hold {count} booleans")
    return flags


def _published(row: dict[str, Any], where: str) -> Published:
    """Return the ids that something checks, and their kwargs, of an unrepaired row."""
    ids, kwargs = _lists(row, where)
    kept = [
        pair for pair in zip(ids, kwargs, strict=True) if not _is_additional(pair[0])
    ]
    return tuple(name for name, _ in kept), tuple(values for _, values in kept)


def _bare(instruction_id: str) -> str:
    """Drop the language prefix."""
    return ":".join(instruction_id.split(":")[-2:])


def _is_additional(instruction_id: str) -> bool:
    return _bare(instruction_id) in LEFT_OUT


def _from_json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (json.JSONDecodeError, RecursionError):
        return value


def _without_nulls(kwargs: Any) -> Any:
    """Drop null kwargs; 3.0 is 3."""
    if not isinstance(kwargs, dict):
        return kwargs
    return {k: _whole(v) for k, v in kwargs.items() if v is not None}


def in_google_s_words(name: Any, kwargs: Any) -> Any:
    """Return an instruction's kwargs with their relation in Google's words.

    At most 3 is less than 4; a relation that the type does not take, and which changes
    nothing, is left out. Kwargs of another form are returned as they are.
    """
    if not isinstance(kwargs, dict) or not isinstance(name, str):
        return kwargs
    relations = _relations()
    if not any(isinstance(said, str) and said in relations for said in kwargs.values()):
        return kwargs
    try:
        takes = {kwarg.name: kwarg.kind for kwarg in resolve(name).kwargs}
    except UnknownNameError:
        return kwargs
    changed = dict(kwargs)
    for key, value in kwargs.items():
        relation = relations.get(value) if isinstance(value, str) else None
        if relation is None or takes.get(key, "relation") != "relation":
            continue
        said, more = relation
        counts = [n for n, kind in takes.items() if kind == "count" and n in changed]
        if not counts or type(changed[counts[0]]) is not int:  # True is no number
            continue
        if key in takes:
            changed[key] = said
            changed[counts[0]] += more
        elif said == AT_LEAST:
            del changed[key]  # such a type asks for at least so many anyway
    return changed


@cache
def _relations() -> Mapping[str, tuple[str, int]]:
    """Return Google's relation for each wording, and what it adds to the number."""
    found: dict[str, tuple[str, int]] = {}
    for words in (load_profile(lang).prompts for lang in available_languages()):
        found |= dict.fromkeys(words.at_least, (AT_LEAST, 0))
        found |= dict.fromkeys(words.at_most, (LESS_THAN, 1))
    return found


def whole_number(value: Any) -> Any:
    """Return ``1`` for ``1.0``, ``"1"`` and ``"1.0"``; what is no number, as it is."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return int(value.partition(".")[0])
    return _whole(value)


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _all_are(kind: type, values: Iterable[object]) -> bool:
    return all(isinstance(value, kind) for value in values)
