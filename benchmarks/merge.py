"""How fast tensors are merged: mergekit's methods beside ours, on the same tensors.

Every method passes a gate first: ours must be the reference's bit for bit, and
mergekit's up to the order of a sum. Where it fails, no figure is printed and the exit
status is 1.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from unittest import mock

import torch
from merge_cases import (
    CASES,
    PLAIN,
    Case,
    available,
    family,
    named,
    parse_elements,
    registered,
)
from merge_gate import Verdict, judge
from merge_memory import Extra, extra_memory
from merge_timing import Timing, machine, measure, usable_cores
from tqdm import tqdm


LEGEND: Final = """\
ns       nanoseconds per element of the result, the median of the rounds
x        mergekit's median divided by ours; - where mergekit does not have the method
MB       the peak of resident memory beyond inputs and output, in a process of its own,
         on {memory} elements; 1 MB is 10**6 bytes
copy     bytes that have to be moved / time, as a share of what a copy between touched
         buffers does that moves as many bytes. Counted are: every input once, twice
         where a cut has to be known first (ties, breadcrumbs), the result once.
differ   the share of elements that are not mergekit's, which rounds more often; for
         DARE with our masks in mergekit's place
cost     of a method that mergekit does not have, by each backend in turn: our median
         divided by that of {plain}, ours by the same backend / mergekit's. It is
         what the method costs beside a plain merge: another formula, no speed-up
linear takes the base as one more model; nearswap takes the base and one expert,
layer_swap two models that it averages. Null space is measured once its singular
vectors are kept, on at most 1M elements."""
_SETTINGS = ("elements", "dtype", "experts", "rounds", "backend", "memory_elements")

Memory = dict[str, dict[str, Extra | None]]


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


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    options.rounds = options.rounds or (3 if options.end_to_end else 5)
    if options.end_to_end:
        import merge_end_to_end

        return merge_end_to_end.run(options)
    facts = machine()
    with _cache_apart():
        rows = measure_all(options)
    report(options, facts, rows)
    return 1 if faults(rows) else 0


@contextmanager
def _cache_apart() -> Iterator[None]:
    """Keep singular vectors in a folder that goes, in this process and in children."""
    with (
        TemporaryDirectory() as folder,
        mock.patch("huggingface_hub.constants.HF_HOME", folder),
        mock.patch.dict(os.environ, HF_HOME=folder),
    ):
        yield


def measure_all(options: argparse.Namespace) -> dict[str, Row]:
    """Judge and time each method; then measure memory, so that it disturbs no time."""
    cases = [CASES[name] for name in options.methods]
    all_backends = {name: named(name) for name in options.backend}
    dtype = getattr(torch, options.dtype)
    steps = len(cases) * (1 + options.rounds + len(all_backends))
    rows = {}
    with tqdm(total=steps, unit="step", leave=False) as progress:
        progress.set_description("tensors")
        tensors = family(options.elements, options.experts, dtype)
        for case in cases:
            backends = {n: one for n, one in all_backends.items() if n in case.ways}
            progress.set_description(f"{case.name}: gate")
            verdict = judge(case, backends, tensors)
            progress.update()
            progress.set_description(f"{case.name}: time")
            timing = None
            if verdict.agrees:
                timing = measure(
                    case, backends, tensors, options.rounds, progress.update
                )
            rows[case.name] = Row(verdict, timing, {})
        del tensors
        progress.set_description("memory")
        memory = _memory(options, cases, rows, progress)
    return {n: Row(r.verdict, r.timing, memory.get(n, {})) for n, r in rows.items()}


def _memory(
    options: argparse.Namespace,
    cases: Sequence[Case],
    rows: Mapping[str, Row],
    progress: tqdm[Any],
) -> Memory:
    """Measure each method that agrees in children, a few at a time."""
    if not options.memory_elements:
        return {}
    jobs = [
        (case.name, backend)
        for case in cases
        if rows[case.name].verdict.agrees
        for backend in options.backend
        if backend in case.ways
    ]

    def job(pair: tuple[str, str]) -> Extra | None:
        extra = extra_memory(
            *pair, options.memory_elements, options.experts, options.dtype,
            torch.get_num_threads(),
        )  # fmt: skip
        progress.update()
        return extra

    found: Memory = {}
    with ThreadPoolExecutor(min(4, usable_cores())) as pool:
        for (case, backend), extra in zip(jobs, pool.map(job, jobs), strict=True):
            found.setdefault(case, {})[backend] = extra
    return found


def report(
    options: argparse.Namespace, facts: Mapping[str, Any], rows: Mapping[str, Row]
) -> None:
    """Print the table, and write everything where that was asked for."""
    print(
        f"{facts['cpu']}, {facts['cores']} cores, {facts['threads']} threads,"
        f" load average {facts['load_average']} at the start"
    )
    print(
        f"{options.elements} elements, {options.dtype}, base and {options.experts}"
        f" experts, {options.rounds} rounds in turns,"
        f" mergekit {facts['versions']['mergekit']}\n"
    )
    print(*table(rows, options.backend), sep="\n")
    print("\n" + LEGEND.format(memory=options.memory_elements, plain=PLAIN))
    for fault in faults(rows):
        print(f"DISAGREES: {fault}")
    if options.json:
        asked = {k: v for k, v in vars(options).items() if k in _SETTINGS}
        methods = {n: as_data(CASES[n], row) for n, row in rows.items()}
        data = {"machine": facts, "settings": asked, "methods": methods}
        options.json.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def table(rows: Mapping[str, Row], backends: Sequence[str]) -> list[str]:
    """Return the lines of the table."""
    head = f"{'':17}{'mergekit':>9}"
    names = f"{'method':17}{'ns':>9}"
    for backend in backends:
        head += f" |{backend:^33}"
        names += f" |{'ns':>8}{'x':>8}{'MB':>8}{'copy':>8} "
    lines = [head, f"{names} |{'differ':>9} | cost"]
    lines.append("-" * len(lines[1]))
    for name, row in rows.items():
        lines.append(f"{name:17}" + _cells(row, backends))
    return lines


def faults(rows: Mapping[str, Row]) -> list[str]:
    """Return what disagrees, a line to each."""
    return [f"{name}: {f}" for name, row in rows.items() for f in row.verdict.faults]


def as_data(case: Case, row: Row) -> dict[str, Any]:
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
    elements = timing.elements
    found["bytes_moved"], found["elements"] = timing.moved, elements
    stock = f"stock_{PLAIN}" if case.beside else "stock"
    for name, times in {stock: timing.stock, "copy": timing.copy}.items():
        if times is not None:
            found[name] = _times(times.median, times.rounds, elements)
    found["backends"] = {
        name: {
            **_times(times.median, times.rounds, elements),
            "ratio": timing.ratio(name),
            **_costs(timing, name),
            "share_of_copy": timing.share_of_copy(name),
            **_extra(row.memory.get(name)),
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


def _extra(extra: Extra | None) -> dict[str, Any]:
    if extra is None:
        return {"extra_memory_bytes": None}
    return {"extra_memory_bytes": extra.bytes, "extra_memory_at_most": extra.at_most}


def _costs(timing: Timing, backend: str) -> dict[str, Any]:
    """Return what a method costs beside plain merges, ours and mergekit's."""
    costs = timing.costs(backend)
    if costs is None:
        return {}
    plain = timing.plain[backend]
    return {
        f"our_{PLAIN}": _times(plain.median, plain.rounds, timing.elements),
        f"cost_beside_our_{PLAIN}": costs[0],
        f"cost_beside_stock_{PLAIN}": costs[1],
    }


