"""The exported methods are those of the package, as mergekit is to have them."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest
import torch
from mergekit.merge_methods import merge_tensors
from mergekit.merge_methods.base import GroupMergeMethod, ParameterScope, TensorGroup
from method_inputs import near, untied

from mergekit_ext.kernels.tensors import Input
from mergekit_ext.methods.method import Method
from mergekit_ext.methods.method_catalogue import METHODS
from mergekit_ext.methods.parameters import REQUIRED
from mergekit_ext.upstream.method_files import docs_rows, method_file
from mergekit_ext.upstream.pull_request_list import (
    NOT_OFFERED,
    PULL_REQUESTS,
    SAME_FORMULA,
)


OURS = {method.name: method for method in METHODS}
WITH_METHODS = [one for one in PULL_REQUESTS if one.methods]
# exported name -> the package's
NAMES = {
    "layer_swap": "layer_swap",
    "seeded_dare_linear": "fused_dare_linear",
    "seeded_dare_ties": "fused_dare_ties",
}
# mergekit's settings for ruff, which formats and sorts its code
STYLE = ["--isolated", "--no-cache", "--target-version", "py310"]
IMPORTS = ["--config", 'lint.isort.known-first-party=["mergekit"]']


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModuleType]:
    """Each exported file, loaded."""
    found = {}
    for request in WITH_METHODS:
        file = tmp_path_factory.mktemp("exported") / f"{request.name}.py"
        file.write_text(method_file(request), "utf-8")
        spec = importlib.util.spec_from_file_location(f"x_{request.name}", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        found[request.name] = module
    return found


@pytest.fixture(scope="module")
def exported(modules: dict[str, ModuleType]) -> dict[str, GroupMergeMethod]:
    return {
        value.spec.name: value
        for module in modules.values()
        for value in vars(module).values()
        if isinstance(value, GroupMergeMethod)
    }


def test_every_method_is_exported_or_has_its_formula_there() -> None:
    assert sorted([*NAMES.values(), *SAME_FORMULA, *NOT_OFFERED]) == sorted(OURS)
    exported = [m.name for one in WITH_METHODS for m in one.methods.values()]
    assert exported == list(NAMES)


def test_methods_are_registered_by_their_names(
    exported: dict[str, GroupMergeMethod],
) -> None:
    assert sorted(exported) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_those_of_the_catalogue(
    name: str, exported: dict[str, GroupMergeMethod]
) -> None:
    ours, spec = OURS[NAMES[name]], exported[name].spec
    assert spec.reference_url == ours.source
    assert [p.name for p in spec.parameters] == [p.name for p in ours.parameters]
    for theirs, parameter in zip(spec.parameters, ours.parameters, strict=True):
        assert (theirs.scope == ParameterScope.NON_BASE) == parameter.per_model
        if parameter.choices:
            assert get_args(theirs.value_type) == parameter.choices
        else:
            assert theirs.value_type is parameter.type
        if parameter.default is REQUIRED or parameter.name == "layers":
            assert theirs.required
        else:
            assert theirs.default == parameter.default


@pytest.mark.parametrize("request_", WITH_METHODS, ids=lambda one: one.name)
def test_a_file_needs_nothing_of_this_package(request_: Any) -> None:
    text = method_file(request_)
    assert "import mergekit_ext" not in text
    assert "from mergekit_ext" not in text
    assert text.startswith("# SPDX-License-Identifier: LGPL-3.0-only\n")


@pytest.mark.slow
@pytest.mark.parametrize("request_", WITH_METHODS, ids=lambda one: one.name)
def test_a_file_is_in_the_style_of_the_tree(request_: Any, tmp_path: Path) -> None:
    methods = tmp_path / "mergekit" / "merge_methods"
    methods.mkdir(parents=True)
    file = methods / f"{request_.name}.py"
    file.write_text(method_file(request_), "utf-8")
    ruff = [sys.executable, "-m", "ruff"]
    for command in (["check", "--select", "I,F,E", *IMPORTS], ["format", "--diff"]):
        done = subprocess.run(
            [*ruff, *command, *STYLE, "."],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout


def results(
    name: str,
    method: GroupMergeMethod,
    tensors: list[torch.Tensor],
    each: list[dict[str, Any]],
    tensor_name: str = "model.layers.3.mlp.up_proj.weight",
    **shared: Any,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what the package and the exported file make of the same tensors."""
    ids = [f"model {index}" for index in range(len(tensors))]
    ours = _of_package(OURS[NAMES[name]], ids, tensors, each, tensor_name, shared)
    parameters = {key: [one[key] for one in each] for key in each[0]} | shared
    group = TensorGroup.from_tensors(tensors, ids=ids, base_index=0, name=tensor_name)
    (theirs,) = method([group], parameters=parameters)
    return ours, theirs


