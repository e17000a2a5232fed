"""Whose answers a file holds: which model's, to which task, in which language."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from lm_eval_iberian.audit.answer_files import AnswerFile, asked_of
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.languages import available_languages, identify
from lm_eval_iberian.report.collect import model_name, plain
from lm_eval_iberian.report.report_catalogue import Catalogue, load_catalogue
from lm_eval_iberian.report.results_file import read_results
from lm_eval_iberian.terminal import shown


_SAMPLES: Final = re.compile(
    r"samples_(?P<task>.+)_(?P<stamp>\d{4}-\d\d-\d\dT[\d.-]+?)\.jsonl(?:\.gz)?"
)
_ENDINGS: Final = re.compile(
    r"(?:\.(?:jsonl|json|gz|parquet|strict|loose))+$", re.IGNORECASE
)
_PARTS: Final = re.compile(r"[^A-Za-z0-9]+|_")
_LEADING: Final = re.compile(r"^([a-z]{2})_(?:responses|answers|outputs)_")
_TEXTS: Final = 20
_FOLDERS: Final = 3


@dataclass(frozen=True)
class AnswerOrigin:
    """Whose answers these are.

    Attributes:
        model: The model: as lm-eval's results beside the samples name it, else the
            folder of samples, else the file.
        task: The task of lm-eval's samples; empty for other files.
        lang: The language; None where nothing tells it.
        told_by: What tells it, in words.
    """

    model: str
    task: str
    lang: str | None
    told_by: str


def origin_of(file: AnswerFile, lang: str | None = None) -> AnswerOrigin:
    """Return whose answers a file holds.

    The language is the one asked for, else that of the rows (``lang``, or the prefix
    of instruction ids), of the task's or the file's name, of a folder's name, else
    the one that the prompts are written in.

    Args:
        file: The answers.
        lang: The language that was asked for.

    Raises:
        DataError: Its rows are in several languages, or in another than asked for.
    """
    path = file.path
    match = _SAMPLES.fullmatch(path.name)
    task = match["task"] if match else ""
    said = _said(file)
    if len(said) > 1:
        several = " and ".join(sorted(said))
        raise DataError(
            f"{path} holds answers in {several}; split it by language, or leave it out"
        )
    if lang is not None:
        if said - {lang}:
            raise DataError(
                f"{path}: its rows are in {said.pop()!r}, but --lang {lang} was asked "
                "for"
            )
        found, by = lang, "--lang"
    elif said:
        found, by = said.pop(), "its rows"
    elif named := _named(task or _stem(path), bool(task)):
        found, by = named, "its name"
    else:
        near = path.resolve().parents[:_FOLDERS]
        folder = next((one.name for one in near if _is_code(one.name)), "")
        texts = [row.prompt for row in file.rows if row.prompt][:_TEXTS]
        guess = identify("\n\n".join(texts)) if texts and not folder else None
        found = folder or (guess if guess in available_languages() else "")
        by = "its folder" if folder else "its prompts" if found else "nothing"
    return AnswerOrigin(_model(path, match), shown(task), found or None, by)


def _said(file: AnswerFile) -> set[str]:
    """Return the languages that rows name, and the ids of their instructions."""
    found = set()
    for row in file.rows:
        asked = asked_of(row.row)
        if isinstance(lang := asked.get("lang"), str) and _is_code(lang):
            found.add(lang)
            continue
        ids = asked.get("instruction_id_list")
        for name in ids if isinstance(ids, list) else []:
            if isinstance(name, str) and name.count(":") == 2:
                prefix = name.partition(":")[0]
                found |= {prefix} if _is_code(prefix) else set()
    return found


def _named(name: str, is_task: bool) -> str:
    """Return the one language that a name names: of a direction, the second one."""
    parts = [part for part in _PARTS.split(name.lower()) if part]
    codes = [part for part in parts if _is_code(part)]
    if is_task:
        return codes[-1] if codes else ""
    match = _LEADING.match(name.lower())
    if match and _is_code(match[1]):
        return match[1]
    edges = {part for part in parts[:1] + parts[-1:] if _is_code(part)}
    return edges.pop() if len(edges) == 1 else ""


def _is_code(name: str) -> bool:
    return name in available_languages()


def _stem(path: Path) -> str:
    return _ENDINGS.sub("", path.name) or path.name


def _model(path: Path, match: re.Match[str] | None) -> str:
    """Return the model, as it can be shown."""
    if match is None:
        return shown(plain(_LEADING.sub("", _stem(path))))
    results = path.with_name(f"results_{match['stamp']}.json")
    try:
        content = read_results(results).content
    except DataError:
        return shown(plain(path.resolve().parent.name))
    return model_name(content, results, _catalogue(), {})


@cache
def _catalogue() -> Catalogue:
    return load_catalogue()


def labels(origins: Sequence[tuple[Path, AnswerOrigin]]) -> list[str]:
    """Return a name for each file: its model, and more where that is not enough.

    Args:
        origins: The files and whose answers they hold.
    """
    names = [origin.model for _, origin in origins]
    for more in (_lang, _task, _file, _path):
        count = Counter(names)
        added = [more(*pair) for pair in origins]
        names = [
            f"{name} ({shown(extra)})" if count[name] > 1 and extra else name
            for name, extra in zip(names, added, strict=True)
        ]
    return names


def _lang(_: Path, origin: AnswerOrigin) -> str:
    return origin.lang or ""


def _task(_: Path, origin: AnswerOrigin) -> str:
    return origin.task


def _file(path: Path, _: AnswerOrigin) -> str:
    return path.name


def _path(path: Path, _: AnswerOrigin) -> str:
    return str(path)
