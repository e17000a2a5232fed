"""IFEval prompts: read, repaired, validated, in one schema.

Two sets: the paper's own files (Iber-IFEval, and Google's for English; pinned in
``data/SOURCES.toml`` and fetched once) and the project's small one in
``data/ifeval/mini``.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from lm_eval_iberian.download import (
    MIRROR,
    PinnedSource,
    PublishedVersion,
    fetch,
    is_mirrored,
    source,
)
from lm_eval_iberian.errors import DataError, UnknownNameError, unknown_name
from lm_eval_iberian.ifeval.answers import counted, read_rows, some
from lm_eval_iberian.ifeval.prompt import Prompt, parse_prompt
from lm_eval_iberian.ifeval.published_rows import decoded
from lm_eval_iberian.ifeval.registry import KNOWN, why_unchecked
from lm_eval_iberian.ifeval.repairs import Mending, Outcome, Repairs, read_repairs
from lm_eval_iberian.paths import data


__all__ = [
    "SETS",
    "Prompt",
    "Reading",
    "Repairs",
    "Unchecked",
    "languages",
    "left_out",
    "load",
    "paper_source",
    "parse_prompt",
    "read",
    "read_prompts",
    "read_published",
    "read_repairs",
    "read_set",
    "unchecked",
    "unjudged",
]

SETS = ("paper", "mini")
_SOURCES = ("iber-ifeval", "google-ifeval")
_WAY_OUT = "; --keep-going, in dataset_kwargs keep_going, leaves such rows out"
_LOG = logging.getLogger(__name__)


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


def load(lang: str, which: str = "paper") -> list[Prompt]:
    """Return the prompts of a language, fetching them where they are not here.

    Rows that are missing are said in one warning, repairs that find nothing to repair
    in another.

    Args:
        lang: ``eu`` …
        which: ``paper`` or ``mini``.

    Raises:
        UnknownNameError: No such set, or no such language in it.
        DataUnavailableError: Not in the cache and no network.
        DataError: A line is not what it must be, with file and line.
    """
    reading = read_set(lang, which)
    if reading.missing:
        _warn(reading.missing)
    if reading.idle:
        _warn(_idle(lang, reading.idle))
    return list(reading.prompts)


def read_set(lang: str, which: str = "paper") -> Reading:
    """Return the same as ``load``, with what became of every repair; no warning.

    A file that has lost rows is refused; from a mirror that somebody chose, and where
    the source allows it, a part of the rows is read and called that.
    """
    if which == "mini":
        return read(_mini(lang), lang, Repairs(version=0))
    if which != "paper":
        raise UnknownNameError("set of IFEval prompts", which, SETS)
    pinned, repairs = paper_source(lang), read_repairs(lang)
    what = f"{pinned.what}, language {lang}"

    def check(path: Path) -> None:
        pinned.verify(path)
        _as_published(read(path, lang, repairs), pinned, lang)

    path = fetch(pinned.locate(lang), what, f"iberian_ifeval_{lang}", check=check)
    try:  # what lies in the cache may have been put there by hand
        return _as_published(read(path, lang, repairs), pinned, lang)
    except DataError as error:
        raise DataError(
            f"{path} is not {what}: {error}; delete it, and it is fetched again"
        ) from error


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
            prompt = _mended(row, number, lang, where, mending)
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
    row: dict[str, Any], number: int, lang: str, where: str, mending: Mending
) -> Prompt | None:
    """Return the prompt of a row, repaired; None where a repair drops it."""
    published = decoded(row, number)
    repaired = mending.mend(published)
    if repaired is None:
        return None
    forms = mending.answer_forms(published["key"])
    return parse_prompt(repaired, lang, where, published=published, answer_forms=forms)


def languages(which: str) -> tuple[str, ...]:
    """Return the languages that a set has."""
    if which == "paper":
        return tuple(lang for name in _SOURCES for lang in source(name).languages)
    return tuple(sorted(path.stem for path in (data() / "ifeval/mini").glob("*.jsonl")))


def paper_source(lang: str) -> PinnedSource:
    """Return where the paper's prompts of a language come from."""
    for name in _SOURCES:
        if lang in (found := source(name)).languages:
            return found
    raise UnknownNameError("language of IFEval paper", lang, languages("paper"))


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
        One line with counts, or an empty text.
    """
    found = unchecked(prompts)
    if not found:
        return ""
    partial = sum(bool(prompt.skipped_ids) for prompt in prompts)
    kinds = ", ".join(
        f"{one.instruction_id} ({one.count}{'; ' if one.why else ''}{one.why})"
        for one in found
    )
    return (
        f"{partial} of {len(prompts)} prompts do not count at prompt level: nothing "
        f"here checks {sum(one.count for one in found)} of their instructions, {kinds}"
    )


def _mini(lang: str) -> Path:
    if lang not in languages("mini"):
        raise UnknownNameError("language of IFEval mini", lang, languages("mini"))
    return data() / "ifeval" / "mini" / f"{lang}.jsonl"


def _as_published(reading: Reading, pinned: PinnedSource, lang: str) -> Reading:
    """Return a reading with its version, or with how much of it is missing.

    Raises:
        DataError: The file does not hold as much as its source says.
    """
    prompts = len(reading.prompts)
    instructions = sum(len(prompt.published[0]) for prompt in reading.prompts)
    known = pinned.versions_in(lang)
    if not known:
        return reading
    wanted = sorted({one.prompts for one in known})
    if prompts not in wanted:
        named = " or ".join(map(str, wanted))
        is_short = prompts < wanted[0]
        if is_short and pinned.partial_mirror and is_mirrored():
            return replace(reading, missing=_missing(lang, prompts, named))
        counts = f"it holds {prompts} prompts, not {named}"
        raise DataError(f"rows are missing: {counts}" if is_short else counts)
    fitting = [one for one in known if one.prompts == prompts]
    if instructions not in (asked := [one.instructions for one in fitting]):
        named = " or ".join(map(str, asked))
        raise DataError(f"it holds {instructions} instructions, not {named}")
    return replace(reading, version=fitting[asked.index(instructions)])


def _missing(lang: str, prompts: int, wanted: str) -> str:
    """Say how many rows of a mirror's file are missing."""
    return (
        f"Rows are missing: of {wanted} IFEval prompts in {lang}, the mirror "
        f"({MIRROR}) has {prompts}. Scores on these are no scores on the set."
    )


def _idle(lang: str, outcomes: Iterable[Outcome]) -> str:
    """Word the warning about repairs that found nothing to repair."""
    which = ", ".join(
        o.repair.action if o.key is None else f"{o.key} ({o.repair.action})"
        for o in outcomes
    )
    return (
        f"The IFEval prompts in {lang} do not have some of the faults that "
        f"data/ifeval/repairs/{lang}.toml repairs: {which}. Is it another version of "
        f"the file? `iberian data --diff {lang}` says more."
    )


@cache
def _warn(message: str) -> None:
    """Log a warning, once in a process."""
    _LOG.warning("%s", message)
