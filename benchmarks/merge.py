"""How fast tensors are merged: mergekit's methods beside ours, on the same tensors.

Every method passes a gate first: ours must be the reference's bit for bit, and
mergekit's up to the order of a sum. Where it fails, no figure is printed and the exit
status is 1.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from merge_backends import available, named, registered
from merge_cases import CASES, Case, family, parse_elements
from merge_gate import judge
from merge_machine import machine, usable_cores
from merge_memory import Extra, extra_memory
from merge_report import LEGEND, Row, as_data, faults, table
from merge_timing import measure
from tqdm import tqdm


Memory = dict[str, dict[str, Extra | None]]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    options.rounds = options.rounds or (3 if options.end_to_end else 5)
    if options.end_to_end:
        import merge_end_to_end

        return merge_end_to_end.run(options)
    facts = machine()
    rows = measure_all(options)
    report(options, facts, rows)
    return 1 if faults(rows) else 0


def measure_all(options: argparse.Namespace) -> dict[str, Row]:
    """Judge and time each method; then measure memory, so that it disturbs no time."""
    cases = [CASES[name] for name in options.methods]
    backends = {name: named(name) for name in options.backend}
    dtype = getattr(torch, options.dtype)
    steps = len(cases) * (1 + options.rounds + len(backends))
    rows = {}
    with tqdm(total=steps, unit="step", leave=False) as progress:
        progress.set_description("tensors")
        tensors = family(options.elements, options.experts, dtype)
        for case in cases:
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
    print(*table(rows, options.backend, options.elements), sep="\n")
    print("\n" + LEGEND.format(memory=options.memory_elements))
    for fault in faults(rows):
        print(f"DISAGREES: {fault}")
    if options.json:
        asked = {k: v for k, v in vars(options).items() if k in _SETTINGS}
        methods = {
            n: as_data(CASES[n], row, options.elements) for n, row in rows.items()
        }
        data = {"machine": facts, "settings": asked, "methods": methods}
        options.json.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


_SETTINGS = ("elements", "dtype", "experts", "rounds", "backend", "memory_elements")


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
