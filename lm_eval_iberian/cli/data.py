"""``iberian data``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from lm_eval_iberian.terminal import console, shown


@click.command("data")
@click.option("--diff", metavar="LANG", help="Print every repair of a language.")
@click.option("--check", metavar="LANG", help="Look for faults; exit with 1 for any.")
@click.option("--set", "which", help="paper or mini; left out, both are listed.")
@click.option(
    "--data",
    "prompts",
    type=click.Path(path_type=Path),
    help="With --check: a file of prompts instead of a set.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    diff: str | None,
    check: str | None,
    which: str | None,
    prompts: Path | None,
    as_json: bool,
) -> None:
    """List the IFEval prompts, what was repaired in them, what is still wrong.

    \b
    iberian data                      the sets, where they come from, what is here
    iberian data --diff eu            every repair: what, why, whether it was needed
    iberian data --check eu           schema, and whether kwargs and prompts agree
    iberian data --check es --data FILE   the same of prompts of one's own
    """
    if prompts is not None and (check is None or which is not None):
        raise click.UsageError("--data goes with --check, and without --set")
    if diff is not None and check is not None:
        raise click.UsageError("--diff and --check are two commands")
    if diff is not None:
        _diff(diff, which or "paper", as_json)
    elif check is not None:
        _check(check, which or "paper", prompts, as_json)
    else:
        _list(which, as_json)


def _list(which: str | None, as_json: bool) -> None:
    from lm_eval_iberian.errors import UnknownNameError
    from lm_eval_iberian.ifeval.data import SETS

    if which is not None and which not in SETS:
        raise UnknownNameError("set of IFEval prompts", which, SETS)
    rows = [row for name in ([which] if which else SETS) for row in _sets(name)]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    said = ("told_by", "missing", "left_out")
    columns = [name for name in rows[0] if name not in said]
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        cells = [row[name] for name in columns]
        table.add_row(*("–" if cell is None else shown(cell) for cell in cells))
    screen = console()
    screen.print(table)
    for row in rows:
        for text in filter(None, (row[name] for name in said)):
            screen.print(shown(f"{row['set']}, {row['language']}: {text}"))


def _sets(which: str) -> Iterator[dict[str, Any]]:
    """Yield a row for each language of a set."""
    from lm_eval_iberian.download import cached
    from lm_eval_iberian.errors import DataError
    from lm_eval_iberian.ifeval.data import (
        languages,
        paper_source,
        read_repairs,
        read_set,
    )
    from lm_eval_iberian.ifeval.prompt_files import left_out

    for lang in languages(which):
        place, commit, version, entries = "shipped", None, None, None
        if which == "paper":
            source, repairs = paper_source(lang), read_repairs(lang)
            here = cached(source.locate(lang)).is_file()
            place = "cached" if here else "not here"
            commit = source.commit[:10]
            version, entries = repairs.version, repairs.count
        reading, fault = None, ""
        try:
            reading = None if place == "not here" else read_set(lang, which)
        except DataError as error:
            place, fault = "refused", str(error)
        prompts = reading.prompts if reading else ()
        held = reading.version if reading else None
        yield {
            "set": which,
            "language": lang,
            "file": place,
            "prompts": len(prompts) or None,
            "commit": commit,
            "repairs": version,
            "entries": entries,
            "told_by": held.told_by or None if held else None,
            "missing": (reading.missing if reading else fault) or None,
            "left_out": left_out(prompts) or None,
        }


def _diff(lang: str, which: str, as_json: bool) -> None:
    from lm_eval_iberian.errors import DataUnavailableError
    from lm_eval_iberian.ifeval.data import read_repairs, read_set

    missing = absent = ""
    try:
        reading = read_set(lang, which)
        outcomes, absent = reading.outcomes, reading.missing
    except DataUnavailableError as error:
        missing = str(error)
    version = 0 if which == "mini" else read_repairs(lang).version
    if missing:
        pairs = [
            (repair, key, "not tried")
            for repair in read_repairs(lang).entries
            for key in (repair.keys or (None,))
        ]
    else:
        pairs = [(o.repair, o.key, _status(o.status, o.rows)) for o in outcomes]
    said: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
    for repair, key, status in pairs:
        row = {
            "key": key,
            "action": repair.action,
            "change": repair.change,
            "status": status,
            "reason": repair.reason,
            "source": repair.source,
        }
        said[repair.is_note].append(row)
    if as_json:
        found = {"language": lang, "set": which, "version": version}
        found |= {"repairs": said[False], "notes": said[True]}
        found |= {"file": missing} if missing else {}
        click.echo(
            json.dumps(found | ({"missing": absent} if absent else {}), indent=1)
        )
        return
    screen = console()
    if missing:
        screen.print(shown(f"The repairs as they are written. {missing}"))
    if absent:
        screen.print(shown(absent))
    screen.print(f"{which}, {lang}: repairs version {version}, {len(said[False])} rows")
    _print_entries(said[False])
    if said[True]:
        screen.print(f"{len(said[True])} notes, which change nothing")
        _print_entries(said[True])


def _print_entries(rows: list[dict[str, Any]]) -> None:
    screen = console()
    for row in rows:
        named = "every row" if row["key"] is None else row["key"]
        head = f"{named}  {row['action']}  {row['change']}".rstrip()
        screen.print(shown(f"{head}  [{row['status']}]"))
        screen.print(shown(f"      {row['reason']} ({row['source']})"))


def _check(lang: str, which: str, path: Path | None, as_json: bool) -> None:
    from lm_eval_iberian.ifeval.consistency import (
        Finding,
        inconsistencies,
        is_listed,
        listed,
    )
    from lm_eval_iberian.ifeval.data import read_set
    from lm_eval_iberian.ifeval.prompt_files import left_out, read_published

    if path is None:
        reading, known, name = read_set(lang, which), listed(lang, which), which
    else:
        reading = read_published(path, lang, keep_going=True)
        known, name = [], str(path)
    prompts = reading.prompts
    found = [finding for prompt in prompts for finding in inconsistencies(prompt)]
    open_ = [finding for finding in found if not is_listed(finding, known)]
    bad = reading.bad_rows
    if as_json:
        rows = [Finding(None, "", "", None, why) for why in bad]
        click.echo(json.dumps([vars(one) for one in (*rows, *open_)], indent=1))
        for text in filter(None, (left_out(prompts), reading.missing)):
            click.echo(shown(text), err=True)
    else:
        screen = console()
        for why in bad:
            screen.print(shown(why))
        for one in open_:
            head = f"{one.key}  {one.instruction_id}  {one.kwarg}".rstrip()
            screen.print(shown(f"{head}: {one.value!r}: {one.why}"))
        counts = (
            f"{name}, {lang}: {len(prompts)} prompts, "
            f"{f'{len(bad)} rows that cannot be used, ' if bad else ''}"
            f"{len(open_)} findings, "
            f"{len(found) - len(open_)} known to be no faults"
        )
        screen.print(shown(counts))
        for text in filter(None, (left_out(prompts), reading.missing)):
            screen.print(shown(text))
    if open_ or bad:
        raise SystemExit(1)


def _status(status: str, rows: int) -> str:
    return f"{status}, {rows} rows" if rows > 1 else status
