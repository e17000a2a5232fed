"""Files of answers, of prompts and of verdicts: found, told apart and read."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lm_eval_iberian.audit.recorded import Recorded, read_recorded, read_verdict_row
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.health import Generation, last_request
from lm_eval_iberian.ifeval.answer_forms import (
    GivenAnswer,
    read_answer,
    read_generation,
)
from lm_eval_iberian.ifeval.packed_rows import read_rows
from lm_eval_iberian.terminal import counted, one_line, some


_KINDS: Final = ("*.jsonl", "*.json", "*.jsonl.gz", "*.json.gz", "*.parquet")
_RESULTS: Final = "results_*.json*"
_BEGINS_RESULTS: Final = re.compile(rb'\s*\{\s*"results"\s*:')
_NUMBER: Final = re.compile(r"-?(?:\d{1,20}(?:\.\d{0,20})?(?:e[+-]?\d{1,3})?|inf)")
_PROMPT: Final = frozenset({"prompt", "instruction_id_list", "kwargs"})
_VERDICT: Final = frozenset({"key", "strict"})
# where the forms of `iberian score` keep an answer
_ANSWER: Final = frozenset({"response", "doc", "messages", "choices", "outputs"})


@dataclass(frozen=True)
class AuditRow:
    """One answer, whatever it answers.

    Attributes:
        where: File and line, and the key where there is one.
        name: What the row is called in lists: its key, or its number.
        prompt: What was asked; empty where the row does not say it.
        response: The answer as it was written; ``None`` is an empty one.
        row: All that the row holds.
        generation: What the row says of how the answer came about.
        given: The answer as IFEval's scoring takes it; None for other tasks.
        recorded: The verdicts that the row carries.
        fault: Why its verdicts cannot be compared.
    """

    where: str
    name: str
    prompt: str
    response: str | None
    row: Mapping[str, Any]
    generation: Generation
    given: GivenAnswer | None = None
    recorded: Recorded | None = None
    fault: str | None = None


@dataclass(frozen=True)
class AnswerFile:
    """A file that holds answers.

    Attributes:
        path: The file.
        rows: The answers, in their order.
        bad_rows: Rows that cannot be used, each with its fault.
    """

    path: Path
    rows: tuple[AuditRow, ...]
    bad_rows: tuple[str, ...] = ()

    @property
    def is_ifeval(self) -> bool:
        """Whether its rows say which instructions their prompts hold."""
        return any("instruction_id_list" in asked_of(row.row) for row in self.rows)


@dataclass(frozen=True)
class PromptsFile:
    """A file that holds prompts with their instructions, and no answers."""

    path: Path
    first: Mapping[str, Any]


@dataclass(frozen=True)
class VerdictsFile:
    """A file that holds verdicts by key, and no answers; of one or more models."""

    path: Path
    verdicts: Mapping[tuple[str, int], Recorded]


@dataclass(frozen=True)
class ChoicesFile:
    """A file in which nothing was written: samples of choices, or of likelihoods."""

    path: Path


AuditInput = AnswerFile | PromptsFile | VerdictsFile | ChoicesFile


def asked_of(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the part of a row that says what was asked: lm-eval's ``doc``."""
    doc = row.get("doc")
    return doc if isinstance(doc, Mapping) else row


def find_answer_files(paths: Iterable[Path]) -> list[Path]:
    """Return every file that may hold answers, each once, in the order of their paths.

    Args:
        paths: Files, taken whatever their name; folders, searched to any depth for
            JSON and parquet without lm-eval's results; patterns with ``*``.

    Raises:
        DataError: A path is not there, or a folder holds no such file.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        for file in _within(path):
            found.setdefault(file.resolve(), file)
    return sorted(found.values())


def _is_results(path: Path) -> bool:
    """Tell whether a file is one of lm-eval's results, whatever its name."""
    if path.match(_RESULTS):
        return True
    try:
        with path.open("rb") as file:
            return bool(_BEGINS_RESULTS.match(file.read(200)))
    except OSError:
        return False  # told when it is read


def _within(path: Path) -> Iterator[Path]:
    if path.is_dir():
        inside = sorted({file for kind in _KINDS for file in path.rglob(kind)})
        files = [f for f in inside if f.is_file() and not _is_results(f)]
        if not files:
            looked = ", ".join(_KINDS)
            raise DataError(f"{path} holds no file of answers (looked for {looked})")
        yield from files
        return
    matched = [] if path.exists() else sorted(glob.glob(str(path), recursive=True))
    if matched and matched != [str(path)]:
        for file in matched:
            yield from _within(Path(file))
    else:
        yield path  # reading it says what is wrong


def read_audit_input(path: Path, *, keep_going: bool = False) -> AuditInput:
    """Read a file, whichever of the kinds it is; its first rows tell.

    Args:
        path: The file.
        keep_going: Leave out rows that cannot be used.

    Raises:
        DataError: It cannot be read, a row of it cannot be used, or it is of no kind.
    """
    rows = list(read_rows(path))
    objects = [row for _, row in rows if not isinstance(row, DataError)]
    if not objects:
        first = f"; {rows[0][1]}" if rows else ""
        raise DataError(f"{path} holds no rows{first}")
    bare = [row for row in objects if not _ANSWER & set(row)]
    if len(bare) == len(objects):
        if all(set(row) >= _PROMPT for row in objects):
            return PromptsFile(path, objects[0])
        if all(set(row) >= _VERDICT for row in objects):
            return VerdictsFile(path, dict(map(read_verdict_row, objects)))
    if all(map(_is_choice, objects)):
        return ChoicesFile(path)
    return _answers(path, rows, keep_going)


