"""``iberian``, the command line: one file per verb, errors in a sentence."""

from __future__ import annotations

import errno
import importlib
from typing import Any

import click

from lm_eval_iberian import __version__
from lm_eval_iberian.errors import IberianError, unknown_name


# verb -> where it is; imported when it is used
_VERBS = {
    "audit": "Say how answers behave, what they score, whose verdicts differ.",
    "case": "Print a row for the tables of cases, from a prompt and an answer.",
    "compare": "Say which differences between models are more than noise.",
    "card": "Write the card of a merged model for the hub, with its results.",
    "data": "List the IFEval prompts, their repairs, their faults.",
    "demo": "Train, merge and evaluate four tiny models.",
    "doctor": "Say what is installed and reached, or what is wrong with a model.",
    "export": "Write tasks or merge methods as files for their hosts' own trees.",
    "fetch": "Fetch every dataset that a suite needs, and lock it.",
    "frontier": "Compare merge methods where they gain the same of a language.",
    "mend": "Let a merged model end its turns as the instructed one does.",
    "merge": "Merge models by a recipe: checked first, whole or not at all.",
    "recipe": "Make recipes for mergekit: the merges of the paper, and others.",
    "report": "Form the paper's averages of results that lm-eval wrote.",
    "score": "Score answers to IFEval prompts that were produced elsewhere.",
    "search": "Search merges that gain a language and keep the instructions.",
    "sweep": "Merge and evaluate by the hundred; a kill loses what was running.",
    "tasks": "List the tasks this project adds to lm-eval.",
}


class _Verbs(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _VERBS:
            return None
        module = importlib.import_module(f"lm_eval_iberian.cli.{name}")
        command = module.command
        if not isinstance(command, click.Command):
            raise TypeError(f"lm_eval_iberian.cli.{name}.command is no command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in _VERBS:
            raise click.UsageError(unknown_name("command", args[0], _VERBS), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_VERBS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except IberianError as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            if error.errno != errno.ENOSPC or error.filename is not None:
                raise
            text = f"the output cannot be written: {error.strerror}"
            raise click.ClickException(text) from error
        except KeyboardInterrupt as error:
            raise click.ClickException("interrupted") from error


@click.group(cls=_Verbs)
@click.version_option(__version__, prog_name="iberian")
def main() -> None:
    """Merge and evaluate language models for Basque, Galician, Catalan and Spanish."""
