"""How fast IFEval answers are scored: lm-eval's English checkers beside ours.

The same answers, one process, one thread; the ways take turns, and the best of several
rounds counts. Imports and the loading of models are measured apart.
"""

from __future__ import annotations

import argparse
import functools
import gc
import importlib.util
import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final


VERDICTS: Final = "en_verdicts_lm_eval_0.4.13.jsonl"
# letters '#' and '!': lm-eval draws another letter each time
CHANCE: Final = {1122, 1129}
IMPORTS: Final = {
    "lm-eval": "lm_eval.tasks.ifeval.utils",
    "ours": "lm_eval_iberian.ifeval",
}


@dataclass(frozen=True)
class Item:
    """A prompt, an answer to it, and what lm-eval said of it when it was stored."""

    row: dict[str, Any]
    answer: str
    strict: list[bool]
    loose: list[bool]


Way = Callable[[Item], tuple[list[bool], list[bool]]]


def read_items(folder: Path) -> list[Item]:
    prompts = {row["key"]: row for row in _lines(folder / "en_input_data.jsonl")}
    for row in prompts.values():
        names = row["instruction_id_list"]
        row["instruction_id_list"] = [name.removeprefix("en:") for name in names]
    answers: dict[tuple[str, int], str] = {}
    for path in sorted(folder.glob("en_responses_*.jsonl")):
        model = path.stem.removeprefix("en_responses_")
        for key, line in zip(prompts, _lines(path), strict=True):
            answers[model, key] = line["response"]
    return [
        Item(
            prompts[said["key"]],
            answers[said["model"], said["key"]],
            said["strict"],
            said["loose"],
        )
        for said in _lines(folder / VERDICTS)
    ]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_bytes().splitlines():
        yield json.loads(line)


def missing() -> str:
    """Say what lm-eval's checkers need and is not here; nothing if all is."""
    import nltk

    if importlib.util.find_spec("immutabledict") is None:
        return "lm-eval needs immutabledict: pip install 'lm-eval[ifeval]'"
    try:
        nltk.data.find("tokenizers/punkt_tab/english/")
    except LookupError:
        return (
            "lm-eval needs the sentence model punkt_tab: python -m nltk.downloader "
            "punkt_tab, or NLTK_DATA=<the folder that holds tokenizers/punkt_tab>"
        )
    return ""


def by_lm_eval() -> Way:
    import langdetect
    from lm_eval.tasks.ifeval import utils

    langdetect.DetectorFactory.seed = 0

    def score(item: Item) -> tuple[list[bool], list[bool]]:
        found = utils.process_results(item.row, [item.answer])
        return found["inst_level_strict_acc"], found["inst_level_loose_acc"]

    return score


def by_us(*scorings: str, language: bool = False, health: bool = False) -> Way:
    """Return the verdicts of the last scoring, with more that a task reports.

    Args:
        *scorings: Which.
        language: The language of the answer, and what can be satisfied, as well.
        health: All the rest that lm-eval does not look at: turns, loops, an end.
    """
    from lm_eval_iberian.ifeval.scoring import score_by
    from lm_eval_iberian.languages import decide_language

    def score(item: Item) -> tuple[list[bool], list[bool]]:
        last = score_by(item.row, item.answer, scorings, lang="en")[-1]
        if language:
            _ = decide_language(last.answered.answer.text, "en"), last.satisfiable
        if health:
            _ = last.answered.health, last.satisfiable
        return [v.followed for v in last.strict], [v.followed for v in last.loose]

    return score


def first_use(way: Way, items: Sequence[Item]) -> float:
    """Return the seconds that loading models takes: the first round less the second."""
    kinds = {name: item for item in items for name in item.row["instruction_id_list"]}
    sample = list(kinds.values())
    return max(0.0, _round(way, sample) - _round(way, sample))


def _round(way: Way, items: Sequence[Item]) -> float:
    start = time.perf_counter()
    for item in items:
        way(item)
    return time.perf_counter() - start


def import_seconds(module: str) -> float:
    """Return how long a fresh interpreter takes to import a module."""
    program = (
        f"import time; t = time.perf_counter(); import {module}; "
        "print(time.perf_counter() - t)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return float(done.stdout.split()[-1])


def agreement(way: Way, items: Sequence[Item]) -> tuple[int, int, int]:
    """Return the verdicts that agree with the stored ones, of how many, and the keys
    of prompts that disagree beside those that hang on chance."""
    agreed = total = 0
    apart: set[int] = set()
    for item in items:
        strict, loose = way(item)
        pairs = list(zip([*strict, *loose], [*item.strict, *item.loose], strict=True))
        total += len(pairs)
        agreed += sum(one == other for one, other in pairs)
        if any(one != other for one, other in pairs):
            apart.add(item.row["key"])
    return agreed, total, len(apart - CHANCE)


def forget() -> None:
    """Empty the bounded caches: no round may live on the one before."""
    for found in gc.get_objects():
        if isinstance(found, functools._lru_cache_wrapper):
            bounded: Any = found
            if bounded.cache_info().maxsize:
                bounded.cache_clear()


def measure(
    ways: dict[str, Way], items: Sequence[Item], rounds: int
) -> dict[str, float]:
    """Return the answers per second of each way, in the best of its rounds."""
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, way in ways.items():
            forget()
            best[name] = min(best[name], _round(way, items))
    return {name: len(items) / seconds for name, seconds in best.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help=f"holds {VERDICTS} and the answers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--every", type=int, default=1, help="score each nth answer")
    options = parser.parse_args()
    logging.disable(logging.ERROR)
    items = read_items(options.folder)[:: options.every]
    lacking = missing()
    ways: dict[str, Way] = {} if lacking else {"lm-eval": by_lm_eval()}
    ways |= {
        "ours, repaired": by_us("repaired"),
        "ours, original": by_us("original"),
        "ours, both": by_us("repaired", "original"),
        "ours, both, language": by_us("repaired", "original", language=True),
        "ours, all": by_us("repaired", "original", language=True, health=True),
    }
    report(ways, items, options.rounds, lacking)


def report(
    ways: dict[str, Way], items: Sequence[Item], rounds: int, lacking: str
) -> None:
    """Measure and print the table."""
    if lacking:
        print(lacking)
    print(f"{len(items)} answers, best of {rounds} rounds")
    for name, module in IMPORTS.items():
        if name == "ours" or not lacking:
            print(f"import, {name}: {import_seconds(module):.2f} s")
    for name, way in ways.items():
        print(f"loading models, {name}: {first_use(way, items):.2f} s")
    agreed, total, apart = agreement(ways["ours, original"], items)
    print(f"original: {agreed} of {total} verdicts as lm-eval's stored ones")
    speed = measure(ways, items, rounds)
    base = speed.get("lm-eval")
    for name, value in speed.items():
        withheld = apart and name not in ("lm-eval", "ours, repaired")
        ratio = f"{value / base:6.2f} x" if base and not withheld else ""
        print(f"{name:16}{value:8.0f} answers/s  {ratio}")
    if apart:
        print(
            f"no ratio for original: {apart} prompts judged otherwise than by lm-eval"
        )


if __name__ == "__main__":
    main()
