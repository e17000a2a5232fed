"""Audits many files: what each holds, whose it is, which prompts it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lm_eval_iberian.audit.answer_files import (
    AnswerFile,
    ChoicesFile,
    PromptsFile,
    VerdictsFile,
    find_answer_files,
    read_audit_input,
)
from lm_eval_iberian.audit.answered_prompts import find_prompts
from lm_eval_iberian.audit.file_audit import FileAudit, audit_answers
from lm_eval_iberian.audit.origin import AnswerOrigin, labels, origin_of
from lm_eval_iberian.audit.recorded import Recorded
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.ifeval.pairing import Asked
from lm_eval_iberian.languages import load_profile
from lm_eval_iberian.report.collect import plain
from lm_eval_iberian.terminal import counted, shown, some


# who gives the prompts of a language, where the user named them
PromptsOf = Callable[[str], Asked]


@dataclass(frozen=True)
class Audit:
    """What was found in all files.

    Attributes:
        files: Each file by the name that tells it from the others.
        left_out: Files that could not be used, a sentence each.
        notes: What a reader must know of the rest, a sentence each.
        inputs: Every file that was read.
    """

    files: dict[str, FileAudit]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    inputs: tuple[str, ...]


def audit_files(
    paths: Iterable[Path],
    *,
    lang: str | None = None,
    prompts_of: PromptsOf | None = None,
    keep_going: bool = False,
) -> Audit:
    """Audit the answers in files, in folders, and where patterns lead.

    Args:
        paths: Files, folders and patterns.
        lang: The language of the prompts; left out, each file's own.
        prompts_of: The IFEval prompts that were asked for; left out, those that are
            to be had: files of prompts among ``paths``, the sets that are here, the
            ones that the samples hold.
        keep_going: Leave out files and rows that cannot be used, and say so.

    Raises:
        UnknownNameError: There is no such language.
        DataError: A file cannot be used, or there is no answer at all.
        DataUnavailableError: The prompts that were asked for cannot be had.
    """
    if lang is not None:
        load_profile(lang)
    found = find_answer_files(paths)
    answers: list[AnswerFile] = []
    prompts: list[PromptsFile] = []
    stored: list[VerdictsFile] = []
    choices: list[Path] = []
    left_out: list[str] = []
    for path in found:
        try:
            one = read_audit_input(path, keep_going=keep_going)
        except DataError as error:
            if not keep_going:
                raise
            left_out.append(shown(error))
            continue
        match one:
            case AnswerFile():
                answers.append(one)
            case PromptsFile():
                prompts.append(one)
            case VerdictsFile():
                stored.append(one)
            case ChoicesFile():
                choices.append(one.path)
    audits, told = _each(answers, prompts, stored, (lang, prompts_of), keep_going)
    left_out += told
    if not audits:
        kinds = ((prompts, "prompts"), (stored, "verdicts"), (choices, "choices"))
        why = [f"{counted(len(of), 'file')} of {what}" for of, what in kinds if of]
        raise DataError(f"no answers to audit, only {some([*why, *left_out], 4)}")
    names = labels([(audit.path, audit.origin) for audit in audits])
    return Audit(
        files=dict(zip(names, audits, strict=True)),
        left_out=tuple(left_out),
        notes=(*_notes(audits, choices), *_copies(answers)),
        inputs=tuple(str(path) for path in found),
    )


def _each(
    answers: Iterable[AnswerFile],
    prompts: Sequence[PromptsFile],
    stored: Sequence[VerdictsFile],
    wanted: tuple[str | None, PromptsOf | None],
    keep_going: bool,
) -> tuple[list[FileAudit], list[str]]:
    """Return the audits, and why other files have none."""
    audits, left_out = [], []
    for file in answers:
        try:
            audits.append(_audit(file, prompts, stored, wanted, keep_going))
        except DataError as error:
            if not keep_going:
                raise
            left_out.append(shown(error))
    return audits, left_out


def _audit(
    file: AnswerFile,
    prompts: Sequence[PromptsFile],
    stored: Sequence[VerdictsFile],
    wanted: tuple[str | None, PromptsOf | None],
    keep_going: bool,
) -> FileAudit:
    lang, prompts_of = wanted
    origin = origin_of(file, lang)
    asked = None
    takes_part = any(row.given is not None for row in file.rows)
    if origin.lang is not None and takes_part:
        if prompts_of is not None:
            asked = prompts_of(origin.lang)
        else:
            asked = find_prompts(file, origin.lang, prompts)
    verdicts = _verdicts_on(origin.model, stored)
    audit = audit_answers(file, origin, asked, verdicts, keep_going=keep_going)
    return audit if asked or not takes_part else _unscored(audit, file, origin)


def _unscored(audit: FileAudit, file: AnswerFile, origin: AnswerOrigin) -> FileAudit:
    """Return an audit that says why a file of plain answers has no scores."""
    if origin.lang is None:
        why = "its language is not known; give --lang"
    elif file.is_ifeval:
        why = "the arguments of its instructions are not here; give --data PROMPTS"
    elif any(row.prompt for row in file.rows):
        why = (
            "its prompts are of no set that is here; if they are IFEval's, give --data"
        )
    else:
        why = "its rows have a key and no prompt; give --data PROMPTS, or --set"
    return replace(audit, notes=(*audit.notes, f"not scored: {why}"))


def _verdicts_on(
    model: str, stored: Iterable[VerdictsFile]
) -> list[dict[int, Recorded]]:
    """Return the verdicts on a model that stand in files of their own, by key."""
    return [
        {key: one for (of, key), one in file.verdicts.items() if plain(of) == model}
        for file in stored
    ]


def _notes(audits: Sequence[FileAudit], choices: Sequence[Path]) -> Iterator[str]:
    """Yield what a reader must know of all files."""
    if choices:
        listed = some([shown(path.name) for path in choices], 3)
        count = counted(len(choices), "file")
        yield f"{count} of choices or likelihoods, where nothing was written: {listed}"
    guessed = [a for a in audits if a.origin.told_by.startswith("its prompts")]
    if guessed:
        names = [f"{shown(a.path.name)} ({a.origin.lang})" for a in guessed]
        yield f"language told by the prompts: {some(names)}; --lang says another"
    unknown = [shown(a.path.name) for a in audits if a.origin.lang is None]
    if unknown:
        yield f"language not known, and not judged: {some(unknown)}; give --lang"


def _copies(answers: Iterable[AnswerFile]) -> Iterator[str]:
    """Yield which files hold the same answers as another."""
    seen: dict[tuple[tuple[str, str | None], ...], Path] = {}
    for file in answers:
        said = tuple((row.prompt, row.response) for row in file.rows)
        first = seen.setdefault(said, file.path)
        if first != file.path:
            yield shown(f"{file.path} holds the same answers as {first}")
