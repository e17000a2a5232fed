"""Rows that a recipe forces come whole from their model, whatever merges the rest."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from click.testing import CliRunner, Result
from mergekit.config import MergeConfiguration
from mergekit.merge import get_architecture_info
from mergekit.merge_methods import registered_methods
from mergekit.options import MergeOptions
from mergekit.plan import MergePlanner
from mergekit.scripts import run_yaml
from safetensors.torch import load_file
from tiny_models import make_models

from lm_eval_iberian.cli import main
from lm_eval_iberian.paper_recipes import load_catalogue
from mergekit_ext.forced_rows import forced_rows_kept
from mergekit_ext.methods.method_catalogue import METHODS


pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("attached")]

EMBEDDINGS, HEAD = "model.embed_tokens.weight", "lm_head.weight"
# token to its row
FORCED = {"w5": 5, "w9": 9}
OURS = [method.name for method in METHODS]
THEIRS = {method.spec.name for method in registered_methods()} - {*OURS}
STOCK = [short for name in OURS if (short := name.removeprefix("fused_")) in THEIRS]
PARAMETERS: dict[str, dict[str, Any]] = {
    "ties": {"density": 0.5},
    "dare_linear": {"density": 0.5},
    "dare_ties": {"density": 0.5},
    "breadcrumbs": {"density": 0.9, "gamma": 0.01},
    "breadcrumbs_ties": {"density": 0.9, "gamma": 0.01},
    "della": {"density": 0.5},
    "della_linear": {"density": 0.5},
    "lines": {"alpha": 0.2, "beta": 0.9},
    "null_space_lines": {"alpha": 0.2, "beta": 0.9, "side": "both"},
    "nearswap": {"t": 0.001},
    "layer_swap": {"bottom": 1, "top": 1, "transition": 0, "embeddings": "average"},
}


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def family(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Path:
    """The folder of a base, an instructed model and an expert."""
    folder: Path = tmp_path_factory.mktemp("family")
    make_models(folder, "llama", tie_word_embeddings=request.param, num_hidden_layers=4)
    path = folder / "instruct" / "config.json"
    ends = {"eos_token_id": [2, *FORCED.values()]}  # the base ends on 2
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | ends))
    return folder


def recipe(family: Path, name: str, **parameters: Any) -> dict[str, Any]:
    """Return a recipe whose weights sum to no power of two."""
    short = name.removeprefix("fused_")
    base, instruct, basque = (
        str(family / model) for model in ("base", "instruct", "basque")
    )
    models: list[dict[str, Any]] = [
        {"model": instruct, "parameters": {"weight": 0.7}},
        {"model": basque, "parameters": {"weight": 0.45}},
    ]
    if short == "layer_swap":
        models[0]["parameters"] = {"role": "task"}
        models[1]["parameters"] = {"role": "language"}
    if short == "nearswap":
        base, models = instruct, [{"model": basque}]
    forced = {token: {"source": instruct, "force": True} for token in FORCED}
    written = {
        "merge_method": name,
        "base_model": base,
        "models": models,
        "parameters": PARAMETERS.get(short, {}) | parameters,
        "dtype": "bfloat16",
        "tokenizer": {"source": instruct, "tokens": forced},
    }
    if short == "linear":
        del written["base_model"]
    return written


def iberian(written: dict[str, Any]) -> Result:
    Path("recipe.yml").write_text(yaml.safe_dump(written), encoding="utf-8")
    return CliRunner().invoke(main, ["merge", "recipe.yml", "out", "-q"])


def mergekit_yaml(written: dict[str, Any]) -> Result:
    Path("recipe.yml").write_text(yaml.safe_dump(written), encoding="utf-8")
    return CliRunner().invoke(run_yaml.main, ["recipe.yml", "out", "--quiet"])


def bits(row: torch.Tensor) -> torch.Tensor:
    return row.contiguous().view(torch.uint8)


def check_rows(family: Path, merge: Any, written: dict[str, Any]) -> None:
    """Merge and compare the forced rows bit by bit; the others are merged ones."""
    done = merge(written)
    assert done.exit_code == 0, done.output
    result = load_file("out/model.safetensors")
    instruct = load_file(family / "instruct" / "model.safetensors")
    assert (HEAD in result) == (HEAD in instruct)
    for name in {EMBEDDINGS, HEAD} & result.keys():
        given = instruct[name].to(result[name].dtype)
        for token, row in FORCED.items():
            assert torch.equal(bits(result[name][row]), bits(given[row])), (name, token)
        assert not torch.equal(result[name][6], given[6]), "nothing else was merged"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", [*OURS, *STOCK])
def test_rows_are_the_donors_by_iberian_merge(family: Path, name: str) -> None:
    check_rows(family, iberian, recipe(family, name))


@pytest.mark.parametrize("name", [*OURS, *STOCK])
def test_rows_are_the_donors_by_mergekit_yaml(family: Path, name: str) -> None:
    check_rows(family, mergekit_yaml, recipe(family, name))


@pytest.mark.parametrize("name", ["linear", "fused_linear"])
def test_rows_are_not_weighed(family: Path, name: str) -> None:
    """A sum of weights that nothing divides by, 1.15 here, is no factor of theirs."""
    check_rows(family, iberian, recipe(family, name, normalize=False))


def test_rows_are_not_weighed_by_mergekit_yaml(family: Path) -> None:
    written = recipe(family, "fused_linear", normalize=False)
    check_rows(family, mergekit_yaml, written)


@pytest.mark.parametrize("name", ["linear", "fused_linear"])
def test_rows_are_not_rounded(family: Path, name: str) -> None:
    """0.7 and 0.45 of a number are not 1.15 of it in float32."""
    check_rows(family, iberian, recipe(family, name) | {"dtype": "float32"})


@pytest.mark.parametrize("merge", [iberian, mergekit_yaml])
@pytest.mark.parametrize("fused", [False, True], ids=["stock", "fused"])
@pytest.mark.parametrize("method", sorted(load_catalogue().methods))
def test_special_tokens_of_the_recipes_we_write(
    family: Path, method: str, fused: bool, merge: Any
) -> None:
    experts = [f"eu={family / 'basque'}"]
    settings = ["--weight", "instruct=0.7", "--weight", "eu=0.45"]
    if method in ("nearswap", "layer_swap"):
        settings = ["--bottom", "1", "--top", "1"] if method == "layer_swap" else []
    asked = [
        "--method", method, "--base", str(family / "base"),
        "--instruct", str(family / "instruct"), "--expert", *experts, *settings,
        *(["--fused"] if fused else []), "--special-tokens", "instruct",
    ]  # fmt: skip
    done = CliRunner().invoke(main, ["recipe", *asked])
    assert done.exit_code == 0, done.output
    written = yaml.safe_load(done.output)
    assert set(written["tokenizer"]["tokens"]) == set(FORCED)
    if method == "nearswap":  # at 0.5 nothing is left of the one, whose rows they are
        written["parameters"]["t"] = 0.001
    check_rows(family, merge, written)


def test_a_row_that_all_are_to_have_is_zero(family: Path) -> None:
    written = recipe(family, "fused_linear", normalize=False)
    written["tokenizer"]["tokens"]["w7"] = {"source": {"kind": "zero"}, "force": True}
    check_rows(family, iberian, written)
    assert not load_file("out/model.safetensors")[EMBEDDINGS][7].any()


def test_a_row_that_is_not_forced_is_merged(family: Path) -> None:
    written = recipe(family, "fused_linear")
    written["tokenizer"]["tokens"]["w7"] = {"source": str(family / "instruct")}
    check_rows(family, iberian, written)
    rows = load_file(family / "instruct" / "model.safetensors")[EMBEDDINGS]
    assert not torch.equal(load_file("out/model.safetensors")[EMBEDDINGS][7], rows[7])


def test_merges_in_other_threads_are_as_they_were(family: Path) -> None:
    """What is changed in mergekit is changed for all threads."""
    config = MergeConfiguration.model_validate(recipe(family, "linear"))
    planner = MergePlanner(
        config, get_architecture_info(config, MergeOptions()), MergeOptions(),
        config.referenced_models()[0].config(),
    )  # fmt: skip
    embeddings = planner.plan_to_disk("out")[0].tensor_task
    before = set(embeddings.arguments())
    with forced_rows_kept(), ThreadPoolExecutor(1) as other:
        assert set(embeddings.arguments()) > before
        assert set(other.submit(embeddings.arguments).result()) == before
    assert set(embeddings.arguments()) == before
