"""``iberian merge``."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import click
from rich.progress import TaskID

from lm_eval_iberian.errors import IberianError
from lm_eval_iberian.terminal import console, progress, shown
from mergekit_ext.watch import Watch


class _Bars(Watch):
    """A bar for the phase that a merge is in; nothing where there is no terminal."""

    def __init__(self, quiet: bool, dry_run: bool) -> None:
        self._bars = progress("{task.fields[count]}")
        # what a dry run has to say is its result
        self._notes = console() if dry_run else self._bars.console
        self._bars.disable |= quiet
        self._quiet = quiet
        self._task: TaskID | None = None
        self._unit = ""

    def __enter__(self) -> _Bars:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def phase(self, name: str, total: int | None = None, unit: str = "") -> None:
        """Put a new bar in the place of the old one."""
        if self._task is not None:
            self._bars.remove_task(self._task)
        self._unit = unit
        self._task = self._bars.add_task(name, total=total, count="")

    def advance(self, count: int, done: str = "") -> None:
        """Move the bar on."""
        if self._task is None:
            return
        self._bars.advance(self._task, count)
        state = self._bars.tasks[-1]
        self._bars.update(
            self._task, count=_count(state.completed, state.total, self._unit)
        )

    def note(self, sentence: str) -> None:
        """Print a sentence, above the bar if there is one."""
        if not self._quiet:
            self._notes.print(shown(sentence), soft_wrap=True)


@click.command("merge")
@click.argument("recipe", type=click.Path())
@click.argument("out", type=click.Path(), required=False)
@click.option("--device", help="Where to compute: cpu, cuda, cuda:1, auto …")
@click.option("--cuda", is_flag=True, help="The same as --device cuda.")
@click.option("-j", "--threads", type=click.IntRange(1), help="How many CPU threads.")
@click.option(
    "--out-shard-size", callback=lambda *given: _size(given[2]),
    default="5B", show_default=True,
    help="How many bytes a file of weights has at most: 500M, 5B …",
)  # fmt: skip
@click.option(
    "--copy-tokenizer/--no-copy-tokenizer", default=True, show_default=True,
    help="Give the result the tokenizer of the base.",
)  # fmt: skip
@click.option("--allow-crimes", is_flag=True, help="Allow mixing architectures.")
@click.option("--transformers-cache", help="The hub cache to read from and fetch to.")
@click.option(
    "--random-seed", type=int,
    help="For methods of others that draw from torch's generator.",
)  # fmt: skip
@click.option("--lora-merge-cache", help="Keep models with an adapter in them here.")
@click.option(
    "--low-cpu-memory", is_flag=True, help="Keep what is computed on the device."
)
@click.option("--lora-merge-dtype", help="The dtype to merge adapters in.")
@click.option(
    "--dry-run", is_flag=True,
    help="Only check, and say how turns will end; reads no weights, needs no OUT.",
)  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def command(
    recipe: str,
    out: str | None,
    threads: int | None,
    dry_run: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Merge models by RECIPE, as mergekit-yaml does, into the folder OUT.

    Every input is read and checked first. OUT appears when it is whole, whatever
    happens, with merge_provenance.json, which says what it was made of. It ends its
    turns as the model whose chat template it carries.

    \b
    iberian merge recipe.yml models/merged
    """
    if out is None and not dry_run:
        raise click.UsageError("give OUT, the folder that the result is to be")
    begun = time.monotonic()
    from mergekit_ext.errors import MergeError
    from mergekit_ext.merge_file import check_file, merge_file
    from mergekit_ext.outputs.termination import unwound_by_signals

    given = {name: value for name, value in options.items() if value is not None}
    if not (quiet or dry_run):
        click.echo(shown(f"merging {recipe} into {out}"), err=True)
    try:
        # around the bars: a terminal is put right before a signal ends the process
        with unwound_by_signals(), _Bars(quiet, dry_run) as watch:
            if out is None or dry_run:
                check_file(recipe, out, given, watch)
            else:
                merge_file(recipe, out, given, watch, threads)
    except MergeError as error:
        raise IberianError(str(error)) from error
    if dry_run and not quiet:
        console().print("nothing was written; no fault was found without the weights")
    elif out is not None and not quiet:
        _print_summary(Path(out), time.monotonic() - begun)


def _size(text: str) -> int:
    found = re.fullmatch(r"([1-9]\d{0,12})([kmb]?)", text.lower())
    if found is None:
        raise click.BadParameter(f"{text!r} is no size; write 500M or 5B.")
    return int(found[1]) * {"": 1, "k": 10**3, "m": 10**6, "b": 10**9}[found[2]]


def _count(done: float, total: float | None, unit: str) -> str:
    if unit == "bytes":
        return f"{done / 1e9:.1f} of {(total or 0) / 1e9:.1f} GB"
    return f"{done:.0f} of {total or 0:.0f} {unit}"


def _print_summary(out: Path, seconds: float) -> None:
    from mergekit_ext.inputs.disk_space import shown_size
    from mergekit_ext.outputs.former_merge import PROVENANCE

    content = json.loads((out / PROVENANCE).read_bytes())
    files = [out / PROVENANCE, *(out / entry["name"] for entry in content["output"])]
    size = shown_size(sum(path.stat().st_size for path in files))
    to = console()
    to.print(shown(f"merged into {out}: {len(files)} files, {size}, {seconds:.1f} s"))
    to.print(shown(f"what it was made of: {out / PROVENANCE}"))
