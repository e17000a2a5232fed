"""IFEval prompts: read, repaired, validated, in one schema.

Two sets: the paper's own files (Iber-IFEval, and Google's for English; pinned in
``data/SOURCES.toml`` and fetched once) and the project's small one in
``data/ifeval/mini``.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lm_eval_iberian.download import PinnedSource, fetch, source
from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.ifeval.prompt import Prompt, decoded, parse_prompt
from lm_eval_iberian.ifeval.repairs import Mending, Outcome, Repairs, read_repairs
from lm_eval_iberian.jsonl import read_jsonl
from lm_eval_iberian.paths import data


__all__ = [
    "SETS",
    "Prompt",
    "Reading",
    "Repairs",
    "languages",
    "left_out",
    "load",
    "paper_source",
    "parse_prompt",
    "read",
    "read_prompts",
    "read_repairs",
    "read_set",
]

SETS = ("paper", "mini")
_SOURCES = ("iber-ifeval", "google-ifeval")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reading:
    """The prompts of a file, and what each repair did to them."""

    prompts: tuple[Prompt, ...]
    outcomes: tuple[Outcome, ...]


def load(lang: str, which: str = "paper") -> list[Prompt]:
    """Return the prompts of a language, fetching them where they are not here.

    Repairs that find nothing to repair are named in one warning.

    Args:
        lang: ``eu`` …
        which: ``paper`` or ``mini``.

    Raises:
        UnknownNameError: No such set, or no such language in it.
        DataUnavailableError: Not in the cache and no network.
        DataError: A line is not what it must be, with file and line.
    """
    reading = read_set(lang, which)
    idle = [o for o in reading.outcomes if o.status in ("not found", "no such key")]
    if idle:
        _warn(_idle(lang, idle))
    return list(reading.prompts)


def read_set(lang: str, which: str = "paper") -> Reading:
    """Return the same as ``load``, with what became of every repair; no warning."""
    if which == "mini":
        return read(_mini(lang), lang, Repairs(version=0))
    if which != "paper":
        raise UnknownNameError("set of IFEval prompts", which, SETS)
    pinned, repairs = paper_source(lang), read_repairs(lang)
    what = f"{pinned.what}, language {lang}"

    def check(path: Path) -> None:
        pinned.verify(path)
        _require_whole(read(path, lang, repairs), pinned)

    path = fetch(pinned.locate(lang), what, f"iberian_ifeval_{lang}", check=check)
    try:  # what lies in the cache may have been put there by hand
        reading = read(path, lang, repairs)
        _require_whole(reading, pinned)
    except DataError as error:
        raise DataError(
            f"{path} is not {what}: {error}; delete it, and it is fetched again"
        ) from error
    return reading


def read_prompts(path: Path, lang: str, repairs: Repairs | None = None) -> list[Prompt]:
    """Read a JSONL file of prompts (key, prompt, instruction_id_list, kwargs).

    Ids may carry a prefix (``es:``); kwargs that an instruction does not use may be
    missing or null, and kwargs may be JSON text.

    Raises:
        DataError: A row lacks a field or has one of the wrong type, an unknown
            instruction, a key twice; with file, line and key.
    """
    return list(read(path, lang, repairs or Repairs(version=0)).prompts)


def read(path: Path, lang: str, repairs: Repairs) -> Reading:
    """Read a file as ``read_prompts`` does, and say what each repair did."""
    prompts: dict[int, Prompt] = {}
    mending = Mending(repairs)
    for number, row in read_jsonl(path):
        where = f"{path}, line {number}"
        published = decoded(row)
        repaired = mending.mend(published)
        if repaired is None:
            continue
        prompt = parse_prompt(repaired, lang, where, published=published)
        if prompt.key in prompts:
            raise DataError(f"{where}: key {prompt.key} stands twice")
        prompts[prompt.key] = prompt
    if not prompts:
        raise DataError(f"{path} holds no prompts")
    return Reading(tuple(prompts.values()), mending.outcomes())


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


def left_out(prompts: Iterable[Prompt]) -> str:
    """Say which instructions were left out because nothing here checks them.

    Returns:
        One line with counts, or an empty text.
    """
    counts = Counter(name for prompt in prompts for name in prompt.skipped_ids)
    if not counts:
        return ""
    kinds = ", ".join(f"{name} ({number})" for name, number in sorted(counts.items()))
    return f"{counts.total()} instructions that are not checked, left out: {kinds}"


def _mini(lang: str) -> Path:
    if lang not in languages("mini"):
        raise UnknownNameError("language of IFEval mini", lang, languages("mini"))
    return data() / "ifeval" / "mini" / f"{lang}.jsonl"


def _require_whole(reading: Reading, pinned: PinnedSource) -> None:
    """Refuse a file that does not hold as much as its source says."""
    published = [len(prompt.published[0]) for prompt in reading.prompts]
    for what, found, wanted in (
        ("prompts", len(published), pinned.prompts),
        ("instructions", sum(published), pinned.instructions),
    ):
        if wanted is not None and found != wanted:
            raise DataError(f"it holds {found} {what}, not {wanted}")


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
