"""IFEval prompts: read, repaired, validated, in one schema.

Two sources: the paper's own files (Iber-IFEval, pinned in ``data/SOURCES.toml`` and
fetched once) and the project's small sets in ``data/ifeval/mini``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lm_eval_iberian.download import fetch, source
from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.ifeval.registry import resolve
from lm_eval_iberian.jsonl import read_jsonl
from lm_eval_iberian.paths import data
from lm_eval_iberian.toml import read_toml


SETS = ("paper", "mini")


@dataclass(frozen=True)
class Prompt:
    """One IFEval prompt.

    ``kwargs[i]`` belongs to ``instruction_ids[i]`` and holds only what that instruction
    uses. ``instruction_ids`` may be empty: such a prompt is never scored.
    """

    key: int
    prompt: str
    instruction_ids: tuple[str, ...]
    kwargs: tuple[dict[str, Any], ...]
    lang: str


@dataclass(frozen=True)
class Repairs:
    """What ``data/ifeval/repairs/<lang>.toml`` says, with a reason for each."""

    version: int
    rules: tuple[dict[str, Any], ...] = ()
    rows: tuple[dict[str, Any], ...] = ()


def load(lang: str, which: str = "paper") -> list[Prompt]:
    """Return the prompts of a language, fetching them where they are not here.

    Args:
        lang: ``eu`` …
        which: ``paper`` or ``mini``.

    Raises:
        UnknownNameError: No such set, or no such language in it.
        DataUnavailableError: Not in the cache and no network.
        DataError: A line is not what it must be, with file and line.
    """
    if which == "mini":
        return read_prompts(_mini(lang), lang)
    if which != "paper":
        raise UnknownNameError("set of IFEval prompts", which, SETS)
    pinned = source("iber-ifeval")
    repairs = read_repairs(lang)
    what = f"{pinned.what}, language {lang}"

    def check(path: Path) -> None:
        read_prompts(path, lang, repairs)

    path = fetch(pinned.locate(lang), what, f"ifeval_{lang}", check=check)
    return read_prompts(path, lang, repairs)


def read_repairs(lang: str) -> Repairs:
    """Return the repairs of a language's paper set; none where there is no file."""
    path = data() / "ifeval" / "repairs" / f"{lang}.toml"
    if not path.is_file():
        return Repairs(version=0)
    found = read_toml(path)
    rules, rows = found.get("rules", []), found.get("rows", [])
    for entry in [*rules, *rows]:
        action = entry.get("action")
        if action not in ("wrap_string", "drop") or not entry.get("reason"):
            raise DataError(f"{path}: {entry} needs a known action and a reason")
    return Repairs(int(found["version"]), tuple(rules), tuple(rows))


def read_prompts(path: Path, lang: str, repairs: Repairs | None = None) -> list[Prompt]:
    """Read a JSONL file of prompts (key, prompt, instruction_id_list, kwargs).

    Ids may carry a prefix (``es:``); kwargs that an instruction does not use may be
    missing or null.

    Raises:
        DataError: A row lacks a field or has one of the wrong type, an unknown
            instruction, a key twice; with file, line and key.
    """
    prompts: dict[int, Prompt] = {}
    for number, row in read_jsonl(path):
        where = f"{path}, line {number}"
        repaired = _repair(row, repairs or Repairs(version=0))
        if repaired is None:
            continue
        prompt = parse_prompt(repaired, lang, where)
        if prompt.key in prompts:
            raise DataError(f"{where}: key {prompt.key} stands twice")
        prompts[prompt.key] = prompt
    if not prompts:
        raise DataError(f"{path} holds no prompts")
    return list(prompts.values())


def parse_prompt(row: dict[str, Any], lang: str, where: str) -> Prompt:
    """Validate one row; ``where`` is named in the error."""
    key = row.get("key")
    if not isinstance(key, int) or isinstance(key, bool):
        raise DataError(f"{where}: 'key' must be a whole number, found {key!r}")
    where = f"{where}, key {key}"
    text, ids, kwargs = (
        row.get(n) for n in ("prompt", "instruction_id_list", "kwargs")
    )
    if not isinstance(text, str) or not text.strip():
        raise DataError(f"{where}: 'prompt' must be a text, found {text!r}")
    if not isinstance(ids, list) or not isinstance(kwargs, list):
        raise DataError(f"{where}: 'instruction_id_list' and 'kwargs' must be lists")
    if not _all_are(str, ids) or not _all_are(dict, kwargs):
        raise DataError(
            f"{where}: 'instruction_id_list' must hold texts and 'kwargs' objects"
        )
    if len(ids) != len(kwargs):
        raise DataError(f"{where}: {len(ids)} instructions but {len(kwargs)} kwargs")
    given = tuple(
        {k: _whole(v) for k, v in kw.items() if v is not None} for kw in kwargs
    )
    for instruction_id, values in zip(ids, given, strict=True):
        try:
            resolve(instruction_id).validate(values)
        except (UnknownNameError, DataError) as error:
            raise DataError(f"{where}: {error}") from error
    return Prompt(key, text, tuple(ids), given, lang)


def languages(which: str) -> tuple[str, ...]:
    """Return the languages that a set has."""
    if which == "paper":
        return source("iber-ifeval").languages
    return tuple(sorted(path.stem for path in (data() / "ifeval/mini").glob("*.jsonl")))


def _mini(lang: str) -> Path:
    if lang not in languages("mini"):
        raise UnknownNameError("language of IFEval mini", lang, languages("mini"))
    return data() / "ifeval" / "mini" / f"{lang}.jsonl"


def _whole(value: Any) -> Any:
    """Undo what a detour over a data frame does to a count: 3.0 is 3."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _all_are(kind: type, values: Iterable[object]) -> bool:
    return all(isinstance(value, kind) for value in values)


def _repair(row: dict[str, Any], repairs: Repairs) -> dict[str, Any] | None:
    if any(r["action"] == "drop" and r["key"] == row.get("key") for r in repairs.rows):
        return None
    fields = {
        field
        for rule in repairs.rules
        if rule["action"] == "wrap_string"
        for field in rule["fields"]
    }
    kwargs = row.get("kwargs")
    if not isinstance(kwargs, list) or not _all_are(dict, kwargs):
        return row  # parse_prompt says what is wrong with it
    return row | {"kwargs": [_wrap_strings(kw, fields) for kw in kwargs]}


def _wrap_strings(kwargs: dict[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    return {
        k: [v] if k in fields and isinstance(v, str) else v for k, v in kwargs.items()
    }
