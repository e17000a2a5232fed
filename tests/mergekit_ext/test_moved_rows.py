"""Rows of embeddings, moved at once: bit for bit where mergekit moves them."""

from __future__ import annotations

import hashlib
import inspect
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from merge_recipes import a_recipe, check_equal, merged_on_disk
from mergekit.architecture import WeightInfo
from mergekit.common import ImmutableMap, ModelReference
from mergekit.config import MergeConfiguration
from mergekit.io.tasks import GatherTensors
from mergekit.options import MergeOptions
from mergekit.tokenizer import BuildTokenizer, PermutedVocabulary
from mergekit.tokenizer.build import TokenizerInfo
from mergekit.tokenizer.config import TokenEmbeddingConfig
from safetensors.torch import load_file
from tiny_models import make_models
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast

from mergekit_ext import moved_rows
from mergekit_ext.attach import unguarded_run_merge
from mergekit_ext.moved_rows import rows_moved_at_once


WORDS = [f"w{index}" for index in range(40)]
SWAPPED = [*reversed(WORDS[:20]), *WORDS[20:]]
MORE = [*WORDS, "<a>", "<b>"]
OTHER = [*WORDS[:30], *(f"v{index}" for index in range(10))]


@dataclass(frozen=True)
class Case:
    """What is moved, and why it is here.

    Args:
        why: What it shows.
        words: Model -> its tokens, in the order of its rows.
        result: The tokens of the result.
        tokens: ``tokenizer.tokens`` of the recipe.
        rows: Model -> how many rows it has, where these are not its tokens.
        base: The base model.
        options: More of mergekit's task.
        dtypes: Model -> dtype; bfloat16 by default.
        absent: The models that have no such tensor.
    """

    why: str
    words: dict[str, list[str]]
    result: list[str]
    tokens: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    base: str | None = "base"
    options: dict[str, Any] = field(default_factory=dict)
    dtypes: dict[str, torch.dtype] = field(default_factory=dict)
    absent: tuple[str, ...] = ()


SAME = {"base": WORDS, "basque": WORDS, "instruct": WORDS}
ADDED = {"base": WORDS, "basque": WORDS, "instruct": MORE}
APART = {"base": WORDS, "basque": SWAPPED, "instruct": OTHER}
UNION = [*WORDS, *OTHER[30:], *MORE[40:]]
FORCED = {f"w{k}": {"source": "instruct", "force": True} for k in (3, 17)}
CASES = [
    Case("nothing moves", SAME, WORDS),
    Case("nothing moves, and there is no base", SAME, WORDS, base=None),
    Case("a model has rows of no token", SAME, WORDS, rows={"basque": 48}),
    Case("all have rows of no token", SAME, WORDS, rows=dict.fromkeys(SAME, 64)),
    Case("one model has added tokens", ADDED, MORE),
    Case("one model has added tokens, which go", ADDED, WORDS),
    Case("forced rows, all else stays", SAME, WORDS, FORCED),
    Case("forced rows, of rows that move", APART, SWAPPED,
         {"w3": {"source": "basque", "force": True}, "w1": {"source": "base"}}),
    Case("a forced row of another token", SAME, WORDS,
         {"w5": {"force": True, "source":
                 {"kind": "model_token", "model": "basque", "token": "w9"}}}),
    Case("a row by its number", APART, OTHER,
         {"v2": {"source":
                 {"kind": "model_token", "model": "basque", "token_id": 7}}}),
    Case("a row that is zero", SAME, WORDS,
         {"w5": {"source": {"kind": "zero"}, "force": True}}),
    Case("rows move", APART, SWAPPED),
    Case("union: donors and the base", APART, UNION[:-2]),
    Case("union: averages of two", APART, UNION[:-2], base=None),
    Case("averages in float16", APART, UNION[:-2], base=None,
         dtypes=dict.fromkeys(APART, torch.float16)),
    Case("averages of three, as one has no such token",
         APART | {"other": OTHER, "last": MORE}, UNION, base=None),
    Case("a token that nobody has", SAME, [*WORDS, "<new>"]),
    Case("rows up to a multiple", APART, OTHER, options={"pad_to_multiple_of": 64}),
    Case("rows up to a multiple, nothing moves", SAME, WORDS,
         options={"pad_to_multiple_of": 64}),
    Case("several dtypes", APART, UNION[:-2], base=None,
         dtypes={"base": torch.float32, "instruct": torch.float16}),
    Case("several dtypes, nothing moves", SAME, WORDS,
         dtypes={"base": torch.float32}),
    Case("the second axis", APART, OTHER, options={"vocabulary_axis": 1}),
    Case("the second axis, nothing moves", SAME, WORDS,
         options={"vocabulary_axis": 1}),
    Case("a model without the tensor", APART, UNION[:-2], absent=("basque",)),
    Case("the base without the tensor", APART, UNION[:-2], absent=("base",)),
]  # fmt: skip


