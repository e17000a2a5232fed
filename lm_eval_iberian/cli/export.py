"""``iberian export``: what of this project the two hosts can take over as their own."""

from __future__ import annotations

from pathlib import Path

import click

from lm_eval_iberian.terminal import console, shown


@click.group("export")
def command() -> None:
    """Write tasks or merge methods as files for the trees of lm-eval and mergekit."""


@command.command("lm-eval")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--family", "families", metavar="NAME", multiple=True,
    help="One family of tasks alone, as ifeval; give it again for another.",
)  # fmt: skip
def lm_eval(folder: Path, families: tuple[str, ...]) -> None:
    """Write task families below DIR as folders for lm-eval's own lm_eval/tasks/.

    Each has its YAMLs by upstream's names, code that needs nothing of this project, and
    a README. ROWS.md has the rows for tasks/README.md, extras.toml the extras for
    pyproject.toml. DIR is written whole or not at all, and only what an earlier export
    wrote there makes way.

    \b
    iberian export lm-eval upstream
    iberian export lm-eval upstream --family ifeval
    """
    from lm_eval_iberian.cli.whole_folder import whole_folder
    from lm_eval_iberian.export import family_names, write_lm_eval
    from mergekit_ext.outputs.termination import unwound_by_signals

    place = whole_folder(folder, option="DIR", writer="export")
    with unwound_by_signals(), place as into:
        done = write_lm_eval(into, families or family_names())
    out = console()
    for one in done:
        code = f", {one.lines} lines of Python" if one.lines else ""
        out.print(shown(f"{folder / one.folder}: {', '.join(one.names)}{code}"))


@command.command("mergekit")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def mergekit(folder: Path) -> None:
    """Write merge methods and mends below DIR as pull requests for mergekit's tree.

    Each is a folder: new files as they lie in the tree, with tests, a patch for files
    that are there, and what the request is to say. README.md has how to apply them, and
    which of our methods need none. DIR is written whole or not at all, and only what an
    earlier export wrote there makes way.

    \b
    iberian export mergekit upstream
    """
    from lm_eval_iberian.cli.whole_folder import whole_folder
    from mergekit_ext.outputs.termination import unwound_by_signals
    from mergekit_ext.upstream import write_pull_requests

    place = whole_folder(folder, option="DIR", writer="export")
    with unwound_by_signals(), place as into:
        done = write_pull_requests(into)
    out = console()
    for name, title in done.items():
        out.print(shown(f"{folder / name}: {title}"))
