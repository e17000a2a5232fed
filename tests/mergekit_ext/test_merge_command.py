"""``iberian merge``: every method is checked, watched and recorded."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mergekit.merge
import pytest
import torch
import yaml
from click.testing import CliRunner, Result
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from lm_eval_iberian.cli import main


pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise AssertionError("the network was touched")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def work(own_models: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(own_models.parent)
    return own_models.parent


def linear(**changes: Any) -> dict[str, Any]:
    models = [
        {"model": f"models/{name}", "parameters": {"weight": 0.5}}
        for name in ("basque", "galician")
    ]
    written = {"merge_method": "linear", "models": models, "dtype": "bfloat16"}
    return written | changes


def iberian(written: dict[str, Any] | str, *options: str, out: str = "out") -> Result:
    text = written if isinstance(written, str) else yaml.safe_dump(written)
    Path("recipe.yml").write_text(text, encoding="utf-8")
    return CliRunner().invoke(main, ["merge", "recipe.yml", out, *options])


def names(folder: str | Path = ".") -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("method", ["linear", "fused_linear"])
def test_a_whole_result_appears(work: Path, method: str) -> None:
    result = iberian(linear(merge_method=method))
    assert result.exit_code == 0, result.output
    assert names() == ["models", "out", "recipe.yml"]
    assert result.stderr.splitlines()[0] == "merging recipe.yml into out"
    lines = result.stdout.splitlines()
    assert lines[0].startswith("merged into out: 8 files, ")
    assert lines[1:] == ["what it was made of: out/merge_provenance.json"]
    basque, galician = (
        load_file(f"models/{name}/model.safetensors") for name in ("basque", "galician")
    )
    for name, tensor in load_file("out/model.safetensors").items():
        mean = (basque[name].float() + galician[name].float()) / 2
        torch.testing.assert_close(tensor.float(), mean, atol=2e-3, rtol=2**-6)
    model = AutoModelForCausalLM.from_pretrained("out")
    assert model.config.vocab_size == 64


def test_provenance(work: Path) -> None:
    assert iberian(linear(), "--random-seed", "7", "--quiet").output == ""
    found = json.loads(Path("out/merge_provenance.json").read_text("utf-8"))
    assert found["schema"] == 1
    assert found["date"].endswith("+00:00")
    assert found["method"] == "linear"
    assert found["seeds"] == {"method": None, "global": 7}
    assert found["device"] == "cpu"
    assert found["recipe"] == Path("recipe.yml").read_text("utf-8")
    assert found["parsed_recipe"]["models"][0]["model"] == "models/basque"
    assert {"python", "torch", "mergekit", "transformers", "safetensors"} <= set(
        found["versions"]
    )
    one = found["models"][0]
    assert (one["model"], one["folder"], one["commit"]) == (
        "models/basque",
        "basque",
        None,
    )
    folder = work / "models" / "basque"
    listed = {entry["name"]: entry for entry in one["files"] + one["weights"]}
    assert listed.keys() == {"config.json", "tokenizer.json", "model.safetensors"}
    output = {entry["name"]: entry for entry in found["output"]}
    assert sorted([*output, "merge_provenance.json"]) == names("out")
    for place, entries in ((folder, listed), (work / "out", output)):
        for name, entry in entries.items():
            assert entry["sha256"] == sha256(place / name)
            assert entry["size"] == (place / name).stat().st_size
    assert str(work) not in json.dumps(found)


def test_the_seed_of_our_masks_is_recorded(work: Path) -> None:
    written = linear(
        merge_method="fused_dare_linear",
        base_model="models/llama",
        parameters={"seed": 42, "density": 0.5},
    )
    assert iberian(written).exit_code == 0
    found = json.loads(Path("out/merge_provenance.json").read_text("utf-8"))
    assert found["seeds"] == {"method": 42, "global": None}
    del written["parameters"]["seed"]
    assert iberian(written).exit_code == 0
    found = json.loads(Path("out/merge_provenance.json").read_text("utf-8"))
    assert found["seeds"] == {"method": 0, "global": None}


def _edit(model: str, edit: Callable[[dict[str, torch.Tensor]], None]) -> None:
    path = Path("models", model, "model.safetensors")
    tensors = load_file(path)
    edit(tensors)
    save_file(tensors, path, metadata={"format": "pt"})


def _nan(tensors: dict[str, torch.Tensor]) -> None:
    tensors["model.norm.weight"][5] = float("nan")


def _swap_words() -> None:
    path = Path("models/galician/tokenizer.json")
    content = json.loads(path.read_text())
    content["model"]["vocab"] |= {"w7": 8, "w8": 7}
    path.write_text(json.dumps(content))


BREAKS: dict[str, tuple[Callable[[], object], str]] = {
    "no model": (
        lambda: shutil.rmtree("models/galician"),
        "Model 'models/galician' is not a local folder and not in the hub cache",
    ),
    "shard": (
        lambda: Path("models/galician/model.safetensors").unlink(),
        "galician holds no model.safetensors",
    ),
    "truncated": (
        lambda: Path("models/galician/model.safetensors").write_bytes(b"12345678"),
        "no whole safetensors file",
    ),
    "NaN": (
        lambda: _edit("galician", _nan),
        "Model 'models/galician': 'model.norm.weight' holds nan at element 5, in ",
    ),
    "vocabulary": (
        _swap_words,
        "The vocabularies of 'models/basque' and 'models/galician' differ: 'w7' is"
        " token 7 in the one and token 8 in the other",
    ),
}


@pytest.mark.parametrize("name", BREAKS)
@pytest.mark.parametrize("method", ["linear", "fused_linear"])
def test_inputs_are_checked_for_every_method(
    name: str, method: str, work: Path
) -> None:
    damage, message = BREAKS[name]
    damage()
    result = iberian(linear(merge_method=method), "--quiet")
    check_refused(result, message)
    assert names() == ["models", "recipe.yml"]


def check_refused(result: Result, message: str) -> None:
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    assert message in result.output
    assert result.output.count("\n") == 1, "one sentence"


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("models: [", "Recipe recipe.yml is not YAML at line 1"),
        (linear(merge_method="linaer"), "Unknown merge method 'linaer'. Did you mean"),
        (linear(dtype="bfloat61"), "dtype: Unknown dtype 'bfloat61'"),
        (linear(dtyp="bfloat16"), "mergekit would ignore 'dtyp'. Did you mean 'dtype'"),
    ],
)
def test_recipes_that_are_none(work: Path, recipe: Any, message: str) -> None:
    check_refused(iberian(recipe, "--quiet"), message)
    assert names() == ["models", "recipe.yml"]


def test_no_recipe(work: Path) -> None:
    result = CliRunner().invoke(main, ["merge", "none.yml", "out", "-q"])
    check_refused(result, "There is no recipe file none.yml.")


def test_no_room(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    result = iberian(linear(), "-q")
    check_refused(result, f"The merge needs 67.2 MB and {work} has 1.0 KB free; make")
    assert names() == ["models", "recipe.yml"]


def test_outputs_that_are_taken(work: Path) -> None:
    Path("file").touch()
    check_refused(iberian(linear(), "-q", out="file"), "file is a file; give a folder")
    result = iberian(linear(), "-q", out="models")
    check_refused(result, "holds something that is no former merge")
    Path("models/basque/mergekit_config.yml").touch()
    result = iberian(linear(), "-q", out="models/basque")
    check_refused(result, "basque is one of the models to merge")


@pytest.mark.parametrize("size", ["5X", "-1", "0", "1e9", ""])
def test_sizes_that_are_none(work: Path, size: str) -> None:
    result = iberian(linear(), "--out-shard-size", size)
    assert result.exit_code == 2
    assert "is no size" in result.output


def test_no_such_device(work: Path) -> None:
    for device in ("cudda", "cuda:99"):
        result = iberian(linear(), "-q", "--device", device)
        check_refused(result, f"Device {device!r} cannot be used: ")


def test_shards_and_tokenizer_as_asked_for(work: Path) -> None:
    result = iberian(linear(), "--out-shard-size", "10K", "--no-copy-tokenizer")
    assert result.exit_code == 0, result.output
    assert len(list(Path("out").glob("model-0*.safetensors"))) > 1
    assert not Path("out/tokenizer.json").exists()
    AutoModelForCausalLM.from_pretrained("out")


def test_a_failure_of_mergekit_is_a_sentence(work: Path) -> None:
    assert iberian(linear()).exit_code == 0
    before = sha256(Path("out/model.safetensors"))
    # slerp needs a parameter t
    result = iberian(linear(merge_method="slerp", base_model="models/basque"), "-q")
    assert result.exit_code == 1
    assert (
        "mergekit cannot plan this merge: Missing required parameter t" in result.output
    )
    assert isinstance(result.exception, SystemExit)
    assert sha256(Path("out/model.safetensors")) == before
    assert names() == ["models", "out", "recipe.yml"]


def test_an_interrupt_leaves_nothing(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(mergekit.merge, "generate_card", interrupt)
    check_refused(iberian(linear(), "-q"), "interrupted")
    assert names() == ["models", "recipe.yml"]


def test_models_without_a_tokenizer_are_named(work: Path) -> None:
    Path("models/galician/tokenizer.json").unlink()
    result = iberian(linear())
    assert result.exit_code == 0, result.output
    assert "Model 'models/galician' has no tokenizer" in result.stderr
    assert "Traceback" not in result.output


def test_a_different_vocabulary_may_be_aligned(work: Path) -> None:
    _swap_words()
    result = iberian(linear(tokenizer_source="base", base_model="models/basque"))
    assert result.exit_code == 0, result.output


def test_layers_are_stacked(work: Path) -> None:
    parts = [("basque", [0, 2]), ("galician", [1, 2])]
    slices = [
        {"sources": [{"model": f"models/{name}", "layer_range": layers}]}
        for name, layers in parts
    ]
    written = {"merge_method": "passthrough", "slices": slices, "dtype": "bfloat16"}
    result = iberian(written)
    assert result.exit_code == 0, result.output
    model = AutoModelForCausalLM.from_pretrained("out")
    assert model.config.num_hidden_layers == 3


def test_an_adapter_is_merged_and_recorded(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peft import LoraConfig, get_peft_model

    model = AutoModelForCausalLM.from_pretrained("models/basque")
    adapted = get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj"]))
    with torch.no_grad():
        for name, weights in adapted.named_parameters():
            if "lora_B" in name:
                weights.fill_(0.5)
    adapted.save_pretrained("models/lora")
    merged = adapted.merge_and_unload().state_dict()
    models = [
        {"model": f"models/{name}", "parameters": {"weight": weight}}
        for name, weight in (("basque+models/lora", 1.0), ("galician", 0.0))
    ]
    card = mergekit.merge.generate_card

    def look_and_generate(*args: Any, **options: Any) -> Any:
        held = {path.parent.name for path in work.rglob("config.json.partial")}
        assert held > {"out"}, "the copy with the adapter in it does not load either"
        assert not list(work.glob(".out.partial/**/config.json"))
        return card(*args, **options)

    monkeypatch.setattr(mergekit.merge, "generate_card", look_and_generate)
    result = iberian(linear(models=models))
    assert result.exit_code == 0, result.output
    assert names() == ["models", "out", "recipe.yml"]
    result_weights = load_file("out/model.safetensors")
    for name, tensor in result_weights.items():
        assert torch.equal(tensor, merged[name].bfloat16()), name
    found = json.loads(Path("out/merge_provenance.json").read_text("utf-8"))
    one = found["models"][0]
    assert one["model"] == "models/basque+models/lora"
    assert one["adapter"]["folder"] == "lora"
    (weights,) = one["adapter"]["weights"]
    assert weights["sha256"] == sha256(Path("models/lora/adapter_model.safetensors"))


def test_what_a_kill_has_left_is_mended_though_the_next_run_fails(work: Path) -> None:
    assert iberian(linear()).exit_code == 0
    before = names("out")
    # as an exchange leaves it that was killed when all but the last had come
    Path(".out.partial/new/out").mkdir(parents=True)
    Path(".out.partial/replaced").mkdir()
    Path("out/config.json").rename(".out.partial/new/out/config.json.partial")
    Path(".out.partial/replaced/config.json.former").touch()
    came = [name for name in before if name != "config.json"]
    begun = {"goes": {"config.json": [0, 0]}, "comes": [*came, "config.json.partial"]}
    Path(".out.partial/exchange.json").write_text(json.dumps(begun))
    check_refused(iberian(linear(dtype="bfloat61"), "-q"), "Unknown dtype")
    assert names() == ["models", "out", "recipe.yml"]
    assert names("out") == before


def test_a_second_merge_leaves_what_it_did_not_write(work: Path) -> None:
    assert iberian(linear()).exit_code == 0
    Path("out/notes.md").write_text("mine")
    Path("out/.git").mkdir()
    Path("out/.git/HEAD").touch()
    before = sha256(Path("out/model.safetensors"))
    result = iberian(linear(merge_method="fused_linear", dtype="float32"))
    assert result.exit_code == 0, result.output
    assert "merged into out: 8 files, " in result.output, "and not what is the user's"
    assert sha256(Path("out/model.safetensors")) != before
    assert Path("out/notes.md").read_text() == "mine"
    assert names("out/.git") == ["HEAD"]
    listed = json.loads(Path("out/merge_provenance.json").read_text("utf-8"))
    assert "notes.md" not in {entry["name"] for entry in listed["output"]}


def test_a_card_that_was_edited_is_not_written_over(work: Path) -> None:
    assert iberian(linear()).exit_code == 0
    Path("out/README.md").write_text("my card")
    result = iberian(linear(), "-q")
    check_refused(result, "changed since: README.md. Move that away, or give")
    assert Path("out/README.md").read_text() == "my card"