def _cells(row: Row, backends: Sequence[str]) -> str:
    timing = row.timing
    if timing is None:
        return f"{'':9} | DISAGREES"
    nano = 1e9 / timing.elements
    stock = None if timing.plain else timing.stock
    cells = _right(stock and f"{stock.median * nano:.2f}", 9)
    for name in backends:
        if name not in timing.ours:
            cells += " |" + 4 * _right(None, 8) + " "
            continue
        ratio, extra = timing.ratio(name), row.memory.get(name)
        cells += f" |{timing.ours[name].median * nano:8.2f}"
        cells += _right(ratio and f"{ratio:.1f}", 8)
        cells += _right(extra and f"{'<' * extra.at_most}{extra.bytes / 1e6:.0f}", 8)
        cells += f"{timing.share_of_copy(name):8.0%} "
    differ = row.verdict.differ
    cells += " |" + _right(None if differ is None else f"{differ:.3%}", 9)
    costs = [timing.costs(name) for name in timing.ours]
    said = ", ".join(f"{one[0]:.2f} / {one[1]:.2f}" for one in costs if one)
    return f"{cells} | {said or '-'}"


def _right(text: str | float | None, width: int) -> str:
    return f"{text or '-':>{width}}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    ours = registered()
    methods = [case.name for case in CASES.values() if case.ours in ours]
    add = parser.add_argument
    add("--elements", type=parse_elements, default=16 << 20, help="such as 64M (2**26)")
    add("--dtype", default="bfloat16", choices=["bfloat16", "float16", "float32"])
    add("--methods", nargs="+", default=methods, choices=methods)
    add("--experts", type=_positive, default=2)
    add("--threads", type=_positive, help="by default PyTorch's number")
    add("--backend", nargs="+", default=available(), choices=available())
    add("--rounds", type=_positive, help="by default 5, and 3 end to end")
    add("--memory-elements", type=parse_elements, default=64 << 20)
    add("--no-memory", dest="memory_elements", action="store_const", const=0)
    add("--json", type=Path, help="write all rounds to this file")
    more = parser.add_argument_group("end to end, in place of the table")
    more.add_argument("--end-to-end", action="store_true", help="time mergekit-yaml")
    more.add_argument("--folder", type=Path, help="for the models, about 7 GB")
    more.add_argument("--with-stock-breadcrumbs", action="store_true")
    return parser


def _positive(text: str) -> int:
    if (value := int(text)) < 1:
        raise ValueError
    return value


if __name__ == "__main__":
    raise SystemExit(main())