def _answers(
    path: Path, rows: list[tuple[str, dict[str, Any] | DataError]], keep_going: bool
) -> AnswerFile:
    """Read the answers of a file.

    Raises:
        DataError: As ``read_audit_input`` says.
    """
    read: list[AuditRow] = []
    bad: list[str] = []
    filters: dict[str, set[object]] = {}
    for number, (where, row) in enumerate(rows, start=1):
        try:
            if isinstance(row, DataError):
                raise row
            name = row.get("filter")
            if isinstance(name, str) and isinstance(row.get("doc"), Mapping):
                filters.setdefault(name, set()).add(row.get("doc_id"))
                if name != next(iter(filters)) and not _is_ifeval(row):
                    continue  # the same answer, through another filter
            read += _audit_rows(row, where, number, path)
        except DataError as error:
            if not keep_going:
                raise DataError(
                    f"{error}; --keep-going leaves such rows and files out"
                ) from error
            bad.append(str(error))
    if not read:
        raise DataError(f"{path} holds no answers; {some(bad, 3)}")
    found = AnswerFile(path, tuple(read), tuple(bad))
    if len(filters) > 1 and found.is_ifeval:
        raise DataError(
            f"{path} holds the answers by the filters {', '.join(sorted(filters))}; "
            "leave the rows of one of them"
        )
    return found


def _audit_rows(
    row: dict[str, Any], where: str, number: int, path: Path
) -> Iterator[AuditRow]:
    """Yield what a row holds: one answer; of a task with repeats, each of them."""
    asked = asked_of(row)
    if asked is row or _is_ifeval(row):
        given = read_answer(row, where)
        recorded, fault = read_recorded(row, path)
        name = str(number if given.key is None else given.key)
        prompt, said = given.prompt or "", given.response
        label = f"row {name}" if given.key is None else f"key {name}"
        yield AuditRow(
            given.where, label, prompt, said, row, given.generation, given, recorded,
            fault,
        )  # fmt: skip
        return
    sent = sent_prompt(row)
    prompt = last_request(sent) if sent else _question(asked)
    name = f"doc {one_line(row.get('doc_id', number), 20)}"
    generation = read_generation(row)
    for said in _written(row, where):
        yield AuditRow(where, name, prompt, said, row, generation)


def _is_ifeval(row: Mapping[str, Any]) -> bool:
    return "instruction_id_list" in asked_of(row)


def sent_prompt(row: Mapping[str, Any]) -> str:
    """Return the prompt that lm-eval logged with a sample, examples and all."""
    arguments = row.get("arguments")
    while isinstance(arguments, list | tuple) and arguments:
        arguments = arguments[0]
    if isinstance(arguments, Mapping):
        first = next(iter(arguments.values()), None)
        arguments = first.get("arg_0") if isinstance(first, Mapping) else None
    return arguments if isinstance(arguments, str) else ""


def _question(doc: Mapping[str, Any]) -> str:
    """Return the question of a document, under one of its usual names."""
    names = ("prompt", "question", "query", "input", "text")
    return next((doc[name] for name in names if isinstance(doc.get(name), str)), "")


def _written(row: Mapping[str, Any], where: str) -> Iterator[str | None]:
    """Yield the answers of a sample as they were written, before any filter.

    Raises:
        DataError: There is none, or it is no text.
    """
    replies = row.get("resps") or row.get("filtered_resps")
    while isinstance(replies, list) and len(replies) == 1:
        replies = replies[0]
    several = replies if isinstance(replies, list) else [replies]
    wrong = [reply for reply in several if not isinstance(reply, str | None)]
    if wrong or not several:
        kind = type(wrong[0]).__name__ if wrong else "an empty list"
        raise DataError(f"{where}: an answer must be a text or null, found {kind}")
    yield from several


def _is_choice(row: Mapping[str, Any]) -> bool:
    """Tell whether a sample holds log-likelihoods and nothing that was written."""
    if not isinstance(row.get("doc"), Mapping):
        return False
    asked = row.get("arguments")
    first = asked.get("gen_args_0") if isinstance(asked, Mapping) else None
    # what is written has settings; the log-likelihood of a text has only the text
    bare = isinstance(first, Mapping) and "arg_1" not in first
    return _is_measured(row.get("resps"), bare=bare)


def _is_measured(replies: object, depth: int = 4, *, bare: bool = False) -> bool:
    """Tell whether replies are log-likelihoods: ``["-12.5", "False"]``, or numbers.

    With ``bare`` numbers that are written as text are numbers too.
    """
    if isinstance(replies, int | float):
        return True
    if bare and isinstance(replies, str):
        return bool(_NUMBER.fullmatch(replies))
    if not isinstance(replies, list) or not replies or not depth:
        return False
    if len(replies) == 2 and str(replies[1]) in ("True", "False"):
        return True
    return all(_is_measured(reply, depth - 1, bare=bare) for reply in replies)


def rows_left_out(file: AnswerFile) -> str:
    """Say which rows of a file were left out; empty where none was."""
    if not file.bad_rows:
        return ""
    return f"{counted(len(file.bad_rows), 'row')} left out: {some(file.bad_rows, 3)}"
