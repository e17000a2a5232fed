"""``mergekit-yaml`` with our methods: whole results, or one message and nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mergekit.merge
import mergekit.options
import pytest
import torch
import yaml
from click.testing import CliRunner, Result
from mergekit.scripts import run_yaml
from safetensors.torch import load_file, save_file

from mergekit_ext import attach
from mergekit_ext.kernels.tensors import Input
from mergekit_ext.methods.breadcrumbs import BREADCRUMBS


pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("attached")]


TABLE = "recipes"

Merge = Callable[..., Result]


def recipe(**changes: Any) -> dict[str, Any]:
    written = {
        "merge_method": "fused_breadcrumbs",
        "base_model": "models/llama",
        "models": [
            {"model": "models/llama"},
            {"model": "models/basque", "parameters": {"weight": 0.5, "density": 0.6}},
            {"model": "models/galician", "parameters": {"weight": 0.25}},
        ],
    }
    return written | changes


def run(written: dict[str, Any] | str, *options: str, out: str = "out") -> Result:
    text = written if isinstance(written, str) else yaml.safe_dump(written)
    Path("recipe.yml").write_text(text, encoding="utf-8")
    arguments = ["recipe.yml", out, "--quiet", *options]
    return CliRunner().invoke(run_yaml.main, arguments)


def check_refused(result: Result, *messages: str) -> None:
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    for message in messages:
        assert message in result.output
    assert result.output.count("\n") == 1, "one message"
    assert "Traceback" not in result.output
    assert leftovers() == ["models", "recipe.yml"]


def leftovers() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def test_a_whole_result_appears(work: Path) -> None:
    result = run(recipe())
    assert result.exit_code == 0, result.output
    assert leftovers() == ["models", "out", "recipe.yml"]
    present = {path.name for path in (work / "out").iterdir()}
    assert present >= {"config.json", "tokenizer.json", "mergekit_config.yml"}
    base, basque, galician = (
        load_file(work / "models" / name / "model.safetensors")
        for name in ("llama", "basque", "galician")
    )
    merged = load_file(work / "out" / "model.safetensors")
    assert merged.keys() == base.keys()
    for name, tensor in merged.items():
        experts = [
            (Input(basque[name], "basque"), {"weight": 0.5, "density": 0.6}),
            (Input(galician[name], "galician"), {"weight": 0.25}),
        ]
        assert torch.equal(tensor, BREADCRUMBS(Input(base[name], "llama"), experts))


def test_the_card_names_result_and_models_as_the_user_does(work: Path) -> None:
    # models/llama looks like a hub id: mergekit would ask the hub, and fail offline
    assert run(recipe(), out="results/eu-gl").exit_code == 0
    card = (work / "results" / "eu-gl" / "README.md").read_text(encoding="utf-8")
    assert "# eu-gl\n" in card
    assert "partial" not in card
    assert "* models/basque\n" in card
    assert str(work) not in card


def test_recipes(case: dict[str, Any], work: Path) -> None:
    written = recipe(**case.get("recipe", {}))
    for key in case.get("drop", []):
        del written[key]
    if "model" in case:
        written["models"][1] = {"model": "models/basque"} | case["model"]
    check_refused(run(written), *case["message"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("models: [", "Recipe recipe.yml is not YAML at line 1, column 10: "),
        ("a: b: c", "Recipe recipe.yml is not YAML at line 1, column 5: mapping"),
        ("", "Recipe recipe.yml is empty; it must be a mapping"),
        ("- 1", "Recipe recipe.yml holds a list; it must be a mapping"),
        ("\x00", "Recipe recipe.yml is not YAML: "),
    ],
)
def test_recipe_files_that_are_no_recipe(work: Path, text: str, message: str) -> None:
    result = run(text)
    assert message in result.output
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert not (work / "out").exists()


def test_no_recipe_file(work: Path) -> None:
    for path, message in (("none.yml", "There is no recipe"), (".", "cannot be read")):
        result = CliRunner().invoke(run_yaml.main, [path, "out"])
        assert result.exit_code == 1
        assert message in result.output
    (work / "latin").write_bytes(b"\xe1: 1")
    result = CliRunner().invoke(run_yaml.main, ["latin", "out"])
    assert "Recipe latin is not UTF-8 text" in result.output


def _edit(file: str, edit: Callable[[dict[str, torch.Tensor]], None]) -> None:
    path = Path("models", file, "model.safetensors")
    tensors = load_file(path)
    edit(tensors)
    save_file(tensors, path, metadata={"format": "pt"})


def _set(value: float) -> None:
    def edit(tensors: dict[str, torch.Tensor]) -> None:
        tensors["model.norm.weight"][5] = value

    _edit("galician", edit)


def _reshape() -> None:
    def edit(tensors: dict[str, torch.Tensor]) -> None:
        tensors["model.norm.weight"] = torch.ones(16).bfloat16()

    _edit("galician", edit)


def _more_words() -> None:
    def edit(tensors: dict[str, torch.Tensor]) -> None:
        for name in ("lm_head.weight", "model.embed_tokens.weight"):
            tensors[name] = torch.cat([tensors[name], tensors[name][:2]])

    _edit("galician", edit)
    _config("galician", vocab_size=66)


def _config(model: str, **changes: Any) -> None:
    path = Path("models", model, "config.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _truncate() -> None:
    path = Path("models/galician/model.safetensors")
    path.write_bytes(path.read_bytes()[:-100])


def _pickle() -> None:
    path = Path("models/galician/model.safetensors")
    path.rename(path.with_name("pytorch_model.bin"))


BREAKS: dict[str, tuple[Callable[[], object], str]] = {
    "no folder": (
        lambda: shutil.rmtree("models/galician"),
        "Model 'models/galician' is not a local folder and not in the hub cache",
    ),
    "no config": (
        lambda: Path("models/galician/config.json").unlink(),
        "galician/config.json is missing",
    ),
    "broken config": (
        lambda: Path("models/galician/config.json").write_text("{"),
        "galician/config.json cannot be read",
    ),
    "no weights": (
        lambda: Path("models/galician/model.safetensors").unlink(),
        "galician holds no model.safetensors and no model.safetensors.index.json",
    ),
    "pickled weights": (_pickle, "galician/pytorch_model.bin is missing or not a file"),
    "truncated weights": (_truncate, "no whole safetensors file (it has"),
    "no header": (
        lambda: Path("models/galician/model.safetensors").write_bytes(b"123"),
        "no whole safetensors file",
    ),
    "architecture": (
        lambda: _config("galician", architectures=["Qwen3ForCausalLM"]),
        "architectures is ['LlamaForCausalLM'] in 'models/llama' but",
    ),
    "missing tensor": (
        lambda: _edit("galician", lambda tensors: tensors.pop("model.norm.weight")),
        "'models/galician' lacks tensors that 'models/llama' has: model.norm.weight",
    ),
    "shape": (
        _reshape,
        "'model.norm.weight' has shape (32,) in 'models/llama' but (16,) in",
    ),
    "vocabulary": (
        _more_words,
        "but (66, 32) in 'models/galician'. Their vocabularies differ",
    ),
    "NaN": (
        lambda: _set(float("nan")),
        "Model 'models/galician': 'model.norm.weight' holds nan at element 5",
    ),
    "infinity": (
        lambda: _set(float("-inf")),
        "Model 'models/galician': 'model.norm.weight' holds -inf at element 5",
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_models_that_cannot_be_merged(name: str, work: Path) -> None:
    damage, message = BREAKS[name]
    damage()
    check_refused(run(recipe()), message)


def test_vocabularies_may_differ_where_something_aligns_them(work: Path) -> None:
    _more_words()
    result = run(recipe(tokenizer_source="base"))
    assert result.exit_code == 0, result.output
    rows = load_file("out/model.safetensors")["lm_head.weight"].shape[0]
    assert rows == 64


def test_a_former_merge_is_replaced(work: Path) -> None:
    Path("out").mkdir()  # an empty folder is no obstacle
    assert run(recipe()).exit_code == 0
    Path("out/notes.md").write_text("mine")
    before = load_file("out/model.safetensors")
    changed = recipe(parameters={"lambda": 0.5})
    assert run(changed).exit_code == 0
    after = load_file("out/model.safetensors")
    assert leftovers() == ["models", "out", "recipe.yml"]
    assert Path("out/notes.md").read_text() == "mine"
    assert any(not torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("error", [RuntimeError("disk"), KeyboardInterrupt()])
def test_a_failure_leaves_the_former_merge(
    work: Path, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("out").mkdir()
    Path("out/mergekit_config.yml").write_text("former")

    def fail(*args: Any, **kwargs: Any) -> None:
        assert (work / ".out.partial" / "new" / "out").is_dir()
        assert not list(work.glob(".out.partial/**/config.json"))
        raise error

    monkeypatch.setattr(mergekit.merge, "generate_card", fail)
    config = run_yaml.MergeConfiguration.model_validate(recipe())
    with pytest.raises(type(error)):
        mergekit.merge.run_merge(config, "out", run_yaml.MergeOptions(quiet=True))
    assert Path("out/mergekit_config.yml").read_text() == "former"
    assert leftovers() == ["models", "out"]


def test_without_a_card_a_merge_is_replaced_as_well(work: Path) -> None:
    assert run(recipe(), "--no-write-model-card").exit_code == 0
    Path("out/README.md").write_text("mine")
    before = Path("out/model.safetensors").read_bytes()
    changed = recipe(parameters={"lambda": 0.5})
    result = run(changed, "--no-write-model-card")
    assert result.exit_code == 0, result.output
    assert Path("out/model.safetensors").read_bytes() != before
    assert Path("out/README.md").read_text() == "mine"
    # with a card it would be written over
    result = run(changed)
    assert result.exit_code == 1
    assert "changed since: README.md. Move that away" in result.output
    assert Path("out/README.md").read_text() == "mine"


def test_a_merge_by_mergekit_alone_is_replaced(work: Path) -> None:
    written = recipe(merge_method="linear")
    del written["base_model"], written["models"][1]["parameters"]["density"]
    written["models"][0]["parameters"] = {"weight": 1.0}
    # mergekit's card asks the hub about models/llama
    text = yaml.safe_dump(written).replace("models/", f"{work}/models/")
    result = run(text)
    assert result.exit_code == 0, result.output
    assert not Path("out/.merge_files.json").exists(), "our guard was not in it"
    Path("out/results").mkdir()
    Path("out/results/eu.json").touch()
    result = run(recipe())
    assert result.exit_code == 0, result.output
    assert Path("out/results/eu.json").exists()


def test_what_is_no_former_merge_is_kept(work: Path) -> None:
    Path("out").mkdir()
    Path("out/thesis.tex").touch()
    result = run(recipe())
    assert "out holds something that is no former merge" in result.output
    assert result.exit_code == 1
    assert os.listdir("out") == ["thesis.tex"]


def test_no_input_is_replaced(work: Path) -> None:
    Path("models/llama/mergekit_config.yml").touch()
    result = run(recipe(), out="models/llama")
    assert "llama is one of the models to merge" in result.output
    assert Path("models/llama/model.safetensors").exists()


def test_a_tokenizer_that_is_not_copied_is_an_error(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError("disk")

    monkeypatch.setattr(mergekit.merge, "_copy_tokenizer", fail)
    result = run(recipe())
    assert result.exit_code == 1
    assert "The tokenizer could not be copied" in result.output
    assert leftovers() == ["models", "recipe.yml"]
    assert run(recipe(), "--no-copy-tokenizer").exit_code == 0


def test_slices_merge(work: Path) -> None:
    written = recipe(
        slices=[
            {
                "sources": [
                    {"model": "models/llama", "layer_range": [layer, layer + 1]},
                    {"model": "models/basque", "layer_range": [layer, layer + 1]},
                ],
                "parameters": {"weight": weight},
            }
            for layer, weight in ((0, 0.0), (1, 1.0))
        ]
    )
    del written["models"]
    assert run(written).exit_code == 0
    merged = load_file("out/model.safetensors")
    for layer, source in enumerate(("llama", "basque")):
        expected = load_file(f"models/{source}/model.safetensors")
        name = f"model.layers.{layer}.mlp.up_proj.weight"
        assert torch.equal(merged[name], expected[name])


def test_a_dare_mask_survives_a_move(work: Path) -> None:
    written = recipe(merge_method="fused_dare_linear")
    assert run(written).exit_code == 0
    before = load_file("out/model.safetensors")
    shutil.move("models", "elsewhere")
    text = yaml.safe_dump(written).replace("models/", f"{work}/elsewhere/")
    assert run(text).exit_code == 0
    after = load_file("out/model.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_conditions_and_gradients_are_let_through(work: Path) -> None:
    written = recipe(name="anything", parameters={"lambda": 0.5})
    written["models"][1]["parameters"] = {
        "weight": [{"filter": "mlp", "value": [0.0, "5e-1"]}, {"value": 0.25}],
        "density": [0.2, 0.8],
    }
    assert run(written).exit_code == 0


def test_methods_of_others_go_through_untouched(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []
    faults: list[Exception] = []
    module = type(sys)("fake")

    def run_merge(
        merge_config: Any, out_path: str, options: Any, config_source: Any = None
    ) -> None:
        calls.append((merge_config, out_path, options, config_source))

    module.run_merge = run_merge  # type: ignore[attr-defined]
    attach.guard_run_merge(module, faults.append)
    config = run_yaml.MergeConfiguration.model_validate(recipe(merge_method="linear"))
    options = run_yaml.MergeOptions()
    module.run_merge(config, "out", options=options)
    assert calls == [(config, "out", options, None)]
    assert calls[0][0] is config
    assert faults == []


def test_a_second_guard_changes_nothing() -> None:
    kind = mergekit.options.PrettyPrintHelp
    before = mergekit.merge.run_merge, kind.invoke
    attach.guard_run_merge(mergekit.merge, print)
    attach.guard_commands(mergekit.options, print)
    assert (mergekit.merge.run_merge, kind.invoke) == before


SCRIPT = """
import sys
import mergekit.merge
import mergekit.options
from mergekit_ext import attach
attach.guard_run_merge(mergekit.merge, print)
attach.guard_commands(mergekit.options, print)
from mergekit.scripts import run_yaml
sys.argv = ["mergekit-yaml", *sys.argv[1:]]
run_yaml.main()
"""


@pytest.mark.slow
def test_the_command_itself(work: Path, root: Path) -> None:
    def command(written: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        Path("recipe.yml").write_text(yaml.safe_dump(written), encoding="utf-8")
        environment = os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": str(root)}
        return subprocess.run(
            [sys.executable, "-c", SCRIPT, "recipe.yml", "out", "--quiet"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    refused = command(recipe(parameters={"densty": 1}))
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert "Error: parameters: Unknown parameter" in refused.stderr
    assert not Path("out").exists()
    merged = command(recipe())
    assert merged.returncode == 0, merged.stderr
    assert Path("out/tokenizer.json").exists()
