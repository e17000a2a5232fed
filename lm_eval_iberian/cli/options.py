"""Options that more than one verb takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click


_Command = TypeVar("_Command", bound="Callable[..., Any] | click.Command")

include_path = click.option(
    "--include-path", "--include_path", type=click.Path(path_type=Path), multiple=True,
    help="A folder of more tasks, as for lm_eval.",
)  # fmt: skip


def local_slots(what: str, gpus: str | None, jobs: int | None) -> list[str]:
    """Return a name for each that runs at a time on this machine, of a GPU or none.

    Args:
        what: What runs there.
        gpus: What ``--gpus`` says.
        jobs: What ``--jobs`` says.

    Raises:
        click.UsageError: Both do, or GPUs are not different names.
    """
    if gpus is None:
        return [str(number) for number in range(jobs or 1)]
    if jobs is not None:
        raise click.UsageError(
            f"--jobs is for {what} without GPUs; each of --gpus has one"
        )
    found = [part.strip() for part in gpus.split(",")]
    if not all(found) or len(set(found)) < len(found):
        raise click.UsageError(f"--gpus takes different names as 0,1, found {gpus!r}")
    return found


def renamed_models(given: Iterable[str]) -> dict[str, str]:
    """Read ``OLD=NEW`` of every ``--rename``.

    Raises:
        click.UsageError: One is something else.
    """
    found = {}
    for rename in given:
        old, sign, new = rename.partition("=")
        if not (old and sign and new):
            raise click.UsageError(f"--rename takes OLD=NEW, found {rename!r}")
        found[old] = new
    return found


class SectionedCommand(click.Command):
    """A command whose help lists its options under headings."""

    def format_options(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write every heading with its options, in the order of the first of each."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            is_option = isinstance(param, click.Option)
            record = param.get_help_record(ctx) if is_option else None
            if record is not None:
                name = getattr(param, "section", "Options")
                sections.setdefault(name, []).append(record)
        for name, records in sections.items():
            with formatter.section(name):
                formatter.write_dl(records)


class _SectionOption(click.Option):
    def __init__(self, *args: Any, section: str, **more: Any) -> None:
        self.section = section
        super().__init__(*args, **more)


class _OptionMaker(Protocol):
    def __call__(self, *names: str, **more: Any) -> Callable[[_Command], _Command]: ...


def options_of(section: str) -> _OptionMaker:
    """Return what makes an option under a heading, as ``click.option`` does."""
    return partial(click.option, cls=_SectionOption, section=section)
