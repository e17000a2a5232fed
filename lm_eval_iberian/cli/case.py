"""``iberian case``."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lm_eval_iberian.terminal import counted, shown


if TYPE_CHECKING:
    from lm_eval_iberian.ifeval.pairing import Asked
    from lm_eval_iberian.ifeval.prompt import Prompt
    from lm_eval_iberian.ifeval.rows import RowScore

# files of many answers, by their names: an answer may be JSON itself
_MANY = (".jsonl", ".jsonl.gz", ".parquet")


@click.command("case")
@click.argument("key")
@click.argument(
    "answer", type=click.Path(allow_dash=True, path_type=Path), metavar="ANSWER_FILE|-"
)
@click.option("--lang", required=True, help="Language of the prompt: eu, en …")
@click.option("--set", "which", help="paper or mini; left out, and no --data: paper.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="JSONL of prompts, in the place of a set.",
)
@click.option("--id", "wanted", metavar="INSTRUCTION", help="This instruction alone.")
@click.option(
    "--expected",
    type=click.Choice(["true", "false"]),
    help="The right verdict; left out, the opposite of the one given now.",
)
@click.option("--why", help="Why it is right, in a few words; asked for if left out.")
def command(
    key: str,
    answer: Path,
    lang: str,
    which: str | None,
    data: Path | None,
    wanted: str | None,
    expected: str | None,
    why: str | None,
) -> None:
    """Print a row for the tables of cases from the prompt KEY and an answer to it.

    A case is filed because a verdict is wrong. So `expected` is the opposite of the
    strict verdict of the repaired scoring, and the test of the tables fails on the row
    until the verdict is mended. --expected says it outright, also to keep a verdict
    that is right as it is.

    There is a row for each instruction of the prompt. Rarely are all of them judged
    wrongly: name one by --id, or leave away the rows that are right; in a terminal the
    reason of each is asked for, and none is no row.

    The answer is a text in UTF-8, read whole, the last line's end included; of a file
    of answers (.jsonl, .jsonl.gz, .parquet, as for iberian score) it is that to KEY.
    What is invisible in it is written as a JSON escape. Rows go to stdout. The verdicts
    given now, strict and loose, repaired and original, and the table that a row
    belongs into are said on stderr. What the original scoring says is no case: it is
    the paper's scorer, faults included.

    \b
    iberian case 12 answer.txt --lang eu --set mini --why "«etxean» is no keyword"
    iberian case 1005 samples_iberian_ifeval_gl.jsonl --lang gl --id keywords:existence
    """
    from lm_eval_iberian.ifeval.scoring import SCORINGS, score_by

    if data is not None and which is not None:
        raise click.UsageError("--set and --data both name the prompts; give one")
    if why is not None and not (why := _reason(why)):
        raise click.UsageError("--why is empty; say in a few words why it is right")
    asks = why is None and str(answer) != "-" and _can_ask()
    if why is None and not asks:
        raise click.UsageError("--why is missing; say in a few words why it is right")
    asked = _asked(lang, which, data)
    prompt = _prompt(asked, key, which, data)
    places = _places(prompt, wanted, asked)
    text = _answer(answer, prompt, asked)
    scores = score_by(prompt, text, SCORINGS)
    written = 0
    for place in places:
        now = scores[0].strict[place].followed
        right = not now if expected is None else expected == "true"
        _say_verdicts(prompt, place, scores, right)
        reason = why or _ask(right, may_skip=len(places) > 1)
        if reason:
            written += 1
            line = _row(prompt, place, text, right, reason)
            click.echo(f"{line}\n".encode(), nl=False)
    if why is not None and len(places) > 1:
        _say(
            f"{len(places)} rows: keep those whose verdict is wrong now, each with its "
            "own reason; --id prints the rows of one instruction"
        )
    if not written:
        _say("no row: no reason was given")
        return
    if which != "mini":
        _say(
            "a row copies its prompt: where its licence does not allow that, leave out "
            "'prompt', if the verdict does not hang on it"
        )
    _say(
        f"to append to tests/cases/ifeval/{prompt.lang}.jsonl, where "
        "`python -m pytest tests/ifeval/test_case_tables.py` judges it"
    )


def _asked(lang: str, which: str | None, data: Path | None) -> Asked:
    """Return the prompts that KEY is one of, as ``iberian score`` finds them."""
    from lm_eval_iberian.ifeval.data import load
    from lm_eval_iberian.ifeval.known_prompts import require_language, set_name
    from lm_eval_iberian.ifeval.pairing import Asked
    from lm_eval_iberian.ifeval.prompt_files import read_published

    if data is None:
        name = which or "paper"
        return Asked(load(lang, name), lang, set_name(name, lang))
    own = read_published(data, lang, keep_going=True).prompts
    require_language([one.prompt for one in own], lang, data)
    return Asked(own, lang, f"{data}, language {lang}")


def _prompt(asked: Asked, key: str, which: str | None, data: Path | None) -> Prompt:
    """Return the prompt of a key, or say which there are and where they were."""
    from lm_eval_iberian.errors import DataError
    from lm_eval_iberian.ifeval.known_prompts import sets_in
    from lm_eval_iberian.ifeval.published_rows import whole_number

    prompts = {prompt.key: prompt for prompt in asked.prompts}
    number = whole_number(key)
    if number not in prompts:
        names = [str(one) for one in prompts]
        near = difflib.get_close_matches(key, names, n=3, cutoff=0.5)
        where = "" if data else f", {_file(asked.lang, which)}"
        others = [
            name
            for name, found in sets_in(asked.lang)
            if name != asked.name and any(one.key == number for one in found)
        ]
        count = counted(len(prompts), "prompt")
        raise DataError(
            f"Key {key!r} is not in {asked.name} ({count}, keys "
            f"{min(prompts)} to {max(prompts)}{where})."
            + (f" Did you mean {', '.join(near)}?" if near else "")
            + (f" It is in {' and '.join(others)}." if others else "")
        )
    return prompts[number]


def _file(lang: str, which: str | None) -> Path:
    """Return where the prompts of a set are."""
    from lm_eval_iberian import paths
    from lm_eval_iberian.download import cached
    from lm_eval_iberian.ifeval.data import paper_source

    if which == "mini":
        return paths.data() / "ifeval" / "mini" / f"{lang}.jsonl"
    return cached(paper_source(lang).locate(lang))


def _places(prompt: Prompt, wanted: str | None, asked: Asked) -> list[int]:
    """Return where the instructions stand that rows are wanted of."""
    from lm_eval_iberian.errors import DataError, UnknownNameError
    from lm_eval_iberian.ifeval.registry import resolve

    ids = [demand.instruction.id for demand in prompt.demands]
    where = f"key {prompt.key} of {asked.name}"
    if not ids:
        skipped = ", ".join(prompt.skipped_ids)
        raise DataError(f"{where} has no instruction that is checked: {skipped}")
    if wanted is None:
        return list(range(len(ids)))
    try:
        name = resolve(wanted).id
    except UnknownNameError:
        name = wanted
    if name not in ids:
        raise UnknownNameError(f"instruction of {where}", wanted, set(ids))
    return [place for place, one in enumerate(ids) if one == name]


def _answer(path: Path, prompt: Prompt, asked: Asked) -> str:
    """Return the answer as it was written, to the last byte."""
    from lm_eval_iberian.errors import DataError
    from lm_eval_iberian.ifeval.answers import read_answers
    from lm_eval_iberian.ifeval.pairing import match

    if path.name.endswith(_MANY):
        found = match(asked, read_answers(path, keep_going=True), keep_going=True)
        if prompt.key not in found.given:
            raise DataError(f"{path} holds no answer to key {prompt.key}")
        return found.given[prompt.key].response or ""
    where = "standard input" if str(path) == "-" else str(path)
    try:
        piped = where == "standard input"
        raw = sys.stdin.buffer.read() if piped else path.read_bytes()
        return raw.decode("utf-8")
    except OSError as error:
        raise DataError(f"{where} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{where} is not UTF-8 (byte {error.start}: {error.reason}); an answer is "
            "read as it was written, so save it as UTF-8"
        ) from error


def _row(prompt: Prompt, place: int, text: str, expected: bool, why: str) -> str:
    """Return a line of a table, on which nothing is that cannot be seen."""
    demand = prompt.demands[place]
    row: dict[str, Any] = {
        "lang": prompt.lang,
        "id": demand.instruction.id,
        "kwargs": demand.arguments,
        "prompt": prompt.prompt,
        "response": text,
        "expected": expected,
        "why": why,
    }
    line = json.dumps(row, ensure_ascii=False)
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line)


def _say_verdicts(
    prompt: Prompt, place: int, scores: tuple[RowScore, ...], expected: bool
) -> None:
    """Say what each scoring says now, and what the table's test will."""
    demand = prompt.demands[place]
    arguments = json.dumps(demand.arguments, ensure_ascii=False)
    _say(f"key {prompt.key}, {demand.instruction.id} {arguments}")
    for score in scores:
        _say(f"  {score.scoring}: {'; '.join(_verdicts(score, place))}")
    if prompt.unsatisfiable[place]:
        _say("  the prompt makes this impossible to follow, and scores leave it out")
    is_so = scores[0].strict[place].followed is expected
    until = "is judged so already" if is_so else "fails until the verdict is mended"
    _say(f"  expected {json.dumps(expected)}: the row {until}")


def _verdicts(score: RowScore, place: int) -> Iterator[str]:
    if place not in score.places:
        yield "leaves this instruction out"
        return
    at = score.places.index(place)
    for name, verdicts in (("strict", score.strict), ("loose", score.loose)):
        one = verdicts[at]
        yield f"{name} {'followed' if one else 'not followed'} ({one.reason})"


def _can_ask() -> bool:
    return sys.stdin.isatty()


def _ask(expected: bool, *, may_skip: bool) -> str:
    """Ask for the reason of a row; of several rows, none is no row."""
    question = f"why is {json.dumps(expected)} right"
    if not may_skip:
        while not (found := _reason(click.prompt(question, type=str, err=True))):
            pass
        return found
    question += " (nothing: no row)"
    given = click.prompt(question, default="", show_default=False, err=True)
    return _reason(given)


def _reason(why: str) -> str:
    """Return a reason on one line, without what nobody sees; it may be empty."""
    return " ".join("".join(c if c.isprintable() else " " for c in why).split())


def _say(text: str) -> None:
    click.echo(shown(text), err=True)
