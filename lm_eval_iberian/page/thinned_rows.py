"""The rows of a benchmark, and what is left out of them where a page has no room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from lm_eval_iberian.page.stored_answers import Json


# of rows that are neither right nor wrong, how many have changed the most
_CHANGED_MOST: Final = 500


@dataclass(frozen=True)
class Run:
    """A model's answers in one run: ``i`` of each is the item's place.

    Args:
        model: The model's place.
        run: Which of several runs, from 0.
        answers: The answers, each with what :func:`answer_of` gives.
    """

    model: int
    run: int
    answers: Sequence[Json]


@dataclass
class BenchmarkRows:
    """What all models answered to a benchmark.

    Args:
        about: What the page must know of the benchmark.
        items: What was asked, in the order of the baseline's file.
        runs: The answers.
    """

    about: Json
    items: list[Json] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    _places: dict[tuple[str, int], int] = field(default_factory=dict)

    def add(self, model: int, run: int, rows: Iterable[tuple[Json, Json]]) -> None:
        """Add a run: for each row the item and the answer.

        Items of one key are paired in their order.
        """
        answers = []
        seen: Counter[str] = Counter()
        for item, answer in rows:
            key = item["k"]
            at = self._places.setdefault((key, seen[key]), len(self.items))
            seen[key] += 1
            if at == len(self.items):
                self.items.append(item)
            elif item["p"] != self.items[at]["p"]:
                answer = answer | {"p": item["p"]}
            answers.append({"i": at} | answer)
        self.runs.append(Run(model, run, answers))


RowSource = Callable[[], BenchmarkRows]


@dataclass(frozen=True)
class Thinning:
    """What is left out of rows so that they fit.

    Args:
        longest: After how many characters a text is cut; ``None`` cuts none.
        changed: Whether of every model only those answers are kept in which it and the
            baseline differ, and of the baseline those that belong to them.
        most: How many of these, the first ones; ``None`` keeps all.
    """

    longest: int | None = None
    changed: bool = False
    most: int | None = None


WHOLE: Final = Thinning()
STEPS: Final = (
    Thinning(20_000),
    Thinning(4_000),
    Thinning(4_000, changed=True),
    Thinning(1_000, changed=True),
    Thinning(1_000, changed=True, most=1_000),
    Thinning(1_000, changed=True, most=200),
)


def changed_answers(
    rows: BenchmarkRows, baseline: int, most: int | None
) -> list[list[Json]]:
    """Return of every run the answers in which it and the baseline differ.

    Args:
        rows: The rows.
        baseline: The place of the model that the others are held against.
        most: How many of a run, the first ones; ``None`` returns all.
    """
    base = {
        run.run: {one["i"]: one for one in run.answers}
        for run in rows.runs
        if run.model == baseline
    }
    if not base:
        return [[] for _ in rows.runs]
    kept = [
        set()
        if run.model == baseline
        else set(
            sorted(_differing(run.answers, base.get(run.run, base[min(base)])))[:most]
        )
        for run in rows.runs
    ]
    every = set().union(*kept)
    return [
        [
            one
            for one in run.answers
            if one["i"] in (every if run.model == baseline else mine)
        ]
        for run, mine in zip(rows.runs, kept, strict=True)
    ]


def _differing(answers: Iterable[Json], base: Mapping[int, Json]) -> Iterator[int]:
    by_score: list[tuple[float, int]] = []
    for one in answers:
        other = base.get(one["i"])
        if other is None:
            continue
        if "g" in one and "g" in other:
            if one["g"] != other["g"]:
                yield one["i"]
        elif "s" in one and "s" in other:
            by_score.append((-abs(one["s"] - other["s"]), one["i"]))
    yield from (at for _, at in sorted(by_score)[:_CHANGED_MOST])


def lengths_of(rows: BenchmarkRows) -> Iterator[int]:
    """Yield the length of every text."""
    for item in rows.items:
        yield max(map(len, (item["p"], item.get("t", ""), *item.get("c", ()))))
    for run in rows.runs:
        for answer in run.answers:
            yield max(len(answer.get(name, "")) for name in ("a", "f", "p"))


def said_of(rows: BenchmarkRows, kept: int, cut: int, thinning: Thinning) -> str:
    """Return what is said of rows that do not all fit, nothing where they do."""
    found = []
    if thinning.changed:
        first = f"first {thinning.most:,} " if thinning.most else ""
        found.append(
            f"{kept:,} of {len(rows.items):,} items are in this page, and of every"
            f" model the {first}answers in which it and the baseline differ"
        )
    if cut:
        found.append(f"{cut:,} texts are cut after {thinning.longest:,} characters")
    why = "the page would be too large with everything"
    return f"{rows.about['title']}: {'; '.join(found)}; {why}." if found else ""
