"""What ``merge.py`` prints and writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from merge_cases import Case
from merge_gate import Verdict
from merge_memory import Extra
from merge_timing import Timing


LEGEND: Final = """\
ns       nanoseconds per element of the result, the median of the rounds
x        mergekit's median divided by ours
MB       the peak of resident memory beyond inputs and output, in a process of its own,
         on {memory} elements; 1 MB is 10**6 bytes
copy     bytes that have to be moved / time, as a share of what a copy between touched
         buffers does that moves as many bytes. Counted are: every input once, twice
         where a cut has to be known first (ties, breadcrumbs), the result once.
differ   the share of elements that are not mergekit's, which rounds more often; for
         DARE with our masks in mergekit's place
linear takes the base as one more model; nearswap takes the base and one expert,
layer_swap two models that it averages."""


@dataclass(frozen=True)
class Row:
    """What there is to say of one method.

    Args:
        verdict: Of its gate.
        timing: Its times, if it may have any.
        memory: Its extra memory, backend to bytes, where it was measured.
    """

    verdict: Verdict
    timing: Timing | None
    memory: Mapping[str, Extra | None]


def table(rows: Mapping[str, Row], backends: Sequence[str], elements: int) -> list[str]:
    """Return the lines of the table."""
    head = f"{'':17}{'mergekit':>9}"
    names = f"{'method':17}{'ns':>9}"
    for backend in backends:
        head += f" |{backend:^33}"
        names += f" |{'ns':>8}{'x':>8}{'MB':>8}{'copy':>8} "
    lines = [head, f"{names} |{'differ':>9}"]
    lines.append("-" * len(lines[1]))
    for name, row in rows.items():
        lines.append(f"{name:17}" + _cells(row, backends, elements))
    return lines


def faults(rows: Mapping[str, Row]) -> list[str]:
    """Return what disagrees, a line to each."""
    return [f"{name}: {f}" for name, row in rows.items() for f in row.verdict.faults]


def as_data(case: Case, row: Row, elements: int) -> dict[str, Any]:
    """Return a row with all its rounds, for JSON."""
    verdict, timing = row.verdict, row.timing
    found: dict[str, Any] = {
        "parameters": {**case.per_model, **case.shared},
        "agrees": verdict.agrees,
        "faults": list(verdict.faults),
        "differ_from_stock": verdict.differ,
        "apart_from_stock": verdict.apart,
    }
    if timing is None:
        return found
    found["bytes_moved"] = timing.moved
    for name, times in {"stock": timing.stock, "copy": timing.copy}.items():
        if times is not None:
            found[name] = _times(times.median, times.rounds, elements)
    found["backends"] = {
        name: {
            **_times(times.median, times.rounds, elements),
            "ratio": timing.ratio(name),
            "share_of_copy": timing.share_of_copy(name),
            **_memory(row.memory.get(name)),
        }
        for name, times in timing.ours.items()
    }
    return found


def _times(median: float, rounds: Sequence[float], elements: int) -> dict[str, Any]:
    return {
        "ns_per_element": median / elements * 1e9,
        "median_s": median,
        "rounds_s": list(rounds),
    }


def _memory(extra: Extra | None) -> dict[str, Any]:
    if extra is None:
        return {"extra_memory_bytes": None}
    return {"extra_memory_bytes": extra.bytes, "extra_memory_at_most": extra.at_most}


def _cells(row: Row, backends: Sequence[str], elements: int) -> str:
    timing = row.timing
    if timing is None:
        return f"{'':9} | DISAGREES"
    nano = 1e9 / elements
    cells = _right(timing.stock and f"{timing.stock.median * nano:.2f}", 9)
    for name in backends:
        ratio, extra = timing.ratio(name), row.memory.get(name)
        cells += f" |{timing.ours[name].median * nano:8.2f}"
        cells += _right(ratio and f"{ratio:.1f}", 8)
        cells += _right(extra and f"{'<' * extra.at_most}{extra.bytes / 1e6:.0f}", 8)
        cells += f"{timing.share_of_copy(name):8.0%} "
    differ = row.verdict.differ
    return cells + " |" + _right(None if differ is None else f"{differ:.3%}", 9)


def _right(text: str | float | None, width: int) -> str:
    return f"{text or '-':>{width}}"
