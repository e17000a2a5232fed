"""What is drawn, and the recipes that it comes to."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file
from search_specs import ALONE, GOOD
from tiny_search import make_search_models, write_spec

from lm_eval_iberian.search.placed_weights import places
from lm_eval_iberian.search.search_space import METHOD, SearchSpace
from lm_eval_iberian.search.search_spec import read_search
from mergekit_ext.merge_file import merge_file
from mergekit_ext.watch import Watch


Written = Callable[[str], Path]


class Trial:
    """Draws what it was told to, and notes between what."""

    def __init__(self, drawn: Mapping[str, Any]) -> None:
        self.drawn, self.asked = drawn, dict[str, Any]()

    def suggest_float(
        self, name: str, low: float, high: float, step: float | None
    ) -> float:
        self.asked[name] = (low, high, step)
        return float(self.drawn[name])

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        self.asked[name] = tuple(choices)
        return self.drawn[name]


def space_of(path: Path) -> SearchSpace:
    return SearchSpace(read_search(path))


def test_only_what_the_drawn_method_takes_is_drawn(written: Written) -> None:
    space = space_of(written(GOOD))
    trial = Trial(
        {
            "method": "task_arithmetic", "task_arithmetic.weight.eu": 0.123456,
            "task_arithmetic.weight.gl": 0.25,
        }
    )  # fmt: skip
    values = space.suggest(trial)
    assert trial.asked == {
        "method": ("task_arithmetic", "fused_dare_linear"),
        "task_arithmetic.weight.eu": (0.0, 1.5, None),
        "task_arithmetic.weight.gl": (0.0, 1.0, 0.25),
    }
    recipe = space.cells(values, "x")[0].recipe
    assert recipe is not None
    # as it is shown, not what was drawn: a recipe repeats the candidate
    assert [one["parameters"]["weight"] for one in recipe["models"]] == [
        1.0,
        0.1235,
        0.25,
    ]
    assert values["task_arithmetic.weight.eu"] == 0.1235


def test_what_is_not_searched_stays(written: Written) -> None:
    space = space_of(written(GOOD))
    values = {
        METHOD: "fused_dare_linear", "fused_dare_linear.weight": 0.5,
        "fused_dare_linear.density": 0.2,
    }  # fmt: skip
    cells = space.cells(values, "x")
    assert [(cell.suite, cell.group) for cell in cells] == [
        ("language", "eu"), ("language", "gl"), ("instructions", "all"),
    ]  # fmt: skip
    assert {cell.model for cell in cells} == {"x"}
    recipe = cells[0].recipe
    assert recipe is not None
    assert recipe["merge_method"] == "fused_dare_linear"
    assert recipe["parameters"] == {"density": 0.2, "seed": 3}
    assert [one["parameters"]["weight"] for one in recipe["models"]] == [1.0, 0.5, 0.5]


def test_the_same_method_twice_has_two_names(written: Written) -> None:
    text = ALONE.replace("fused_dare_linear", "task_arithmetic")
    text = text.replace("    density: [0.2, 0.5]\n    seed: 3\n", "")
    assert list(space_of(written(text)).methods) == [
        "task_arithmetic", "task_arithmetic 2",
    ]  # fmt: skip


def test_a_whole_number_is_written_as_one(written: Written) -> None:
    text = ALONE.replace("seed: 3", "seed: 1..9 step 1")
    space = space_of(written(text))
    values = {
        METHOD: "fused_dare_linear", "fused_dare_linear.weight": 1.0,
        "fused_dare_linear.density": 0.5, "fused_dare_linear.seed": 4.0,
    }  # fmt: skip
    recipe = space.cells(values, "x")[0].recipe
    assert recipe is not None
    assert recipe["parameters"] == {"density": 0.5, "seed": 4}


def third_of(layer: int, layers: int) -> str:
    return ("low", "middle", "high")[3 * layer // layers]


@pytest.mark.slow
@pytest.mark.parametrize("by", ["third", "part", "third and part"])
@pytest.mark.parametrize("method", ["task_arithmetic", "fused_task_arithmetic"])
def test_each_place_has_its_own_weight(tmp_path: Path, by: str, method: str) -> None:
    """Held against the formula, tensor by tensor."""
    make_search_models(tmp_path)
    path = write_spec(tmp_path)
    spec = yaml.safe_load(path.read_text("utf-8"))
    spec["methods"] = [{"method": method, "weight": {"experts": f"0..2 by {by}"}}]
    spec["dtype"] = "float32"
    path.write_text(yaml.safe_dump(spec), "utf-8")
    space = space_of(path)
    drawn = {place: 0.25 * (at + 1) for at, place in enumerate(places(by))}
    values = {f"{method}.weight.experts.{place}": one for place, one in drawn.items()}
    recipe = space.cells({METHOD: method, **values}, "x")[0].recipe
    (tmp_path / "recipe.yml").write_text(yaml.safe_dump(recipe), "utf-8")
    merge_file(str(tmp_path / "recipe.yml"), str(tmp_path / "merged"), {}, Watch())
    base, instruct, expert, merged = (
        load_file(tmp_path / name / "model.safetensors")
        for name in ("base", "instruct", "expert-eu", "merged")
    )
    assert merged.keys() == base.keys()
    checked = set()
    for name, tensor in merged.items():
        parts = name.split(".")
        part = (
            "embedding" if "embed" in name else "mlp" if "mlp" in name else "attention"
        )
        layer = int(parts[2]) if parts[1] == "layers" else (0 if "embed" in name else 2)
        place = {
            "third": third_of(layer, 3), "part": part,
            "third and part": part if part == "embedding"
            else f"{part} {third_of(layer, 3)}",
        }[by]  # fmt: skip
        checked.add(place)
        wanted = instruct[name] + drawn[place] * (expert[name] - base[name])
        torch.testing.assert_close(tensor, wanted, rtol=1e-5, atol=1e-6)
    assert checked == set(places(by))


def test_a_part_that_no_tensor_is_of(tmp_path: Path) -> None:
    make_search_models(tmp_path)
    text = ALONE.replace("org/base", str(tmp_path / "base"))
    text = text.replace("org/instruct", str(tmp_path / "instruct"))
    text = text.replace("org/eu", str(tmp_path / "expert-eu"))
    text = text.replace("0..1.5", "0..1.5 by part")
    path = tmp_path / "search.yaml"
    path.write_text(text, "utf-8")
    space_of(path)  # these have all of them
    from safetensors.torch import save_file

    file = tmp_path / "instruct" / "model.safetensors"
    renamed = {k.replace("mlp", "ffn"): v for k, v in load_file(file).items()}
    save_file(renamed, file, {"format": "pt"})
    from lm_eval_iberian.search.placed_weights import _tensor_names

    _tensor_names.cache_clear()
    with pytest.raises(ValueError, match=r"line 7: by part: no tensor .* no mlp"):
        space_of(path)
    _tensor_names.cache_clear()


def test_corners_are_merges_that_there_can_be(written: Written) -> None:
    cells = space_of(written(ALONE)).corners()
    weights = [
        json.dumps(cell.recipe["models"][1]["parameters"])
        for cell in cells
        if cell.suite == "language" and cell.recipe is not None
    ]
    assert weights == [f'{{"weight": {one}}}' for one in (0.0, 1.5, 0.0, 1.0)]
    assert len({cell.id for cell in cells}) == len(cells)
