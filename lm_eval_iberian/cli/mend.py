"""``iberian mend``."""

from __future__ import annotations

from pathlib import Path

import click

from lm_eval_iberian.errors import IberianError
from lm_eval_iberian.terminal import console, shown


@click.command("mend")
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--like", required=True, metavar="MODEL",
    help="The model whose turns it is to end its own like: a folder, or an id.",
)  # fmt: skip
@click.option("--transformers-cache", help="The hub cache to read from and fetch to.")
def command(model: Path, like: str, transformers_cache: str | None) -> None:
    """Let MODEL, a folder, end its turns as another model does.

    It gets the end tokens, the generation settings and the chat template of that model,
    all at once or nothing. Weights are not touched, and no other file is.

    \b
    iberian mend models/merged --like meta-llama/Llama-3.1-8B-Instruct
    """
    from mergekit_ext.errors import MergeError
    from mergekit_ext.inputs.turn_ends import find_turn_ends
    from mergekit_ext.outputs.mended_turns import mend_turns
    from mergekit_ext.outputs.termination import unwound_by_signals

    try:
        with unwound_by_signals():
            mended = mend_turns(model, find_turn_ends(like, transformers_cache))
    except MergeError as error:
        raise IberianError(str(error)) from error
    out = console()
    for line in (*mended.notes, *mended.changes):
        out.print(shown(line))
    if not mended.changes:
        out.print("nothing had to change")
    out.print(shown(mended.line))