def refer(model: str) -> ModelReference:
    return ModelReference.model_validate(model)


def with_references(value: Any) -> Any:
    """Return a token's entry as a recipe has it."""
    return TokenEmbeddingConfig.model_validate(value)


def built(case: Case) -> TokenizerInfo:
    words = {word: number for number, word in enumerate(case.result)}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordLevel(words)))
    own = {m: {w: k for k, w in enumerate(given)} for m, given in case.words.items()}
    return TokenizerInfo(
        tokenizer=tokenizer,
        permutations={
            refer(m): {words[w]: ids.get(w, -1) for w in case.result}
            for m, ids in own.items()
        },
        original_vocabs={refer(m): ids for m, ids in own.items()},
    )


def task(case: Case) -> PermutedVocabulary:
    models = tuple(map(refer, case.words))
    base = None if case.base is None else refer(case.base)
    weights = {model: WeightInfo(name="table") for model in models}
    return PermutedVocabulary(
        gather_tensors=GatherTensors(weight_info=ImmutableMap(data=weights)),
        tokenizer_task=BuildTokenizer(
            base_model=base, referenced_models=models, tokenizer_source="union",
            add_tokens=(),
        ),
        tokens=ImmutableMap(
            data={t: with_references(given) for t, given in case.tokens.items()}
        ),
        base_model=base,
        **{"pad_to_multiple_of": None, "vocabulary_axis": 0} | case.options,
    )  # fmt: skip


def tables(case: Case) -> dict[ModelReference, torch.Tensor]:
    """Return a table for each model; some numbers are -0.0, and rows differ."""
    found, draw = {}, torch.Generator().manual_seed(1)
    for model, words in case.words.items():
        shape = (case.rows.get(model, len(words)), 24)
        table = torch.randn(shape, generator=draw)
        table[table.abs() < 0.1] = -0.0
        table = table.to(case.dtypes.get(model, torch.bfloat16))
        if case.options.get("vocabulary_axis"):
            table = table.T.contiguous()
        if model not in case.absent:
            found[refer(model)] = table
    return found


def check_bits(found: dict[Any, torch.Tensor], wanted: dict[Any, torch.Tensor]) -> None:
    assert list(found) == list(wanted)
    for model, table in wanted.items():
        one = found[model]
        assert (one.dtype, one.shape) == (table.dtype, table.shape), model
        assert one.stride() == table.stride(), model
        bits = [t.contiguous().view(torch.uint8) for t in (one, table)]
        assert torch.equal(*bits), model


def fail(*_: Any, **__: Any) -> None:
    raise AssertionError("mergekit was asked to move the rows")


