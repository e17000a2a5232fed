"""What came of a search: the front, and how its models do on items it never saw."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.files import write_whole
from lm_eval_iberian.report.searched_folders import FRONT_FILE
from lm_eval_iberian.search.candidate_items import CandidateItems
from lm_eval_iberian.search.candidate_race import Race
from lm_eval_iberian.search.item_split import Split
from lm_eval_iberian.search.racing import Standing, standing
from lm_eval_iberian.search.search_folder import INSTRUCT, SearchFolder
from lm_eval_iberian.search.search_plan import SearchPlan
from lm_eval_iberian.search.search_rounds import Searched
from lm_eval_iberian.search.search_space import METHOD
from lm_eval_iberian.stats import Difference


@dataclass(frozen=True)
class FrontPoint:
    """A model of the front.

    Attributes:
        name: Its name.
        values: What was drawn for it; nothing of the instructed model.
        development: How it stands on the items of the search, on which it was chosen.
        held_out: How it stands on those that are held out.
    """

    name: str
    values: Mapping[str, Any]
    development: Standing
    held_out: Standing


@dataclass(frozen=True)
class FrontReport:
    """What came of a search.

    Attributes:
        points: The front, the highest gain first.
        candidates: How many there were.
        stopped: Why candidates were stopped, and how many for each reason.
        spent: How many items they did, with the instructed model's.
        whole: How many items one has that is not stopped.
        delta: By how many points instruction following may be worse.
    """

    points: tuple[FrontPoint, ...]
    candidates: int
    stopped: Mapping[str, int]
    spent: int
    whole: int
    delta: float


def front_report(
    plan: SearchPlan, race: Race, found: Searched, split: Split
) -> FrontReport:
    """Evaluate the front on the items that are held out, and say how it stands.

    Raises:
        DataError: An item that the search has seen is among those that are held out.
    """
    seen = [found.instruct.items, *(one.items for one in found.raced)]
    base = race.do_held_out(INSTRUCT)
    points = []
    numbers = {one.name: at for at, one in enumerate(found.raced)}
    for one in found.front(plan.settings):
        items = race.do_held_out(one.name)
        check_apart(items, seen, split)
        values = found.values[numbers[one.name]] if one.name in numbers else {}
        own = one.standing
        if own is None:
            raise DataError(f"{one.name} is of the front and could not be evaluated")
        points.append(
            FrontPoint(one.name, values, own, standing(items, base, plan.tasks))
        )
    stopped: dict[str, int] = {}
    for one in found.raced:
        why = "failed" if one.failure else one.stop.why if one.stop else ""
        if why:
            stopped[why] = stopped.get(why, 0) + 1
    return FrontReport(
        tuple(points), len(found.raced), stopped, found.spent, race.whole,
        plan.settings.delta,
    )  # fmt: skip


def check_apart(
    held_out: CandidateItems, seen: Sequence[CandidateItems], split: Split
) -> None:
    """Check that what is reported is of items that the search has never seen.

    Raises:
        DataError: It is not, or not all of them are there.
    """
    for task, one in split.items():
        found = held_out.rows.get(task, {})
        for other in seen:
            both = found.keys() & other.rows.get(task, {}).keys()
            if both:
                raise DataError(
                    f"{len(both)} items of {task}, the first {sorted(both)[0][:12]},"
                    f" were held out, and {other.name} did them in the search: a front"
                    " is not reported on what it was chosen by"
                )
        if found.keys() != {item.key for item in one.held_out}:
            raise DataError(
                f"{held_out.name} did other items of {task} than are held out"
            )


def judged(of: Difference, delta: float) -> str:
    """Return whether a rule is kept, by the paired interval.

    Args:
        of: How much better instructions are followed.
        delta: How much worse they may be.
    """
    if of.low is not None and of.low >= -delta:
        return "kept"
    if of.high is not None and of.high < -delta:
        return "broken"
    return "open"


def write_report(plan: SearchPlan, folder: SearchFolder, report: FrontReport) -> None:
    """Write ``front.json``, ``front.md`` and a recipe for each point."""
    recipes = folder.path / "recipes"
    recipes.mkdir(exist_ok=True)
    wanted = {f"{one.name}.yml" for one in report.points if one.name != INSTRUCT}
    for name in sorted(wanted):
        text = folder.recipe(name.removesuffix(".yml")).read_text("utf-8")
        write_whole(recipes / name, text)
    for path in recipes.glob("*.yml"):
        if path.name not in wanted:  # of a front that has moved on
            path.unlink()
    write_whole(folder.path / FRONT_FILE, "\n".join(report_lines(report)) + "\n")
    content = {
        **{k: v for k, v in asdict(report).items() if k != "points"},
        "split_seed": plan.settings.split_seed,
        "points": [
            {
                **asdict(one),
                "recipe": None if one.name == INSTRUCT else f"recipes/{one.name}.yml",
                "instructions": _kept(one, report.delta),
            }
            for one in report.points
        ],
    }
    text = json.dumps(content, ensure_ascii=False, indent=1)
    write_whole(folder.path / "front.json", text + "\n")


def report_lines(report: FrontReport) -> list[str]:
    """Return a report as Markdown."""
    head = (
        "candidate", "drawn", "gain, development", "gain, held out",
        "instructions, development", "instructions, held out",
        f"not worse by more than {report.delta:g}",
    )  # fmt: skip
    rows = [head, tuple("---" for _ in head)]
    for one in report.points:
        if one.name == INSTRUCT:  # held against itself
            rows.append((one.name, "", "0", "0", "0", "0", _kept(one, report.delta)))
            continue
        health = "".join(
            f"; {name} {_signed(found)}" for name, found in one.held_out.health.items()
        )
        rows.append(
            (
                one.name,
                drawn_text(one.values),
                _signed(one.development.gain),
                _signed(one.held_out.gain),
                _signed(one.development.instructions),
                f"{_signed(one.held_out.instructions)}{health}",
                _kept(one, report.delta),
            )
        )
    table = [f"| {' | '.join(row)} |" for row in rows]
    whole = report.candidates * report.whole
    points = report.spent // report.whole
    stopped = ", ".join(f"{count} {why}" for why, count in report.stopped.items())
    return [
        *table,
        "",
        "Points over the instructed model, with paired 95 % intervals; of a perplexity,"
        " per cent of its bits saved. What was chosen by the development items looks a"
        " little better on them than it is; the items held out say what it is.",
        "",
        f"{report.candidates} candidates, stopped: {stopped or 'none'}.",
        f"{report.spent:,} items done; a grid of as many merges has {whole:,}, and one"
        f" of as many items {points} merges.",
    ]


def _kept(one: FrontPoint, delta: float) -> str:
    if one.name == INSTRUCT:
        return "kept"
    return judged(one.held_out.instructions, delta)


def drawn_text(values: Mapping[str, Any]) -> str:
    """Return what was drawn for a candidate, in a line."""
    method = str(values.get(METHOD, ""))
    rest = (
        f"{name.removeprefix(f'{method}.')}={value}"
        for name, value in values.items()
        if name != METHOD
    )
    return " ".join((method, *rest)).strip()


def _signed(of: Difference) -> str:
    text = f"{of.difference:+.1f}"
    if of.low is None or of.high is None:
        return text
    return f"{text} [{of.low:+.1f}, {of.high:+.1f}]"
