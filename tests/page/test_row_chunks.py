"""Rows in a page: every text once, within a size, and nothing lost without a word."""

from __future__ import annotations

import base64
import gzip
import json
import random
from functools import partial
from typing import Any

import pytest

from lm_eval_iberian.page.row_chunks import BenchmarkRows, Packed, pack


ROOMY = 10**9


def rows_of(
    runs: dict[int, list[dict[str, Any]]],
    prompts: list[str],
    key: str = "belebele_eu",
) -> BenchmarkRows:
    found = BenchmarkRows({"key": key, "title": key.title()})
    for model, answers in runs.items():
        items = [{"k": str(at), "p": text} for at, text in enumerate(prompts)]
        found.add(model, 0, zip(items, answers, strict=True))
    return found


def packed_of(rows: list[BenchmarkRows], baseline: int, room: int) -> Packed:
    return pack([partial(_same, one) for one in rows], baseline, room)


def _same(rows: BenchmarkRows) -> BenchmarkRows:
    return rows


def unpacked(packed: Packed, at: int) -> Any:
    return json.loads(gzip.decompress(base64.b64decode(packed.chunks[at])))


def prompt_of(item: dict[str, Any], pieces: list[str]) -> str:
    prompt = item["p"]
    return ("\n" * prompt["b"]).join(pieces[at] for at in prompt["at"])


def noise(length: int, seed: int) -> str:
    draw = random.Random(seed)  # noqa: S311
    return "".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=length))


@pytest.mark.parametrize(
    "prompts",
    [
        ["a\n\nb\n\nc", "a\n\nb\n\nd"],
        ["one\ntwo\n", "\none\n\n\ntwo", ""],
        ["\n\n", "\n", "x"],
    ],
)
def test_prompts_come_back_as_they_were(prompts: list[str]) -> None:
    rows = rows_of({0: [{"a": text} for text in prompts]}, prompts)
    packed = packed_of([rows], 0, ROOMY)
    asked = unpacked(packed, packed.benchmarks[0]["items"])
    got = [prompt_of(item, asked["pieces"]) for item in asked["items"]]
    assert got == prompts
    assert packed.left_out == ()


def test_what_prompts_share_is_stored_once() -> None:
    example = noise(5000, 1)
    prompts = [f"{example}\n\nquestion {at}" for at in range(200)]
    rows = rows_of({0: [{"g": 1} for _ in prompts]}, prompts)
    packed = packed_of([rows], 0, ROOMY)
    assert unpacked(packed, 0)["pieces"].count(example) == 1
    assert sum(map(len, packed.chunks)) < 10_000


def test_a_model_with_another_prompt_keeps_its_own() -> None:
    rows = BenchmarkRows({"key": "k", "title": "T"})
    rows.add(0, 0, [({"k": "1", "p": "asked"}, {"a": "x"})])
    rows.add(1, 0, [({"k": "1", "p": "<|user|>asked"}, {"a": "y"})])
    packed = packed_of([rows], 0, ROOMY)
    asked = unpacked(packed, 0)
    answers = [unpacked(packed, at)["answers"][0] for at in (1, 2)]
    assert "p" not in answers[0]
    assert prompt_of(answers[1], asked["pieces"]) == "<|user|>asked"


def test_items_pair_by_key_whatever_their_order() -> None:
    rows = BenchmarkRows({"key": "k", "title": "T"})
    rows.add(0, 0, [({"k": k, "p": k}, {"a": k}) for k in "abc"])
    rows.add(1, 0, [({"k": k, "p": k}, {"a": k}) for k in "dcb"])
    packed = packed_of([rows], 0, ROOMY)
    items = len(unpacked(packed, 0)["items"])
    places = [[a["i"] for a in unpacked(packed, at)["answers"]] for at in (1, 2)]
    assert (items, places) == (4, [[0, 1, 2], [3, 2, 1]])


def test_items_of_one_key_pair_in_their_order() -> None:
    rows = BenchmarkRows({"key": "k", "title": "T"})
    for model in (0, 1):
        rows.add(model, 0, [({"k": k, "p": k}, {"a": k}) for k in ("a", "a", "b")])
    packed = packed_of([rows], 0, ROOMY)
    places = [[a["i"] for a in unpacked(packed, at)["answers"]] for at in (1, 2)]
    assert places == [[0, 1, 2], [0, 1, 2]]


def test_the_same_rows_make_the_same_chunks() -> None:
    rows = rows_of({0: [{"a": "x"}], 1: [{"a": "y"}]}, ["p"])
    assert packed_of([rows], 0, ROOMY) == packed_of([rows], 0, ROOMY)