@pytest.mark.parametrize("move", CASES, ids=lambda move: move.why)
def test_rows_are_where_mergekit_moves_them(
    move: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    info, given = built(move), tables(move)
    before = {model: table.clone() for model, table in given.items()}
    wanted = task(move).execute(tokenizer_info=info, tensors=dict(given))
    monkeypatch.setattr(PermutedVocabulary, "execute", fail)
    with rows_moved_at_once():
        for _ in range(2):
            found = task(move).execute(tokenizer_info=info, tensors=dict(given))
            check_bits(found, wanted)
    check_bits(given, before)


@pytest.mark.parametrize("rows", [{}, {"basque": 48}], ids=["same", "more rows"])
def test_rows_that_stay_are_not_copied(rows: dict[str, int]) -> None:
    case = Case("", SAME, WORDS, rows=rows)
    given = tables(case)
    with rows_moved_at_once():
        found = task(case).execute(tokenizer_info=built(case), tensors=dict(given))
    for model, table in given.items():
        assert found[model].data_ptr() == table.data_ptr()


def test_where_rows_come_from_is_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For all tables of the same models and tokenizer, and again for another."""
    found: list[object] = []
    assign = PermutedVocabulary.assign_embedding_sources

    def counted(self: Any, *given: Any) -> Any:
        found.append(self)
        return assign(self, *given)

    monkeypatch.setattr(PermutedVocabulary, "assign_embedding_sources", counted)
    first, second = Case("", APART, OTHER), Case("", APART, OTHER, FORCED)
    info = built(first)
    with rows_moved_at_once():
        for case in (first, first, second, second, first):
            task(case).execute(tokenizer_info=info, tensors=tables(case))
        task(first).execute(tokenizer_info=built(first), tensors=tables(first))
    assert len(found) == 3


FAULTS = [
    Case("a row that the model does not have", SAME, WORDS, rows={"basque": 39}),
    Case("a source that has no such token", APART, UNION[:-2],
         {"v1": {"source": "base"}}),
    Case("a source without the tensor", SAME, WORDS,
         {"w3": {"source": "instruct", "force": True}}, absent=("instruct",)),
    Case("no source at all", SAME, WORDS, {"w3": {"force": True}}),
]  # fmt: skip


@pytest.mark.parametrize("move", FAULTS, ids=lambda move: move.why)
def test_what_cannot_be_moved_is_said_as_mergekit_says_it(move: Case) -> None:
    info, given = built(move), tables(move)
    with pytest.raises(Exception) as theirs:  # noqa: PT011 - whatever mergekit raises
        task(move).execute(tokenizer_info=info, tensors=dict(given))
    with rows_moved_at_once(), pytest.raises(type(theirs.value)) as ours:
        task(move).execute(tokenizer_info=info, tensors=dict(given))
    assert str(ours.value) == str(theirs.value)


def test_an_unknown_mergekit_moves_its_rows_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(moved_rows, "_KNOWN", frozenset())
    moved_rows._is_known.cache_clear()
    case = CASES[0]
    given = tables(case)
    with rows_moved_at_once():
        found = task(case).execute(tokenizer_info=built(case), tensors=dict(given))
    moved_rows._is_known.cache_clear()
    assert all(found[m].data_ptr() != table.data_ptr() for m, table in given.items())


def test_the_installed_mergekit_moves_rows_as_ours_does() -> None:
    """A failure here says that upstream changed: compare it, and enter its hash."""
    source = inspect.getsource(PermutedVocabulary)
    assert hashlib.sha256(source.encode()).hexdigest() in moved_rows._KNOWN


@pytest.mark.slow
@pytest.mark.parametrize("changes", [
    {"tokenizer_source": "m/instruct"},
    {"tokenizer_source": "m/base"},
    {"tokenizer": {"source": "m/basque", "pad_to_multiple_of": 48}},
    {"tokenizer": {"source": "m/instruct", "tokens": {
        "v61": {"source": "m/basque"}, "w3": {"source": "m/base"}}}},
], ids=["instruct", "base", "multiple", "tokens"])  # fmt: skip
@pytest.mark.parametrize("method", ["linear", "ties"])
def test_a_merge_to_the_disk_is_as_mergekits(
    method: str, changes: dict[str, Any], tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    make_models(tmp_path / "m", "llama", tie_word_embeddings=False)
    for name, words in (("basque", range(60)), ("instruct", range(10, 64))):
        ids = {f"w{word}": number for number, word in enumerate(words)}
        ids |= {f"v{number}": number for number in range(len(ids), 64)}
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordLevel(ids)))
        tokenizer.save_pretrained(tmp_path / "m" / name)
    written = a_recipe(method, **changes)
    if method == "linear":
        written["models"].append({"model": "m/base", "parameters": {"weight": 0.1}})
    config = MergeConfiguration.model_validate(written)
    run = unguarded_run_merge()
    run(config, "theirs", MergeOptions(quiet=True, write_model_card=False))
    wanted = load_file("theirs/model.safetensors")
    monkeypatch.setattr(PermutedVocabulary, "execute", fail)
    check_equal(merged_on_disk(written), wanted)


def test_other_threads_are_as_they_were() -> None:
    case = CASES[0]
    info, given = built(case), tables(case)

    def moved() -> bool:
        found = task(case).execute(tokenizer_info=info, tensors=dict(given))
        return any(found[m].data_ptr() != t.data_ptr() for m, t in given.items())

    with rows_moved_at_once(), ThreadPoolExecutor(1) as other:
        assert not moved()
        assert other.submit(moved).result()
    assert moved()
