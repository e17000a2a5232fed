"""``iberian card``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lm_eval_iberian.cli.options import renamed_models


if TYPE_CHECKING:
    from lm_eval_iberian.cards import CardSubject


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
    from lm_eval_iberian.cards import (
        CARD,
        gather_subject,
        kept_text,
        read_origin,
        write_card,
        written_card,
    )
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
    subject = gather_subject(
        report, model, origin, renamed, runs=runs, baselines=baselines,
        given_license=given_license, languages=languages, repo_id=repo_id,
        keep_going=keep_going,
    )  # fmt: skip
    write_card(written_card(subject, kept), place)
    click.echo(shown(f"wrote {place}{f'; {told}' if told else ''}"), err=True)
    for line in _advice(subject):
        click.echo(shown(line), err=True)


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
