"""The models that somebody names: folders of results, and which is the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from lm_eval_iberian.comparison.subject import Subject, subjects_of
from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.report.choice import Wanted
from lm_eval_iberian.report.issue import Issue
from lm_eval_iberian.report.model_report import Report, build_report
from lm_eval_iberian.report.report_catalogue import Catalogue
from lm_eval_iberian.terminal import first_of, shown


# between a folder and the name of one of its models
SEPARATOR: Final = "::"
_NAMED = 10


@dataclass(frozen=True)
class NamedSubjects:
    """The models that arguments name, in their order.

    Args:
        subjects: The models; no two share a name.
        baseline: The name of the one that the others are held against.
        issues: What was noticed in reading, of no model.
        inputs: The files that were read.
    """

    subjects: tuple[Subject, ...]
    baseline: str
    issues: tuple[Issue, ...]
    inputs: tuple[str, ...]


def read_subjects(
    arguments: Sequence[str],
    catalogue: Catalogue,
    *,
    baseline: str = "",
    wanted: Wanted | None = None,
    renamed: Mapping[str, str] | None = None,
    keep_going: bool = False,
) -> NamedSubjects:
    """Read the models that arguments name.

    Args:
        arguments: Each is a folder, searched to any depth for results, or a results
            file, all models of which take part, or ``FOLDER::MODEL`` for one of them.
            What exists as it is written is a path, whatever is in it.
        catalogue: The benchmarks and averages.
        baseline: The name of a model; left out, that of the only one of the first
            argument.
        wanted: Which results to take.
        renamed: Models' names to use in the place of others.
        keep_going: Go on without files that cannot be used.

    Raises:
        DataError: A path is not there or holds no result, results cannot be used, there
            is one model, or it is not said which of several is the baseline.
        UnknownNameError: There is no such model.
    """
    found: list[tuple[str, Subject]] = []
    issues: dict[Issue, None] = {}
    inputs: dict[str, None] = {}
    read: dict[Path, tuple[Report, list[Subject]]] = {}
    for argument in arguments:
        path, model = _split(argument)
        if path not in read:
            try:
                report = build_report(
                    [path], wanted=wanted, renamed=renamed, keep_going=keep_going,
                    catalogue=catalogue,
                )  # fmt: skip
            except DataError as error:
                where = "" if str(path) in str(error) else f"{path}: "
                raise DataError(f"{where}{error}") from error
            read[path] = report, subjects_of(report)
        report, here = read[path]
        if model:
            names = {one.name: one for one in here}
            if model not in names:
                raise UnknownNameError(f"model in {path}", model, names)
            here = [names[model]]
        issues |= dict.fromkeys(report.issues)
        inputs |= dict.fromkeys(report.inputs)
        found += ((argument, one) for one in here)
    subjects = _each_once(found)
    if len(subjects) < 2:
        raise DataError(_alone(arguments, subjects))
    named = _named_apart(subjects)
    return NamedSubjects(
        tuple(named), _baseline(baseline, arguments, subjects, named),
        tuple(issues), tuple(inputs),
    )  # fmt: skip


def _split(argument: str) -> tuple[Path, str]:
    """Return the path and the model that an argument names."""
    if SEPARATOR in argument and not Path(argument).exists():
        pieces = argument.split(SEPARATOR)
        for at in range(len(pieces) - 1, 0, -1):
            folder = SEPARATOR.join(pieces[:at])
            if folder and Path(folder).exists():
                return Path(folder), SEPARATOR.join(pieces[at:])
        return Path(pieces[0]), ""  # whoever reads it says that it is not there
    return Path(argument), ""


def _files(subject: Subject) -> frozenset[Path]:
    results = (r for cell in subject.model.every_cell() for r in cell.results)
    return frozenset((result.path or Path(result.file)).resolve() for result in results)


def _each_once(found: Sequence[tuple[str, Subject]]) -> list[tuple[str, Subject]]:
    """Return the models; of one that is in another by all its files, the latter."""
    seen: list[tuple[str, Subject]] = []
    for argument, subject in found:
        files = _files(subject)
        for at, (first, other) in enumerate(seen):
            if subject.name == other.name and files <= _files(other):
                break
            if subject.name == other.name and files > _files(other):
                seen[at] = (first, subject)
                break
        else:
            seen.append((argument, subject))
    return seen


def _alone(arguments: Sequence[str], subjects: Sequence[tuple[str, Subject]]) -> str:
    if not subjects:
        return f"no model in {', '.join(arguments)} has a result of a benchmark"
    name = subjects[0][1].name
    given = ", ".join(dict.fromkeys(arguments))
    return (
        f"{given} holds results of one model, {name}; name a second folder, to compare"
        " it with"
    )


def _named_apart(found: Sequence[tuple[str, Subject]]) -> list[Subject]:
    """Return the models; those of one name have their folder in it."""
    names = [subject.name for _, subject in found]
    named: dict[str, Subject] = {}
    for argument, subject in found:
        name = subject.name
        if names.count(name) > 1:
            name = f"{name} ({shown(argument)})"
        if name in named:
            raise DataError(
                f"{argument} names {subject.name} twice, by other files; give folders"
                " of one model each"
            )
        named[name] = replace(subject, name=name)
    return list(named.values())


def _baseline(
    asked: str,
    arguments: Sequence[str],
    found: Sequence[tuple[str, Subject]],
    named: Sequence[Subject],
) -> str:
    if asked:
        names = [one.name for one in named]
        plain = [
            one.name
            for one, (_, s) in zip(named, found, strict=True)
            if s.name == asked
        ]
        if asked in names:
            return asked
        if len(plain) == 1:
            return plain[0]
        if plain:
            raise DataError(
                f"--baseline {asked} may be {' or '.join(plain)}; give the name in full"
            )
        raise UnknownNameError("model", asked, names)
    first = [
        one for one, (arg, _) in zip(named, found, strict=True) if arg == arguments[0]
    ]
    if len(first) > 1:
        names = [one.name for one in first]
        raise DataError(
            f"{arguments[0]} holds {len(names)} models; say which of them the others"
            f" are held against with --baseline: {first_of(names, _NAMED)}"
        )
    return first[0].name