def _of_package(
    method: Method,
    ids: list[str],
    tensors: list[torch.Tensor],
    each: list[dict[str, Any]],
    tensor_name: str,
    shared: dict[str, Any],
) -> torch.Tensor:
    base, *experts = map(Input, tensors, ids)
    return method(base, list(zip(experts, each, strict=True)), shared, name=tensor_name)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize("size", [0, 1, 63, 4097])
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("name", ["seeded_dare_linear", "seeded_dare_ties"])
def test_dare_gives_the_bits_of_the_package(
    name: str,
    normalize: bool,
    size: int,
    dtype: torch.dtype,
    exported: dict[str, GroupMergeMethod],
) -> None:
    each = [
        {"weight": 0.7, "density": 0.5},
        {"weight": -0.3, "density": 0.9},
        {"weight": 1.1, "density": 1.0},
    ]
    ours, theirs = results(
        name,
        exported[name],
        near(size, 3, dtype),
        each,
        normalize=normalize,
        seed=5,
        **{"lambda": 0.8},
    )
    assert ours.dtype == theirs.dtype == dtype
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize("revert", ["", "layers.4, mlp.down_proj"])
@pytest.mark.parametrize("embeddings", ["language", "task", "average"])
@pytest.mark.parametrize("layer", [*range(8), None])
def test_layer_swap_gives_the_bits_of_the_package(
    layer: int | None,
    embeddings: str,
    revert: str,
    dtype: torch.dtype,
    exported: dict[str, GroupMergeMethod],
) -> None:
    name = "lm_head.weight" if layer is None else f"model.layers.{layer}.mlp.up.weight"
    ours, theirs = results(
        "layer_swap",
        exported["layer_swap"],
        near(63, 2, dtype),
        [{"role": "task"}, {"role": "language"}],
        name,
        layers=8,
        bottom=0.25,
        top=1,
        transition=2,
        embeddings=embeddings,
        revert=revert,
    )
    assert ours.dtype == theirs.dtype == dtype
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("name", SAME_FORMULA)
@pytest.mark.parametrize("shared", [{}, {"lambda": 0.7}, {"normalize": True}])
def test_what_needs_no_file_is_as_it_is_said(name: str, shared: dict[str, Any]) -> None:
    method, (theirs, said) = OURS[name], SAME_FORMULA[name]
    if not {one.name for one in method.parameters} >= set(shared):
        return
    tensors = untied(4097)[: 2 if method.exactly else 3]
    has_base = method.base == "required"
    given = {"weight": [0.3, 0.6, 0.2], "density": [0.5] * 3}
    count = len(tensors) - has_base
    each = {
        p.name: given[p.name][:count]
        for p in method.parameters
        if p.per_model and p.name in given
    }
    shared = shared | ({"t": 0.05} if method.exactly else {})
    inputs = [Input(one, f"model {index}") for index, one in enumerate(tensors)]
    ours = method(
        inputs[0] if has_base else None,
        [
            (one, {key: values[index] for key, values in each.items()})
            for index, one in enumerate(inputs[has_base:])
        ],
        shared,
        name="w",
    )
    stock = merge_tensors(
        tensors,
        theirs,
        base_index=0 if has_base else None,
        parameters={**each, **shared},
    )
    plain = not shared.get("normalize") and shared.get("lambda", 1) == 1
    if said == "the same bits" or ("the same bits" in said and plain):
        assert torch.equal(ours, stock)
    else:
        assert "up to rounding" in said
        torch.testing.assert_close(ours, stock, rtol=0, atol=2.0**-20)


@pytest.mark.parametrize("request_", WITH_METHODS, ids=lambda one: one.name)
def test_the_documentation_lists_every_parameter(request_: Any) -> None:
    text = docs_rows(request_)
    for method in request_.methods.values():
        assert f"`{method.name}`" in text
        for parameter in method.parameters:
            scope = "per-model" if parameter.per_model else "global"
            assert f"\n- `{parameter.name}` ({scope}): {parameter.must} (" in text