def test_long_texts_are_cut_first_and_it_is_said() -> None:
    answers = [{"a": noise(60_000, 1), "g": 1}, {"a": "short", "g": 1}]
    rows = rows_of({0: answers, 1: answers}, ["p", "q"])
    packed = packed_of([rows], 0, 60_000)
    cut = unpacked(packed, 1)["answers"]
    assert cut[0]["a"] == [answers[0]["a"][:20_000], 60_000]
    assert cut[1]["a"] == "short"
    (said,) = packed.left_out
    assert "2 texts are cut after 20,000 characters" in said
    assert sum(map(len, packed.chunks)) <= 60_000


def test_of_a_prompt_that_is_cut_the_end_is_kept() -> None:
    prompt = f"{noise(90_000, 2)}\n\n{noise(90_000, 3)} the question"
    rows = rows_of({0: [{"g": 1}]}, [prompt])
    packed = packed_of([rows], 0, 60_000)
    asked = unpacked(packed, 0)
    assert prompt_of(asked["items"][0], asked["pieces"]).endswith(" the question")
    assert asked["items"][0]["p"]["n"] == len(prompt)


def test_gained_and_lost_are_kept_when_rows_have_to_go() -> None:
    count = 400
    first = [{"g": 1, "a": noise(900, at)} for at in range(count)]
    second = [{"g": int(at % 40 > 0), "a": noise(900, -at)} for at in range(count)]
    rows = rows_of({0: first, 1: second}, [f"p{at}" for at in range(count)])
    packed = packed_of([rows], 0, 60_000)
    (about,) = packed.benchmarks
    assert (about["n"], about["kept"]) == (400, 10)
    asked = unpacked(packed, about["items"])
    kept = [prompt_of(item, asked["pieces"]) for item in asked["items"]]
    assert kept == [f"p{at}" for at in range(0, 400, 40)]
    (said,) = packed.left_out
    assert "10 of 400 items" in said


def test_of_too_many_changes_the_first_are_kept() -> None:
    count = 2000
    sides = {
        model: [{"g": model, "a": noise(300, at)} for at in range(count)]
        for model in (0, 1)
    }
    rows = rows_of(sides, [f"p{at}" for at in range(count)])
    packed = packed_of([rows], 0, 200_000)
    (about,) = packed.benchmarks
    assert (about["n"], about["kept"]) == (2000, 200)
    assert "the first 200 answers in which it and the base" in packed.left_out[0]
    assert sum(map(len, packed.chunks)) <= 200_000


def test_of_many_models_each_keeps_the_answers_in_which_it_differs() -> None:
    count = 200

    def side(model: int) -> list[dict[str, Any]]:
        texts = [noise(900, 1000 * model + at) for at in range(count)]
        return [
            {"g": int(at % 20 != model or not model), "a": text}
            for at, text in enumerate(texts)
        ]

    rows = rows_of(
        {one: side(one) for one in range(4)}, [f"p{at}" for at in range(count)]
    )
    packed = packed_of([rows], 0, 80_000)
    (about,) = packed.benchmarks
    counts = [len(unpacked(packed, run["chunk"])["answers"]) for run in about["runs"]]
    assert counts == [30, 10, 10, 10]
    assert (about["kept"], about["thin"]) == (30, 1)


def test_of_scores_the_largest_changes_are_kept() -> None:
    count = 1200
    first = [{"s": 50.0, "a": noise(400, at)} for at in range(count)]
    second = [{"s": 50.0 + at, "a": noise(400, -at)} for at in range(count)]
    rows = rows_of({0: first, 1: second}, [f"p{at}" for at in range(count)])
    packed = packed_of([rows], 0, 500_000)
    asked = unpacked(packed, 0)
    kept = [prompt_of(item, asked["pieces"]) for item in asked["items"]]
    assert kept == [f"p{at}" for at in range(700, 1200)]


def test_the_largest_benchmark_goes_when_nothing_else_helps() -> None:
    def half(key: str, count: int) -> BenchmarkRows:
        sides = {
            model: [{"g": model, "a": noise(900, at)} for at in range(count)]
            for model in (0, 1)
        }
        return rows_of(sides, [f"p{at}" for at in range(count)], key)

    packed = packed_of([half("large", 300), half("small", 20)], 0, 60_000)
    assert [one["key"] for one in packed.benchmarks] == ["small"]
    assert any(
        one.startswith("Large: no row is in this page") for one in packed.left_out
    )
    assert sum(map(len, packed.chunks)) <= 60_000


def test_without_rows_there_is_nothing() -> None:
    assert pack([], 0, 0) == Packed((), (), ())
