"""Models that stay: read and checked once, searched once, and merged like any other."""

from __future__ import annotations

import gc
import json
import os
import shutil
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from merge_recipes import OURS, STOCK, a_recipe, check_equal, merged_on_disk
from mergekit.tokenizer import build as tokenizer_build
from safetensors.torch import load_file
from tiny_models import make_models, save_weights
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedTokenizerFast,
)

from mergekit_ext import checked_merge, row_moves
from mergekit_ext.errors import InputError
from mergekit_ext.inmemory import (
    PreparedMerge,
    ResidentModels,
    live_model,
    merge_into,
    merged_side_files,
    merged_tensors,
    prepare_merge,
)
from mergekit_ext.kernels.blockwise import Blockwise
from mergekit_ext.kernels.cut_search import CutSearch


Tensors = dict[str, torch.Tensor]
SEED = {"random_seed": 3}
BANDED = ["fused_ties", "fused_breadcrumbs", "fused_breadcrumbs_ties"]


def prepared(written: dict[str, Any], weight: float | None = None) -> PreparedMerge:
    weights = {} if weight is None else {"basque": weight}
    return prepare_merge(written, options=SEED, weights=weights)


def weighted(written: dict[str, Any], weight: float) -> dict[str, Any]:
    """Return the same recipe with another weight of ``m/basque``."""
    changed: dict[str, Any] = json.loads(json.dumps(written))
    changed["models"][0]["parameters"]["weight"] = weight
    return changed


def streamed(written: Any, resident: ResidentModels) -> Tensors:
    merge = written if isinstance(written, PreparedMerge) else prepared(written)
    return {n: t.clone() for n, t in merged_tensors(merge, resident=resident)}


def points(method: str) -> list[dict[str, Any]]:
    """Return two recipes that differ in weights, or in nothing."""
    written = a_recipe(method)
    if "weight" in written["models"][0].get("parameters", {}):
        return [written, weighted(written, 1.75)]
    return [written, written]


@pytest.mark.slow
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("kind", ["llama", "qwen3"])
def test_every_method_one_after_another(kind: str, tied: bool, here: Path) -> None:
    make_models(here / "m", kind, tie_word_embeddings=tied)
    resident = ResidentModels()
    model: torch.nn.Module | None = None
    for method in (*OURS, *STOCK):
        for written in points(method):
            wanted = merged_on_disk(written, **SEED)
            check_equal(streamed(written, resident), wanted)
            if model is None:
                model = AutoModelForCausalLM.from_pretrained("out")
            for parameter in model.parameters():
                parameter.data.fill_(float("nan"))
            merge_into(model, prepared(written), resident=resident)
            loaded = AutoModelForCausalLM.from_pretrained("out")
            check_equal(model.state_dict(), loaded.state_dict())
    for name, held in resident.items():
        check_equal(dict(held), load_file(f"{name}/model.safetensors"))


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"dtype": "float32"}, {"dtype": None}])
@pytest.mark.parametrize("rescale", [False, True])
@pytest.mark.parametrize("method", BANDED)
def test_a_further_point_searches_nothing(
    method: str,
    rescale: bool,
    changes: dict[str, Any],
    llama: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = {k: v for k, v in (a_recipe(method) | changes).items() if v is not None}
    written["parameters"] = {"rescale": rescale, "lambda": 0.5}
    resident = ResidentModels()
    for weight, wanted in [(w, merged_on_disk(weighted(written, w))) for w in (1, 0.2)]:
        check_equal(streamed(weighted(written, weight), resident), wanted)
        monkeypatch.setattr(CutSearch, "_searched", None)
        monkeypatch.setattr(Blockwise, "ratio", None)


@pytest.mark.slow
def test_a_cut_is_of_one_density_and_dtype(llama: Path) -> None:
    """Whatever was merged before, with the same models or fewer."""
    resident = ResidentModels()
    for dtype in ("bfloat16", "float16", "float32"):
        for density in (0.5, 0.8):
            for gamma in (0.01, 0.1):
                written = a_recipe("fused_breadcrumbs", dtype=dtype)
                for one in written["models"]:
                    one["parameters"] |= {"density": density, "gamma": gamma}
                wanted = merged_on_disk(written)
                check_equal(streamed(written, resident), wanted)
    written = a_recipe("fused_ties", base_model="m/instruct")
    written["models"][1]["model"] = "m/base"
    check_equal(streamed(written, resident), merged_on_disk(written))


@pytest.mark.slow
def test_a_layer_in_the_place_of_another(llama: Path) -> None:
    """The tensors of a result are those of another place in its models."""
    resident = ResidentModels()
    sources = [
        {"model": f"m/{n}", "parameters": {"weight": 0.5, "density": 0.5}}
        for n in ("basque", "instruct")
    ]
    for layers in ([0, 1], [1, 0]):
        slices = [
            {"sources": [s | {"layer_range": [n, n + 1]} for s in
                         [{"model": "m/base"}, *sources]]}
            for n in layers
        ]  # fmt: skip
        written = {"merge_method": "fused_ties", "slices": slices,
                   "base_model": "m/base", "dtype": "bfloat16"}  # fmt: skip
        check_equal(streamed(written, resident), merged_on_disk(written))


def other_vocabulary(folder: Path, start: int) -> None:
    words = {f"w{index}": index for index in range(60)} | {
        f"v{index + start}": index for index in range(60, 64)
    }
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordLevel(words)))
    tokenizer.save_pretrained(folder)


