"""``iberian card``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lm_eval_iberian.cli.options import renamed_models
from lm_eval_iberian.errors import DataError


if TYPE_CHECKING:
    from lm_eval_iberian.cards.card_subject import CardSubject
    from lm_eval_iberian.cards.merge_origin import MergeOrigin
    from lm_eval_iberian.report import Report


@click.command("card")
@click.argument("model")
@click.argument("runs", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--out", type=click.Path(path_type=Path),
    help="Write here; left out, README.md of the folder MODEL.",
)  # fmt: skip
@click.option(
    "--baseline", "baselines", metavar="NAME", multiple=True,
    help="Compare with this model; left out, with those it was merged of.",
)  # fmt: skip
@click.option(
    "--license", "given_license", metavar="ID", default="",
    help="Its licence, as the hub spells it; left out, that of all its models.",
)  # fmt: skip
@click.option(
    "--language", "languages", metavar="CODE", multiple=True,
    help="A language that it is for; left out, those of its models or its results.",
)  # fmt: skip
@click.option(
    "--repo-id", metavar="ORG/NAME", default="", help="Its id on the hub, for examples."
)
@click.option(
    "--rename", "renames", metavar="OLD=NEW", multiple=True,
    help="Call a model otherwise, in the results and in the recipe.",
)  # fmt: skip
@click.option("--keep-going", is_flag=True, help="Go on without files that are broken.")
@click.option("--force", is_flag=True, help="Replace a card that somebody else wrote.")
def command(
    model: str,
    runs: tuple[Path, ...],
    out: Path | None,
    baselines: tuple[str, ...],
    given_license: str,
    languages: tuple[str, ...],
    repo_id: str,
    renames: tuple[str, ...],
    keep_going: bool,
    force: bool,
) -> None:
    """Write the card of MODEL for the hub, with its results in RUNS.

    MODEL is the folder that a merge wrote, or the name that RUNS have for a merge of a
    sweep. RUNS are folders of results, and sweeps. The card says what it was merged of
    and how to prompt it, and has averages with intervals, benchmarks, differences to
    the models it was merged of, whether its answers stop, settings and limitations.

    Only whole benchmarks are in its metadata as results: no mini set, nothing with
    --limit. Folders of this machine are named by their last part alone. A README.md
    that mergekit wrote is replaced, and so is a card of ours, but for the text below
    its last line; what somebody else wrote is not.

    \b
    iberian card models/merged output/ --license llama3.1 --repo-id me/merged
    iberian card linear-eu-weight1 sweep/ --license apache-2.0 --out README.md
    """
    from lm_eval_iberian.cards.card_file import CARD, kept_text, write_card
    from lm_eval_iberian.cards.merge_origin import read_origin
    from lm_eval_iberian.cards.model_card import model_card
    from lm_eval_iberian.report import build_report, load_catalogue
    from lm_eval_iberian.terminal import shown

    # the hub has renamed some; who merged them may have written the old name
    given = renamed_models(renames)
    renamed = {**load_catalogue().renamed, **given}
    folder = Path(model)
    if out is None and not folder.is_dir():
        raise click.UsageError(
            f"{shown(model)} is no folder to write a card into: give --out FILE, and"
            " the name that RUNS have for the model; or the folder of the model"
        )
    place = out or folder / CARD
    kept, told = kept_text(place, force=force)
    origin = read_origin(folder, renamed) if folder.is_dir() else None
    report = build_report(runs, renamed=given, keep_going=keep_going)
    subject = _subject(
        report, runs, model, origin, renamed, baselines, given_license, languages,
        repo_id, keep_going,
    )  # fmt: skip
    write_card(model_card(subject, kept), place)
    click.echo(shown(f"wrote {place}{f'; {told}' if told else ''}"), err=True)
    for line in _advice(subject):
        click.echo(shown(line), err=True)


def _subject(
    report: Report,
    runs: Sequence[Path],
    model: str,
    origin: MergeOrigin | None,
    renamed: Mapping[str, str],
    baselines: Sequence[str],
    given_license: str,
    languages: Sequence[str],
    repo_id: str,
    keep_going: bool,
) -> CardSubject:
    """Gather what the card is about."""
    from lm_eval_iberian.cards.card_subject import (
        CardSubject,
        chosen_license,
        find_model,
        languages_of,
        parents_of,
    )
    from lm_eval_iberian.cards.public_names import is_hub_id, public_name
    from lm_eval_iberian.comparison.comparing import (
        CompareOptions,
        Comparer,
        subjects_of,
    )
    from lm_eval_iberian.errors import UnknownNameError

    if repo_id and not is_hub_id(repo_id):
        raise DataError(f"--repo-id takes ORG/NAME, found {repo_id!r}")
    folder = Path(model)
    name = find_model(report, model, repo_id)
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
    found = report.models[name]
    title = public_name(str(folder.resolve()) if folder.is_dir() else name)
    return CardSubject(
        title, repo_id, chosen_license(found_origin, given_license),
        tuple(languages) or languages_of(found_origin, found),
        found_origin, found, report,
        Comparer(
            subjects_of(report), report.catalogue,
            CompareOptions(keep_going=keep_going),
        ),
        name, tuple(baselines) or tuple(parents_of(report, found_origin, name)),
    )  # fmt: skip


def _swept(
    runs: Sequence[Path], name: str, renamed: Mapping[str, str]
) -> MergeOrigin | None:
    """Return what a merge of a sweep was made of, ``None`` where it is none."""
    from lm_eval_iberian.cards.merge_origin import origin_in_sweep
    from lm_eval_iberian.report import find_sweeps, load_catalogue

    sweeps = find_sweeps(runs, load_catalogue(), renamed, keep_going=True)
    merges = (one for sweep in sweeps for one in sweep.merges)
    found = next((one for one in merges if name in (one.called, one.name)), None)
    return None if found is None else origin_in_sweep(found, renamed)


def _advice(subject: CardSubject) -> list[str]:
    """Return what to do before the card is published."""
    lines = []
    if not subject.repo_id:
        lines.append("without --repo-id its examples load it by the name of its folder")
    local = [one.name for one in subject.origin.models if not one.repo]
    if local:
        lines.append(
            f"base_model in the metadata is without {', '.join(local)}: no id of the"
            f" hub; --rename {local[0]}=ORG/NAME"
        )
    return lines
