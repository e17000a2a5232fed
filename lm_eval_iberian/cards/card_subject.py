"""The model that a card is about, found among the results."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lm_eval_iberian.cards.merge_origin import MergeOrigin, origin_in_sweep
from lm_eval_iberian.cards.public_names import is_hub_id, public_name
from lm_eval_iberian.comparison import CompareOptions, Comparer, subjects_of
from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.report import (
    ModelReport,
    Report,
    find_sweeps,
    load_catalogue,
)
from lm_eval_iberian.terminal import shown


@dataclass(frozen=True)
class CardSubject:
    """A merged model with its results.

    Args:
        title: What the card calls it.
        repo_id: Where it will be on the hub, empty where that was not said.
        license: Its licence, an id of the hub.
        languages: Codes of the languages that it is for.
        origin: What it was made of.
        model: What it scored.
        report: What all models scored.
        comparer: Intervals and differences, those under other settings too.
        name: What the comparer calls it.
        against: What the comparer calls the models it is compared with.
    """

    title: str
    repo_id: str
    license: str
    languages: tuple[str, ...]
    origin: MergeOrigin
    model: ModelReport
    report: Report
    comparer: Comparer
    name: str
    against: tuple[str, ...] = ()

    @property
    def called(self) -> str:
        """The id on the hub, or else the title."""
        return self.repo_id or self.title


def gather_subject(
    report: Report,
    model: str,
    origin: MergeOrigin | None,
    renamed: Mapping[str, str],
    *,
    runs: Sequence[Path],
    baselines: Sequence[str] = (),
    given_license: str = "",
    languages: Sequence[str] = (),
    repo_id: str = "",
    keep_going: bool = False,
) -> CardSubject:
    """Gather what a card is about.

    Args:
        report: The results.
        model: Its folder, or its name among the results.
        origin: What its folder says that it was made of, ``None`` without one.
        renamed: Models' names to use in the place of others.
        runs: Where the results are from; sweeps among them say what their merges are.
        baselines: The models to compare it with; left out, those it was made of.
        given_license: Its licence; left out, what all its models have.
        languages: Those it is for; left out, those of its models or its results.
        repo_id: Its id on the hub.
        keep_going: Go on where samples cannot be used.

    Raises:
        DataError: There are no results of it, or it is not known what it was made of
            or which licence it has.
        UnknownNameError: There are no results of a model to compare it with.
    """
    if repo_id and not is_hub_id(repo_id):
        raise DataError(f"--repo-id takes ORG/NAME, found {repo_id!r}")
    folder = Path(model)
    name = _found_model(report, model, repo_id)
    swept = _swept(runs, name, renamed)
    if origin and swept and not origin.is_like(swept):
        raise DataError(
            f"{model} was merged by another recipe than the merge of the sweep whose"
            f" results are {name}; give the folder of that merge, or --rename another"
        )
    found_origin = origin or swept
    if found_origin is None:
        raise DataError(
            f"what {name} was merged of stands nowhere: it is no folder, and no merge"
            " of a sweep among the results; give the folder that the merge wrote"
        )
    for one in baselines:
        if one not in report.models or one == name:
            known = [other for other in report.models if other != name]
            raise UnknownNameError("model to compare with", one, known)
    # what is under other settings is told by the rows
    options = CompareOptions(allow_mixed=True, keep_going=keep_going)
    comparer = Comparer(subjects_of(report), report.catalogue, options)
    found = report.models[name]
    title = public_name(str(folder.resolve()) if folder.is_dir() else name)
    return CardSubject(
        title, repo_id, _chosen_license(found_origin, given_license),
        tuple(languages) or _languages_of(found_origin, found),
        found_origin, found, report, comparer, name,
        tuple(baselines) or tuple(parents_of(report, found_origin, name)),
    )  # fmt: skip


def _swept(
    runs: Sequence[Path], name: str, renamed: Mapping[str, str]
) -> MergeOrigin | None:
    """Return what a merge of a sweep was made of, ``None`` where it is none."""
    sweeps = find_sweeps(runs, load_catalogue(), renamed, keep_going=True)
    merges = (one for sweep in sweeps for one in sweep.merges)
    found = next((one for one in merges if name in (one.called, one.name)), None)
    return None if found is None else origin_in_sweep(found, renamed)


def _found_model(report: Report, model: str, repo_id: str = "") -> str:
    """Return what the report calls a model.

    Args:
        report: The results.
        model: Its folder, or its name.
        repo_id: Its id on the hub.

    Raises:
        DataError: There are no results of it, or of several that may be meant.
    """
    folder = Path(model)
    exact = [model, repo_id, *([str(folder.resolve())] if folder.is_dir() else [])]
    for name in exact:
        if name in report.models:
            return name
    short = {public_name(model), public_name(str(folder.resolve()))}
    found = [name for name in report.models if public_name(name) in short]
    if len(found) == 1:
        return found[0]
    known = list(report.models)
    if found:
        raise DataError(
            f"{shown(model)} may be {' or '.join(found)} of the results; give one"
            f" another name with --rename OLD={shown(folder.name)}"
        )
    near = difflib.get_close_matches(folder.name, known, n=3, cutoff=0.4)
    named = ", ".join(near or known[:5]) + ("" if near or known[5:] == [] else " …")
    raise DataError(
        f"there are no results of {shown(model)}, but of {named}; if one of them is"
        f" it: --rename {near[0] if near else 'NAME'}={shown(folder.name)}"
    )


def parents_of(report: Report, origin: MergeOrigin, own: str) -> list[str]:
    """Return which models of a report a merge was made of, the base first."""
    known = {public_name(name): name for name in report.models}
    known |= {name: name for name in report.models}
    found = (
        next((known[name] for name in one.result_names if name in known), own)
        for one in origin.models
    )
    return [name for name in dict.fromkeys(found) if name != own]


def _chosen_license(origin: MergeOrigin, given: str) -> str:
    """Return the licence of a merge: the given one, or what all its models have.

    Raises:
        DataError: It is not known, or the models have several.
    """
    if given:
        return given
    known: Mapping[str, Sequence[str]] = {
        one: [m.name for m in origin.models if m.license == one]
        for one in dict.fromkeys(m.license for m in origin.models)
    }
    if len(known) == 1 and "" not in known:
        return next(iter(known))
    said = "; ".join(
        f"{', '.join(names)}: {one or 'not known here'}" for one, names in known.items()
    )
    raise DataError(
        f"which licence the merge has follows from no card of its models ({said}); say"
        " it: --license ID, as the hub spells it"
    )


def _languages_of(origin: MergeOrigin, model: ModelReport) -> tuple[str, ...]:
    """Return which languages a merge is for.

    Those of a sweep's experts come first, then those that the cards of its models name;
    where neither says it, those that it was evaluated in.
    """
    said = [one for merged in origin.models for one in merged.languages]
    there = [
        cell.benchmark.lang
        for cell in model.every_cell()
        if cell.benchmark.lang != "mt"
    ]
    return tuple(dict.fromkeys([*origin.languages, *said] or there))