TOKENIZERS: list[dict[str, Any]] = [
    {"tokenizer_source": "m/instruct"},
    {"tokenizer_source": "m/basque"},
    {"tokenizer_source": "m/base"},
    {"tokenizer": {"source": "m/instruct", "tokens": {
        "w7": {"source": "m/basque", "force": True}}}},
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fused_breadcrumbs_ties", "fused_linear", "ties"])
def test_embeddings_of_different_vocabularies(method: str, llama: Path) -> None:
    """Rows are moved for one tokenizer, and for another the next time."""
    other_vocabulary(llama / "instruct", 0)
    other_vocabulary(llama / "basque", 100)
    resident = ResidentModels()
    for changes in TOKENIZERS:
        for weight in (0.6, 1.5):
            written = weighted(a_recipe(method, **changes), weight)
            check_equal(streamed(written, resident), merged_on_disk(written, **SEED))
    written = a_recipe(method, tokenizer_source="union")
    for weight in (0.6, 1.5):
        merge = prepare_merge(weighted(written, weight))
        wanted = {n: t.clone() for n, t in merged_tensors(merge)}
        check_equal(streamed(merge, resident), wanted)


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The tokenizers that mergekit has built."""
    found: list[Any] = []
    build = tokenizer_build.build_tokenizer

    def counted(**given: Any) -> Any:
        found.append(build(**given))
        return found[-1]

    monkeypatch.setattr(tokenizer_build, "build_tokenizer", counted)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("same", [True, False], ids=["same words", "other words"])
@pytest.mark.parametrize("changes", [*TOKENIZERS, {"tokenizer_source": "union"}])
def test_a_further_point_builds_no_tokenizer_and_searches_nothing(
    same: bool,
    changes: dict[str, Any],
    llama: Path,
    builds: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not same:
        other_vocabulary(llama / "instruct", 0)
        other_vocabulary(llama / "basque", 100)
    written = a_recipe("fused_breadcrumbs", **changes)
    resident = ResidentModels()
    streamed(prepared(written, 0.6), resident)
    assert len(builds) == 1
    for weight in (1.5, 0.2):
        merge = prepared(written, weight)
        with monkeypatch.context() as patch:
            patch.setattr(CutSearch, "_searched", None)
            if same:  # but for what is forced, which is written into a map of its own
                patch.setattr(row_moves.RowMove, "_one", None)
            found = streamed(merge, resident)
            folder = merged_side_files(merge, f"side{weight}")
        assert len(builds) == 1
        check_equal(found, {n: t.clone() for n, t in merged_tensors(merge)})
        words = AutoTokenizer.from_pretrained(folder).get_vocab()
        assert words == builds[0].tokenizer.get_vocab()
    for name, held in resident.items():
        check_equal(dict(held), load_file(f"{name}/model.safetensors"))


@pytest.mark.slow
def test_a_tokenizer_is_of_its_models_and_settings(
    llama: Path, builds: list[Any]
) -> None:
    """Another one is built where anything of these is another."""
    resident = ResidentModels()
    written = a_recipe("fused_ties", tokenizer_source="m/instruct")
    changes: list[dict[str, Any]] = [
        {},
        {"tokenizer_source": "m/base"},
        {"base_model": "m/instruct", "models": written["models"][:1]},
        {"chat_template": "chatml"},
        {"chat_template": "alpaca"},
    ]
    for count, change in enumerate(changes, 1):
        for _ in range(2):
            merge = prepared(written | change)
            streamed(merge, resident)
            folder = merged_side_files(merge, f"side{count}{_}")
            assert len(builds) == count
    template = AutoTokenizer.from_pretrained(folder).chat_template
    assert "### Instruction" in template
    other_vocabulary(llama / "instruct", 100)
    written = written | changes[-1]
    check_equal(streamed(written, resident), merged_on_disk(written, **SEED))


def test_tokenizers_are_let_go(llama: Path, builds: list[Any]) -> None:
    """All with the models, and those that were not used for long before."""
    resident = ResidentModels()
    names = ["m/base", "m/basque", "m/instruct", "union"]
    written = [a_recipe("fused_ties", tokenizer_source=name) for name in names]
    written += [a_recipe("fused_nearswap", tokenizer_source=one) for one in names[:2]]
    for number in (0, 1, 2, 3, 0, 4, 5):
        streamed(prepared(written[number]), resident)
    assert len(builds) == 6
    there = [weakref.ref(one.tokenizer) for one in builds]
    builds.clear()
    gc.collect()
    assert [ref() is not None for ref in there] == [True, False, *[True] * 4]
    resident.release()
    gc.collect()
    assert not any(ref() for ref in there)


@pytest.mark.slow
def test_a_tied_head_beside_one_of_its_own(here: Path) -> None:
    make_models(here / "m", "llama", tie_word_embeddings=True)
    path = here / "m/basque/config.json"
    path.write_text(
        json.dumps(json.loads(path.read_text()) | {"tie_word_embeddings": False})
    )
    tensors = load_file("m/basque/model.safetensors")
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"] * 2
    save_weights(here / "m/basque", tensors)
    resident = ResidentModels()
    for written in points("fused_breadcrumbs"):
        check_equal(streamed(written, resident), merged_on_disk(written))


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The models that are read and checked, at each time."""
    found: list[list[str]] = []
    scan = checked_merge.scan

    def counted(checkpoints: Any, **options: Any) -> Any:
        if checkpoints:
            found.append([one.model for one in checkpoints])
        return scan(checkpoints, **options)

    monkeypatch.setattr(checked_merge, "scan", counted)
    return found


def test_a_model_is_read_once(llama: Path, scans: list[list[str]]) -> None:
    resident = ResidentModels()
    size = (llama / "base" / "model.safetensors").stat().st_size
    first, third = (prepared(a_recipe(m)) for m in ("fused_nearswap", "fused_ties"))
    needed = resident.needed(first)
    assert 0.8 * 2 * size < needed < 2 * size
    resident.hold(first)
    assert (resident.needed(first), resident.bytes) == (0, needed)
    assert sorted(resident) == ["m/base", "m/basque"]
    assert resident.needed(third) * 2 == needed
    for _ in range(2):
        resident.hold(third)
        streamed(third, resident)
    assert scans == [["m/base", "m/basque"], ["m/instruct"]]
    assert resident.bytes * 2 == needed * 3
    resident.release()
    assert (len(resident), resident.bytes, resident.known_cuts) == (0, 0, 0)
    assert resident.needed(first) == needed


def test_two_names_are_one_model(llama: Path, scans: list[list[str]]) -> None:
    resident = ResidentModels()
    resident.hold(prepared(a_recipe("fused_nearswap")))
    size = resident.bytes
    written = a_recipe("fused_nearswap", base_model="./m/base")
    written["models"][0]["model"] = str(llama / "basque")
    check_equal(streamed(written, resident), merged_on_disk(written))
    assert (len(resident), resident.bytes) == (4, size)
    assert scans[0] == ["m/base", "m/basque"]
    assert len(scans) == 2  # the second is that of the merge to the disk


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, TOKENIZERS[-1]], ids=["", "forced"])
@pytest.mark.parametrize("method", ["fused_breadcrumbs", "linear"])
def test_files_that_were_written_again_are_read_again(
    method: str, changes: dict[str, Any], llama: Path
) -> None:
    written, resident = a_recipe(method, **changes), ResidentModels()
    check_equal(streamed(written, resident), merged_on_disk(written))
    file = llama / "basque" / "model.safetensors"
    changed = {k: v.flip(0) * 3 for k, v in load_file(file).items()}
    save_weights(llama, changed)
    os.replace(llama / "model.safetensors", file)
    check_equal(streamed(written, resident), merged_on_disk(written))


