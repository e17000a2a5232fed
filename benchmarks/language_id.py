"""How often, and how fast, languages are told: this package and plain libraries.

Prints Markdown.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from lm_eval_iberian.languages import (
    available_languages,
    decide_language,
    identify,
)
from lm_eval_iberian.languages.evidence import evidence


# those that have a pack, and all whose words are known
OURS = tuple(available_languages())
ASKED = tuple(dict.fromkeys((*OURS, *evidence().languages)))
BUCKETS = ("short", "medium", "long")
REPEATS = 3
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("passages", type=Path, help="JSONL with lang, bucket and text")
    add("answers", type=Path, nargs="*", help="JSONL; longest strings are timed")
    options = parser.parse_args()
    lines = options.passages.read_text("utf-8").splitlines()
    rows = [json.loads(text) for text in lines]
    print("## Passages named rightly, %, short/medium/long\n")
    header("which", "case", *OURS)
    for name, namer in namers().items():
        for case in (str, str.upper):
            named = partial(is_named, namer, case)
            print(line(name, case.__name__, *shares(rows, named)))
    print("\n## Accepted as what they are, %, short/medium/long\n")
    header("half", "case", *OURS)
    for half, chosen in halves(rows).items():
        for case in (str, str.upper):
            named = partial(is_accepted, case)
            print(line(half, case.__name__, *shares(chosen, named)))
    wrong_acceptances(rows)
    for path in options.answers:
        speed(path)


def namers() -> dict[str, Callable[[str], str | None]]:
    """Return what is here to compare, by name."""
    found: dict[str, Callable[[str], str | None]] = {"lm-eval-iberian": identify}
    found["py3langid"] = lambda text: import_module("py3langid").classify(text)[0]
    try:
        langdetect = import_module("langdetect")
    except ImportError:
        return found
    langdetect.DetectorFactory.seed = 0  # it is not deterministic without
    found["langdetect"] = langdetect.detect
    return found


def is_named(
    namer: Callable[[str], str | None], case: Callable[[str], str], row: Row
) -> bool:
    return namer(case(row["text"])) == row["lang"]


def is_accepted(case: Callable[[str], str], row: Row) -> bool:
    return decide_language(case(row["text"]), row["lang"]).status == "accepted"


def halves(rows: list[Row]) -> dict[str, list[Row]]:
    """Split by a key: the lists of words were made with the first half at hand."""

    def is_held_out(row: Row) -> bool:
        return bool(hashlib.sha256(f"half:{row['text']}".encode()).digest()[0] & 1)

    return {
        "design": [row for row in rows if not is_held_out(row)],
        "held out": [row for row in rows if is_held_out(row)],
        "all": rows,
    }


def shares(rows: Iterable[Row], is_right: Callable[[Row], bool]) -> list[str]:
    """Return, by language, the share that is right in each bucket."""
    total: Counter[tuple[str, str]] = Counter()
    right: Counter[tuple[str, str]] = Counter()
    for row in rows:
        if row["lang"] in OURS:
            total[row["lang"], row["bucket"]] += 1
            right[row["lang"], row["bucket"]] += is_right(row)
    return [
        "/".join(
            f"{100 * right[lang, b] / max(total[lang, b], 1):.1f}" for b in BUCKETS
        )
        for lang in OURS
    ]


def wrong_acceptances(rows: list[Row]) -> None:
    """Print how often a passage is accepted as another language."""
    total = Counter((row["lang"], row["bucket"]) for row in rows)
    wrong: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        for wanted in set(ASKED) - {row["lang"]}:
            accepted = decide_language(row["text"], wanted).status == "accepted"
            wrong[row["lang"], row["bucket"], wanted] += accepted
    for bucket in BUCKETS:
        print(f"\n## Accepted as another language, {bucket}\n")
        header("is", "passages", *ASKED)
        for lang in sorted({row["lang"] for row in rows}):
            counts = [wrong[lang, bucket, wanted] or "" for wanted in ASKED]
            print(line(lang, total[lang, bucket], *counts))


def speed(path: Path) -> None:
    """Print how many answers are judged in a second of one core."""
    lines = path.read_text("utf-8").splitlines()
    texts = [longest(json.loads(text)) for text in lines]
    cut = [(text * 4)[:1000] for text in texts if len(text) > 250]
    print(f"\n## Answers a second, {path.name}\n")
    header("which", "as they are", "1,000 characters")
    rates = {
        "decide_language": lambda text: decide_language(text, "en"),
        "py3langid": import_module("py3langid").classify,
    }
    for name, judge in rates.items():
        print(line(name, rate(judge, texts), rate(judge, cut)))


def longest(value: Any) -> str:
    """Return the longest string in a JSON value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return max(map(longest, value), key=len, default="")
    return value if isinstance(value, str) else ""


def rate(judge: Callable[[str], object], texts: list[str]) -> int:
    """Return texts by second of processor time, the best of some runs."""
    judge(texts[0])
    best = float("inf")
    for _ in range(REPEATS):
        start = time.process_time()
        for text in texts:
            judge(text)
        best = min(best, time.process_time() - start)
    return round(len(texts) / best)


def header(*cells: object) -> None:
    print(line(*cells))
    print(line(*["---"] * len(cells)))


def line(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    main()
