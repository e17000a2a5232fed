"""Files of IFEval prompts: read in any of the forms in which sets are published.

What of a file cannot be judged, rows or single instructions, is counted and named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lm_eval_iberian.download import PublishedVersion
from lm_eval_iberian.errors import DataError, unknown_name
from lm_eval_iberian.ifeval.instruction import shorten
from lm_eval_iberian.ifeval.packed_rows import read_rows
from lm_eval_iberian.ifeval.prompt import Prompt, parse_prompt
from lm_eval_iberian.ifeval.published_rows import decoded
from lm_eval_iberian.ifeval.registry import KNOWN, why_unchecked
from lm_eval_iberian.ifeval.repairs import Mending, Outcome, Repairs
from lm_eval_iberian.terminal import counted, some


_NAMED: Final = 20
_WAY_OUT: Final = "; --keep-going, in dataset_kwargs keep_going, leaves such rows out"


@dataclass(frozen=True)
class Reading:
    """The prompts of a file, and what each repair did to them.

    Attributes:
        version: Which published version the file is, where that is known.
        missing: Where rows are missing, a sentence that says how many.
        bad_rows: Rows that were left out, each with its fault.
    """

    prompts: tuple[Prompt, ...]
    outcomes: tuple[Outcome, ...]
    version: PublishedVersion | None = None
    missing: str = ""
    bad_rows: tuple[str, ...] = ()

    @property
    def idle(self) -> tuple[Outcome, ...]:
        """The repairs that found no fault; where rows are missing, in rows there."""
        unfit = ("not found",) if self.missing else ("not found", "no such key")
        return tuple(
            o
            for o in self.outcomes
            if o.status in unfit and not (self.missing and o.key is None)
        )


def read_prompts(path: Path, lang: str, repairs: Repairs | None = None) -> list[Prompt]:
    """Return the prompts that ``read_published`` reads."""
    return list(_read(path, lang, repairs or Repairs(version=0)).prompts)


def read_published(path: Path, lang: str, *, keep_going: bool = False) -> Reading:
    """Read a file of prompts in any of the forms in which such sets are published.

    It is JSON Lines or a JSON array, either of them gzipped, or parquet. A row has key,
    prompt, instruction_id_list and kwargs, or EuroEval's text and target_text; where
    no row has a key, its number is the key. Ids may carry a prefix (``es:``), kwargs
    may be null or JSON text, relations be said in any language that has a pack.
    Instructions that nothing here checks are in ``skipped_ids``.

    Args:
        path: The file.
        lang: The language of its prompts.
        keep_going: Leave out rows that cannot be used.

    Raises:
        DataError: A row lacks a field or has one of the wrong type, or a key twice;
            with file, line and key. No row can be used.
    """
    return _read(path, lang, Repairs(version=0), keep_going=keep_going)


def read(path: Path, lang: str, repairs: Repairs) -> Reading:
    """Read a file of our own sets, and say what each repair did.

    Raises:
        DataError: As ``read_published`` says, or an instruction is unknown.
    """
    return _read(path, lang, repairs, own=True)


def _read(
    path: Path,
    lang: str,
    repairs: Repairs,
    *,
    own: bool = False,
    keep_going: bool = False,
) -> Reading:
    prompts: dict[int, Prompt] = {}
    mending, bad = Mending(repairs), list[str]()
    keyed: bool | None = None
    for number, (where, row) in enumerate(read_rows(path), start=1):
        try:
            if isinstance(row, DataError):
                raise row
            has_key = row.get("key") is not None
            keyed = has_key if keyed is None else keyed
            if has_key != keyed:
                raise DataError(
                    f"{where}: {'a' if has_key else 'no'} 'key', unlike other rows"
                )
            prompt = _mended(row, None if own else number, lang, where, mending)
            if prompt is None:
                continue
            if prompt.key in prompts:
                raise DataError(f"{where}: key {prompt.key} stands twice")
            unknown = [name for name in prompt.skipped_ids if name not in KNOWN]
            if own and unknown:
                said = unknown_name("instruction", unknown[0], KNOWN)
                raise DataError(f"{where}, key {prompt.key}: {said}")
        except DataError as error:
            if not keep_going:
                said = str(error) if own else f"{error}".rstrip(".") + _WAY_OUT
                raise DataError(said) from error
            bad.append(str(error))
            continue
        prompts[prompt.key] = prompt
    if not prompts:
        raise DataError(f"{path} holds no prompts{'; ' if bad else ''}{some(bad, 3)}")
    return Reading(tuple(prompts.values()), mending.outcomes(), bad_rows=tuple(bad))


def _mended(
    row: dict[str, Any], number: int | None, lang: str, where: str, mending: Mending
) -> Prompt | None:
    """Return the prompt of a row, repaired; None where a repair drops it."""
    published = decoded(row, number)
    repaired = mending.mend(published)
    if repaired is None:
        return None
    forms = mending.answer_forms(published["key"])
    return parse_prompt(repaired, lang, where, published=published, answer_forms=forms)


@dataclass(frozen=True)
class Unchecked:
    """An instruction type that nothing here checks, in the prompts of one file.

    Attributes:
        instruction_id: Without what names the language.
        count: How often it is asked for.
        why: The nearest name, or why there is no such type in the language, if either
            is known.
    """

    instruction_id: str
    count: int
    why: str


def unchecked(prompts: Iterable[Prompt]) -> list[Unchecked]:
    """Return the types in some prompts that nothing here checks, by id."""
    counts = Counter((n, prompt.lang) for prompt in prompts for n in prompt.skipped_ids)
    return [
        Unchecked(name, count, why_unchecked(name, lang) or "")
        for (name, lang), count in sorted(counts.items())
    ]


def unjudged(prompts: Sequence[Prompt], bad_rows: Sequence[str] = ()) -> list[str]:
    """Say what of a file cannot be judged: whole rows, or instructions; a line each.

    Args:
        prompts: Those of the file that can be used.
        bad_rows: Rows that cannot, each with its fault.
    """
    count = f"{counted(len(bad_rows), 'row')} of prompts left out"
    bad = f"{count}: {some(bad_rows, 3)}" if bad_rows else ""
    return [line for line in (bad, left_out(prompts)) if line]


def left_out(prompts: Sequence[Prompt]) -> str:
    """Say how many prompts cannot be judged as wholes, and which types are in the way.

    Returns:
        One line with counts, the most frequent types first; or an empty text.
    """
    found = unchecked(prompts)
    if not found:
        return ""
    partial = sum(bool(prompt.skipped_ids) for prompt in prompts)
    kinds = [
        f"{shorten(one.instruction_id, 80)} ({one.count}{'; ' if one.why else ''}"
        f"{one.why})"
        for one in sorted(found, key=lambda one: -one.count)
    ]
    rest = len(kinds) - _NAMED
    more = (
        f" and {rest} more types (iberian score --json names all)" if rest > 0 else ""
    )
    return (
        f"{partial} of {len(prompts)} prompts do not count at prompt level: nothing "
        f"here checks {sum(one.count for one in found)} of their instructions, "
        f"{', '.join(kinds[:_NAMED])}{more}"
    )