def test_a_name_that_means_another_folder(
    llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recipe's names are paths from where the program is."""
    resident, written = ResidentModels(), a_recipe("fused_ties")
    streamed(written, resident)
    shutil.copytree(llama, llama.parent / "there" / "m")
    file = llama.parent / "there" / "m" / "basque" / "model.safetensors"
    save_weights(file.parent, {k: -v for k, v in load_file(file).items()})
    monkeypatch.chdir(llama.parent / "there")
    check_equal(streamed(written, resident), merged_on_disk(written))


@pytest.mark.parametrize("method", ["fused_linear", "fused_ties"])
def test_what_is_no_number_is_refused(method: str, llama: Path) -> None:
    tensors = load_file(llama / "basque" / "model.safetensors")
    tensors["model.norm.weight"][3] = float("nan")
    save_weights(llama / "basque", tensors)
    resident = ResidentModels()
    for _ in range(2):
        with pytest.raises(InputError, match=r"'model\.norm\.weight' holds nan at"):
            resident.hold(prepared(a_recipe(method)))
        assert not len(resident)


@pytest.mark.slow
def test_pickled_weights_are_held_too(llama: Path) -> None:
    file = llama / "basque" / "model.safetensors"
    tensors = load_file(file) | {"scalar": torch.tensor(2.5)}
    torch.save(tensors, llama / "basque" / "pytorch_model.bin")
    file.unlink()
    resident = ResidentModels()
    for written in points("fused_breadcrumbs"):
        for changes in ({}, *TOKENIZERS):
            changed = written | changes
            check_equal(streamed(changed, resident), merged_on_disk(changed))
    check_equal(dict(resident["m/basque"]), tensors)


@pytest.mark.slow
def test_a_model_in_shards(llama: Path) -> None:
    """The index says whose tensor counts."""
    folder = llama / "basque"
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    weight_map = {n: f"model-{k % 2}.safetensors" for k, n in enumerate(names)}
    for shard in range(2):
        save_weights(folder, {
            n: t if weight_map[n] == f"model-{shard}.safetensors" else t * 0
            for n, t in tensors.items()
        })  # fmt: skip
        (folder / "model.safetensors").rename(folder / f"model-{shard}.safetensors")
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    resident = ResidentModels()
    resident.hold(prepared(a_recipe("fused_linear")))
    check_equal(dict(resident["m/basque"]), tensors)


@pytest.mark.skipif(sys.platform != "linux", reason="maps are told in /proc")
def test_all_processes_share_the_pages_of_the_files(llama: Path) -> None:
    def mapped() -> set[str]:
        lines = Path("/proc/self/maps").read_text().splitlines()
        return {line.split()[-1] for line in lines if line.endswith(".safetensors")}

    files = {str(file) for file in llama.glob("*/*.safetensors")}
    resident = ResidentModels()
    resident.hold(prepared(a_recipe("fused_ties")))
    streamed(a_recipe("fused_ties"), resident)
    assert files <= mapped()
    resident.release()
    assert not files & mapped()


@pytest.mark.slow
@pytest.mark.parametrize("tied", [False, True])
def test_a_merge_is_computed_in_the_model(
    tied: bool, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_models(here / "m", "llama", tie_word_embeddings=tied)
    written = a_recipe("fused_task_arithmetic")
    merged_on_disk(written)
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained("out"))
    places = {t.data_ptr() for t in model.state_dict().values()}
    found, write = set(), live_model._Filled.write

    def seen(self: Any, name: str, tensor: torch.Tensor) -> None:
        found.add(tensor.data_ptr())
        write(self, name, tensor)

    monkeypatch.setattr(live_model._Filled, "write", seen)
    merge_into(model, written)
    assert found == places
    loaded = AutoModelForCausalLM.from_pretrained("out")
    check_equal(model.state_dict(), loaded.state_dict())


@pytest.mark.slow
def test_in_several_threads(llama: Path, scans: list[list[str]]) -> None:
    recipes = [one for method in BANDED for one in points(method)]
    wanted = [merged_on_disk(one, f"out{k}") for k, one in enumerate(recipes)]
    models = [AutoModelForCausalLM.from_pretrained("m/base") for _ in recipes]
    scans.clear()
    resident, start = ResidentModels(), threading.Barrier(len(recipes))

    def work(model: Any, written: dict[str, Any]) -> None:
        start.wait(60)
        for _ in range(3):
            merge_into(model, prepared(written), resident=resident)

    with ThreadPoolExecutor(len(recipes)) as pool:
        list(pool.map(work, models, recipes))
    for model, tensors in zip(models, wanted, strict=True):
        check_equal(model.state_dict(), tensors)
    assert len(scans) == 1


@pytest.mark.slow
def test_a_merge_that_runs_keeps_what_is_released(llama: Path) -> None:
    resident = ResidentModels()
    for written in points("fused_ties"):
        wanted, found = merged_on_disk(written), {}
        for name, tensor in merged_tensors(prepared(written), resident=resident):
            found[name] = tensor
            resident.release()
        check_equal(found, wanted)
