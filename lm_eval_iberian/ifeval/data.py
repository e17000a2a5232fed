"""IFEval prompts: read, repaired, validated, in one schema.

Two sets: what was published (the paper's files, Google's for English, and others;
pinned in ``data/SOURCES.toml`` and fetched once) and the project's small one in
``data/ifeval/mini``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

from lm_eval_iberian.download import (
    MIRROR,
    PinnedSource,
    fetch,
    ifeval_sources,
    is_mirrored,
)
from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.ifeval.prompt import Prompt
from lm_eval_iberian.ifeval.prompt_files import Reading, read
from lm_eval_iberian.ifeval.repairs import Outcome, Repairs, read_repairs
from lm_eval_iberian.paths import data


__all__ = [
    "SETS",
    "Prompt",
    "Reading",
    "Repairs",
    "languages",
    "load",
    "paper_source",
    "read_repairs",
    "read_set",
]

SETS = ("paper", "mini")
_LOG = logging.getLogger(__name__)


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


def languages(which: str) -> tuple[str, ...]:
    """Return the languages that a set has."""
    if which == "paper":
        return tuple(lang for found in ifeval_sources() for lang in found.languages)
    return tuple(sorted(path.stem for path in (data() / "ifeval/mini").glob("*.jsonl")))


def paper_source(lang: str) -> PinnedSource:
    """Return where the published prompts of a language come from.

    Raises:
        UnknownNameError: No source of ``data/SOURCES.toml`` has any.
    """
    for found in ifeval_sources():
        if lang in found.languages:
            return found
    raise UnknownNameError("language of IFEval paper", lang, languages("paper"))


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
