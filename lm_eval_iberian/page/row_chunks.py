"""The rows of a comparison as chunks that a page holds, within a size.

A prompt is stored once, not once for each model, and once for each piece that it shares
with others, as few-shot examples are. A chunk is what one benchmark asks, or what one
model answers to it: JSON, compressed, in base64. The page unpacks those it shows.
"""

from __future__ import annotations

import base64
import gzip
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from lm_eval_iberian.page.stored_answers import Json
from lm_eval_iberian.page.visible_text import chunk_json


_LEVEL: Final = 6
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


_WHOLE: Final = Thinning()
_STEPS: Final = (
    Thinning(20_000),
    Thinning(4_000),
    Thinning(4_000, changed=True),
    Thinning(1_000, changed=True),
    Thinning(1_000, changed=True, most=1_000),
    Thinning(1_000, changed=True, most=200),
)


@dataclass(frozen=True)
class Packed:
    """Rows as they go into the page.

    Args:
        chunks: Base64, by the number that ``benchmarks`` names.
        benchmarks: What the page must know of each, with its chunks.
        left_out: What is not there and why, a sentence each.
    """

    chunks: tuple[str, ...]
    benchmarks: tuple[Json, ...]
    left_out: tuple[str, ...]


def pack(sources: Sequence[RowSource], baseline: int, room: int) -> Packed:
    """Return rows as chunks that take no more than ``room`` characters together.

    First long texts are cut, then items left out on which models agree, then whole
    benchmarks, the largest first; whatever it is, it is said.

    Args:
        sources: Each returns the rows of a benchmark; of many models they do not fit
            into memory together, and are asked for twice where they do not fit here.
        baseline: The place of the model that the others are held against.
        room: How many characters there are for all chunks.
    """
    found = _within(sources, baseline, room)
    if found is None:
        thinner = [_thinned(source(), baseline) for source in sources]
        for step in range(len(_STEPS)):
            found = [one[step] for one in thinner]
            if _size(found) <= room:
                break
    found = found or []
    kept = list(found)
    said = [one.said for one in found if one.said]
    while kept and _size(kept) > room:
        largest = max(kept, key=lambda one: one.size)
        kept.remove(largest)
        title = largest.about["title"]
        text = f"{title}: no row is in this page, which would be too large with them."
        said = [one for one in said if one != largest.said] + [text]
    chunks: list[str] = []
    benchmarks = []
    for one in kept:
        if not one.runs:
            continue
        first = len(chunks)
        chunks += one.chunks
        runs = [
            {"m": model, "run": run, "chunk": first + 1 + at}
            for at, (model, run) in enumerate(one.runs)
        ]
        benchmarks.append(one.about | {"items": first, "runs": runs})
    return Packed(tuple(chunks), tuple(benchmarks), tuple(said))


def _within(
    sources: Sequence[RowSource], baseline: int, room: int
) -> list[_PackedBenchmark] | None:
    """Return everything, ``None`` as soon as it is too much."""
    found: list[_PackedBenchmark] = []
    for source in sources:
        found.append(_packed(source(), baseline, _WHOLE))
        if _size(found) > room:
            return None
    return found


def _thinned(rows: BenchmarkRows, baseline: int) -> list[_PackedBenchmark]:
    """Return a benchmark with less and less, by each of the steps."""
    longest = max(_lengths(rows), default=0)
    found: list[_PackedBenchmark] = []
    for step in _STEPS:
        same = step.longest is not None and step.longest >= longest
        if found and same and not step.changed:
            found.append(found[-1])
        else:
            found.append(_packed(rows, baseline, step))
    return found


def _size(found: Sequence[_PackedBenchmark]) -> int:
    return sum(one.size for one in found)


@dataclass(frozen=True)
class _PackedBenchmark:
    about: Json
    chunks: Sequence[str]
    runs: Sequence[tuple[int, int]]
    said: str

    @property
    def size(self) -> int:
        return sum(map(len, self.chunks))


def _lengths(rows: BenchmarkRows) -> Iterator[int]:
    """Yield the length of every text."""
    for item in rows.items:
        yield max(map(len, (item["p"], item.get("t", ""), *item.get("c", ()))))
    for run in rows.runs:
        for answer in run.answers:
            yield max(len(answer.get(name, "")) for name in ("a", "f", "p"))


def _packed(rows: BenchmarkRows, baseline: int, thinning: Thinning) -> _PackedBenchmark:
    answers: Sequence[Sequence[Json]] = [run.answers for run in rows.runs]
    if thinning.changed:
        answers = _changed(rows, baseline, thinning.most)
    kept = {one["i"] for run in answers for one in run}
    places = {at: new for new, at in enumerate(sorted(kept))}
    texts = _Texts(thinning.longest)
    items = [texts.item(rows.items[at]) for at in places]
    thin = [
        [texts.answer(one | {"i": places[one["i"]]}) for one in run] for run in answers
    ]
    asked = {"items": items, "pieces": list(texts.pieces)}
    chunks = [_chunk(asked), *(_chunk({"answers": run}) for run in thin)]
    return _PackedBenchmark(
        rows.about
        | {"n": len(rows.items), "kept": len(items), "thin": int(thinning.changed)},
        chunks,
        [(run.model, run.run) for run in rows.runs],
        _said(rows, len(items), texts.cut, thinning),
    )


def _said(rows: BenchmarkRows, kept: int, cut: int, thinning: Thinning) -> str:
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


class _Texts:
    """Cuts texts, and stores the pieces that prompts share once."""

    def __init__(self, longest: int | None) -> None:
        self.longest = longest
        self.pieces: dict[str, int] = {}
        self.cut = 0

    def item(self, item: Json) -> Json:
        found = {key: value for key, value in item.items() if key not in ("p", "k")}
        if "c" in found:
            found["c"] = [self.text(one) for one in found["c"]]
        if "t" in found:
            found["t"] = self.text(found["t"])
        return found | {"p": self.prompt(item["p"])}

    def answer(self, answer: Json) -> Json:
        found = dict(answer)
        for name in ("a", "f"):
            if name in found:
                found[name] = self.text(found[name])
        if "p" in found:
            found["p"] = self.prompt(found["p"])
        return found

    def text(self, text: str) -> Any:
        """Return a text, or what is kept of it and how long it was."""
        if self.longest is None or len(text) <= self.longest:
            return text
        self.cut += 1
        return [text[: self.longest], len(text)]

    def prompt(self, text: str) -> Json:
        """Return the pieces of a prompt; of a long one the end, where questions are."""
        between = "\n\n" if "\n\n" in text else "\n"
        pieces = text.split(between)
        if self.longest is None or all(len(one) <= self.longest for one in pieces):
            return {"b": len(between), "at": self._places(pieces)}
        self.cut += 1
        ends = [
            one if len(one) <= self.longest else f"…{one[-self.longest :]}"
            for one in pieces
        ]
        return {"b": len(between), "at": self._places(ends), "n": len(text)}

    def _places(self, pieces: Iterable[str]) -> list[int]:
        return [self.pieces.setdefault(one, len(self.pieces)) for one in pieces]


def _changed(rows: BenchmarkRows, baseline: int, most: int | None) -> list[list[Json]]:
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


def _chunk(value: Json) -> str:
    # the time is none: the same rows make the same page
    return base64.b64encode(gzip.compress(chunk_json(value), _LEVEL, mtime=0)).decode()
