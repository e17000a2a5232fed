"""What a result has beside weights is what ``iberian merge`` writes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from merge_recipes import a_recipe, merged_on_disk
from mergekit.plan import MergePlanner
from turning_models import make_turning_models

from mergekit_ext.errors import OutputError
from mergekit_ext.inmemory import merged_side_files
from mergekit_ext.inmemory.side_files import weights_left_out


WITHOUT = {"merge_provenance.json", "README.md", "mergekit_config.yml"}


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in WITHOUT
    }


CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("of the base", "fused_ties", {}),
    ("of mergekit's method", "ties", {}),
    ("without a base", "fused_linear", {}),
    ("of another model", "fused_ties", {"tokenizer_source": "m/instruct"}),
    ("with a template", "fused_ties", {"chat_template": "chatml",
                                       "tokenizer_source": "base"}),
    ("in another dtype", "fused_linear", {"out_dtype": "float16"}),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("why", "method", "changes"), CASES)
def test_the_same_files(
    why: str, method: str, changes: dict[str, Any], here: Path
) -> None:
    make_turning_models(here / "m")
    written = a_recipe(method, **changes)
    merged_on_disk(written)
    side = merged_side_files(written, here / "deep" / "side")
    wanted = files(Path("out"))
    assert {n for n in wanted if n.endswith(".safetensors")} == {"model.safetensors"}
    del wanted["model.safetensors"]
    assert files(side) == wanted
    assert {"config.json", "tokenizer.json"} <= wanted.keys()


@pytest.mark.slow
def test_a_folder_that_holds_something_is_left_alone(llama: Path) -> None:
    with pytest.raises(OutputError, match="must be a folder that is to be"):
        merged_side_files(a_recipe("fused_linear"), llama / "base")
    assert (llama / "base" / "model.safetensors").is_file()


def test_the_planner_is_given_back(llama: Path) -> None:
    before = MergePlanner.plan_to_disk
    with weights_left_out():
        assert MergePlanner.plan_to_disk is not before
    assert MergePlanner.plan_to_disk is before


@pytest.mark.slow
def test_a_merge_of_another_thread_has_weights(llama: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with weights_left_out(), ThreadPoolExecutor(1) as pool:
        assert pool.submit(merged_on_disk, a_recipe("linear")).result()
