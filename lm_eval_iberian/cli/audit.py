"""``iberian audit``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click


if TYPE_CHECKING:
    from lm_eval_iberian.audit.auditing import PromptsOf


@click.command("audit")
@click.argument("answers", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--lang", help="Language of all answers; left out, each file's own.")
@click.option(
    "--data",
    "prompts",
    type=click.Path(path_type=Path),
    help="JSONL of the IFEval prompts; left out, those that are here.",
)
@click.option("--set", "which", help="paper or mini: the IFEval prompts, fetched.")
@click.option(
    "--format", "form", help="md, csv or json; left out, as --out ends, or md."
)
@click.option(
    "--out",
    "--output",
    type=click.Path(path_type=Path),
    help="Write here, not to the terminal.",
)
@click.option(
    "--rows", is_flag=True, help="List what was flagged, and verdicts that differ."
)
@click.option(
    "--keep-going", is_flag=True, help="Leave out files and rows that cannot be used."
)
def command(
    answers: tuple[Path, ...],
    lang: str | None,
    prompts: Path | None,
    which: str | None,
    form: str | None,
    out: Path | None,
    rows: bool,
    keep_going: bool,
) -> None:
    """Say how ANSWERS behave: whether they stop, repeat themselves, keep the language.

    ANSWERS are files, folders searched to any depth, and patterns: samples that lm-eval
    logged, of any task in which something is written, and every form that `iberian
    score` reads. Answers to IFEval's prompts are scored too, by both scorings, whole
    and up to where they run on. Where a file carries verdicts (lm-eval's,
    follow_instruction_list of Google's evaluation_main) those that differ from ours are
    counted by instruction type and listed with our reasons.

    The prompts are found among ANSWERS, among the sets that are here, or in the
    samples; the language in rows, names of files and folders, or the prompts.

    \b
    iberian audit output/                             all that lm-eval wrote there
    iberian audit strict.jsonl --data input_data.jsonl --lang es
    iberian audit output/ --rows --out audit.csv      every flagged answer
    """
    from lm_eval_iberian.audit import AUDIT_FORMATS, audit_files
    from lm_eval_iberian.errors import UnknownNameError
    from lm_eval_iberian.report import format_for, write

    if prompts is not None and which is not None:
        raise click.UsageError("--set and --data both name the prompts; give one")
    form = form or format_for(out)
    if form not in AUDIT_FORMATS:
        raise UnknownNameError("format", form, AUDIT_FORMATS)
    audit = audit_files(
        answers,
        lang=lang,
        prompts_of=_prompts_of(prompts, which, keep_going),
        keep_going=keep_going,
    )
    text = AUDIT_FORMATS[form](audit, rows=rows)
    if out is None:
        click.echo(text, nl=False)
    else:
        write(text, out, (*audit.inputs, *([str(prompts)] if prompts else [])))
    if out is not None or form == "csv":
        for line in (*audit.left_out, *audit.notes):
            click.echo(line, err=True)


def _prompts_of(
    prompts: Path | None, which: str | None, keep_going: bool
) -> PromptsOf | None:
    """Return what gives the prompts of a language that the user named, if any."""
    from lm_eval_iberian.ifeval.data import load
    from lm_eval_iberian.ifeval.known_prompts import require_language, set_name
    from lm_eval_iberian.ifeval.pairing import Asked
    from lm_eval_iberian.ifeval.prompt_files import read_published

    if prompts is not None:
        path = prompts

        def read(lang: str) -> Asked:
            own = read_published(path, lang, keep_going=keep_going)
            require_language([one.prompt for one in own.prompts], lang, path)
            name = f"{path}, language {lang}"
            return Asked(own.prompts, lang, name, own.bad_rows)

        return read
    if which is not None:
        name = which
        return lambda lang: Asked(load(lang, name), lang, set_name(name, lang))
    return None
