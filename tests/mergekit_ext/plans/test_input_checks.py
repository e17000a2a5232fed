"""Which models may be merged with each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from mergekit.config import MergeConfiguration
from mergekit.options import MergeOptions
from safetensors.torch import load_file, save_file

from mergekit_ext.errors import InputError
from mergekit_ext.inputs.checkpoints import Checkpoint
from mergekit_ext.inputs.input_models import InputModel, read_inputs
from mergekit_ext.inputs.safetensors_header import TensorHeader
from mergekit_ext.plans.input_checks import Permissions, check_alike, check_inputs
from mergekit_ext.plans.merge_plan import MergePlan, plan_merge
from mergekit_ext.recipes.recipe_reader import read_recipe
from mergekit_ext.watch import Watch


def checkpoint(
    name: str, shapes: Mapping[str, tuple[int, ...]], **config: Any
) -> Checkpoint:
    tensors = {n: TensorHeader("BF16", s, Path("x")) for n, s in shapes.items()}
    return Checkpoint(name, Path(), config, tensors)


WORDS = {"embed": (64, 8), "norm": (8,)}


def test_two_of_a_kind_pass() -> None:
    check_alike([checkpoint("a", WORDS), checkpoint("b", WORDS)])
    check_alike([checkpoint("a", WORDS)])
    check_alike([])


def test_architectures_may_be_mixed_by_permission_alone() -> None:
    two = [checkpoint(n, WORDS, model_type=n) for n in ("llama", "qwen3")]
    with pytest.raises(InputError, match="model_type is llama in 'llama' but qwen3"):
        check_alike(two)
    check_alike(two, any_architecture=True)


def test_vocabularies_may_differ_if_aligned_widths_never() -> None:
    one = checkpoint("a", WORDS, vocab_size=64)
    two = checkpoint("b", WORDS | {"embed": (70, 8)}, vocab_size=70)
    with pytest.raises(InputError, match="let mergekit align them with tokenizer_sou"):
        check_alike([one, two])
    check_alike([one, two], any_vocabulary=True)
    wide = checkpoint("b", WORDS | {"embed": (70, 9)}, vocab_size=70)
    with pytest.raises(InputError, match=r"shape \(64, 8\) in 'a' but \(70, 9\)"):
        check_alike([one, wide], any_vocabulary=True)


def config(models: Path, *names: str, **changes: Any) -> Any:
    entries = [
        {"model": str(models / name), "parameters": {"weight": 0.5}} for name in names
    ]
    written = {"merge_method": "linear", "models": entries}
    return MergeConfiguration.model_validate(written | changes)


def checked(given: Any, **allowed: bool) -> tuple[MergePlan | None, list[str]]:
    """Check the models of a recipe as a merge in memory would."""
    recipe, watch = read_recipe(given), Notes()
    inputs = read_inputs(recipe, None, None)

    def plan(inputs: Sequence[InputModel]) -> MergePlan:
        return plan_merge(given, MergeOptions(quiet=True), inputs, lambda names: None)

    return check_inputs(recipe, inputs, Permissions(**allowed), plan, watch), watch.said


class Notes(Watch):
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, sentence: str) -> None:
        self.said.append(sentence)


def contents(folder: Path) -> dict[Path, tuple[int, int]]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in found}


def test_models_are_checked_without_a_merge(own_models: Path) -> None:
    before = contents(own_models.parent)
    plan, notes = checked(config(own_models, "basque", "galician"))
    assert plan is not None
    shown = {str(own_models / name) for name in ("basque", "galician")}
    assert all(tensor.asked.keys() == shown for tensor in plan.tensors)
    assert notes == []
    assert contents(own_models.parent) == before


def test_a_model_that_lacks_a_tensor_is_refused_without_a_merge(
    own_models: Path,
) -> None:
    file = own_models / "basque" / "model.safetensors"
    tensors = load_file(file)
    del tensors["model.norm.weight"]
    save_file(tensors, file, metadata={"format": "pt"})
    before = contents(own_models.parent)
    with pytest.raises(InputError, match=r"lacks tensors that .*: model\.norm\.weight"):
        checked(config(own_models, "galician", "basque"))
    assert contents(own_models.parent) == before


def test_without_a_plan_models_are_compared_alone(own_models: Path) -> None:
    tokenizer = own_models / "basque" / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text("utf-8").replace('"w7"', '"zazpi"'))
    recipe = read_recipe(config(own_models, "galician", "basque"))
    inputs = read_inputs(recipe, None, None)
    with pytest.raises(InputError, match=r"The vocabularies of .* differ"):
        check_inputs(recipe, inputs, Permissions())
    assert check_inputs(recipe, inputs, Permissions(any_vocabulary=True)) is None
