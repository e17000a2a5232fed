"""What the kernels compile to, for GPUs that are not here.

Tensors without data are merged; where a kernel would be launched it is compiled for
the very arguments it would get, and its machine code is read.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from packaging.version import Version

from mergekit_ext.kernels.tensors import Input
from mergekit_ext.kernels.terms import Band, Dropout, Merge, Term


triton = pytest.importorskip("triton", reason="NO TRITON: no kernel is compiled")
if os.environ.get("TRITON_INTERPRET") == "1":
    pytest.skip("an interpreter compiles nothing", allow_module_level=True)

pytestmark = pytest.mark.slow  # compiles
F16, BF16, F32 = torch.float16, torch.bfloat16, torch.float32
TOOLS = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"
# of Triton 3.7, which torch 2.13 brings with CUDA
OLD_ASSEMBLER = Version(triton.__version__) < Version("3.9")


@dataclass(frozen=True)
class FakeDriver:
    """As much of a CUDA driver as compiling takes."""

    capability: int

    def get_current_target(self) -> Any:
        from triton.backends.compiler import GPUTarget

        return GPUTarget("cuda", self.capability, 32)

    def get_current_device(self) -> int:
        return self.capability  # compiled kernels are kept by device

    def get_current_stream(self, device: int = 0) -> int:
        return 0


@dataclass(frozen=True)
class Compiled:
    """A kernel in several languages."""

    name: str
    ttir: str
    ptx: str
    sass: str
    resources: dict[str, int]
    shared: int


@pytest.fixture(params=[80, 90])
def compiled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest
) -> list[Compiled]:
    """Where what would be launched is put, for the capability of the test."""
    from triton.runtime import JITFunction, driver

    found: list[Compiled] = []
    launch = JITFunction.run

    def compile_only(kernel: Any, *arguments: Any, **options: Any) -> None:
        made = launch(kernel, *arguments, **options | {"warmup": True})
        found.append(read(kernel.fn.__name__, made, tmp_path))

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(JITFunction, "run", compile_only)
    monkeypatch.setattr(driver, "_active", FakeDriver(request.param))
    return found


def read(name: str, made: Any, folder: Path) -> Compiled:
    cubin = folder / f"{name}.cubin"
    cubin.write_bytes(made.asm["cubin"])
    usage = re.findall(r"(\w+):(\d+)", tool("-res-usage", cubin))
    return Compiled(
        name,
        made.asm["ttir"],
        made.asm["ptx"],
        tool("-sass", cubin),
        {key: int(value) for key, value in usage},
        made.metadata.shared,
    )


def tool(option: str, cubin: Path) -> str:
    return subprocess.run(
        [TOOLS / "cuobjdump", option, cubin], capture_output=True, text=True, check=True
    ).stdout


def merge_of(
    size: int, dtypes: list[torch.dtype], keep: Any, *, base: bool = True, **how: Any
) -> Merge:
    """Return a merge of tensors that have a size and no data."""
    inputs = [Input(torch.empty(size, dtype=d, device="meta"), "m") for d in dtypes]
    start = inputs.pop(0) if base else None
    rescale = how.pop("rescale", False)
    terms = [Term(one, 0.5, keep, rescale=rescale) for one in inputs]
    return Merge("t", start, tuple(terms), **how)


def check(one: Compiled) -> None:
    """Check what holds for every kernel: its arithmetic, its addresses, its room."""
    assert not re.search(r"\b(fma|mad)\.\S*f(16|32|64)", one.ptx), one.name
    assert not re.search(r"\.ftz|\.sat|\.approx|div\.full", one.ptx), one.name
    for operation in re.findall(r"\b(?:add|sub|mul|div)\.\S*f32", one.ptx):
        assert operation.split(".")[1] == "rn", (one.name, operation)
    assert "div.rn.f32" in one.ptx or "FFMA" not in one.sass, one.name
    assert one.resources["LOCAL"] == 0, one.name
    if OLD_ASSEMBLER and one.name == "norms_kernel":
        assert one.resources["STACK"] <= 16, one.name  # it spills four words at most
    else:
        assert one.resources["STACK"] == 0, one.name
        assert not re.search(r"\b(STL|LDL)\b", one.sass), one.name
    assert one.shared <= 48 * 1024, one.name
    if one.name not in BY_ROW:
        assert_wide(one)


def assert_wide(one: Compiled) -> None:
    """Check that a program's first element is counted in 64 bits."""
    for program in re.findall(r"(%\w+) = tt.get_program_id x", one.ttir):
        products = re.findall(rf"muli [^:]*{program}\b.*: (\w+)", one.ttir)
        assert "i32" not in products, one.name


LARGE = 1 << 22
BY_ROW = {"sample_kernel", "narrow_kernel", "split_kernel"}
BANDS = {"count_kernel", "narrow_kernel", "count_ties_kernel", "split_kernel"}


def names(found: list[Compiled]) -> set[str]:
    return {one.name for one in found}


def test_everything_kept(compiled: list[Compiled]) -> None:
    from mergekit_ext.kernels.gpu import cuda

    for dtypes in ([BF16] * 3, [F32] * 3):
        cuda.merge_terms(merge_of(LARGE, dtypes, None))
    cuda.merge_terms(merge_of(LARGE, [BF16] * 2, None, base=False, normalize=True))
    cuda.nearswap(*(one.tensor for one in merge_of(8, [BF16, F16], None).inputs), 0.1)
    for one in compiled:
        check(one)
        # a thread reads 16 bytes at once
        if one.name == "merge_kernel":
            assert "ld.global.v4.b32" in one.ptx
            assert "st.global.v4.b32" in one.ptx
    assert names(compiled) == {"merge_kernel", "nearswap_kernel"}


def test_random_masks(compiled: list[Compiled]) -> None:
    from mergekit_ext.kernels.gpu import cuda

    keep = Dropout(2**63 + 1, 2**31)
    cuda.merge_terms(merge_of(LARGE, [BF16] * 3, keep, elect=True, normalize=True))
    (one,) = compiled
    check(one)
    assert "ld.global.v4.b32" in one.ptx
    # the words of a block stay with the thread that made them
    assert one.shared < 1024


@pytest.mark.slow
def test_bands(compiled: list[Compiled]) -> None:
    from mergekit_ext.kernels.gpu import cuda

    keep = Band(LARGE // 10, LARGE - LARGE // 100)
    cuda.merge_terms(merge_of(LARGE, [BF16] * 3, keep))
    for one in compiled:
        check(one)
        if one.name in {"merge_kernel", "count_kernel", "count_ties_kernel"}:
            assert "ld.global.v4.b32" in one.ptx
            # not dealt out again for the atomics
            assert one.shared < 1024, one.name
    assert names(compiled) == {"sample_kernel", "merge_kernel", *BANDS}


def test_norms(compiled: list[Compiled], monkeypatch: pytest.MonkeyPatch) -> None:
    from mergekit_ext.kernels.gpu import cuda

    what = merge_of(LARGE, [BF16] * 3, Dropout(5, 2**31), rescale=True)
    with pytest.raises(NotImplementedError):  # there is no data to add up
        cuda.ratios(what)
    check(compiled[0])
    assert compiled[0].name == "norms_kernel"


# nothing of these depends on the generation
newest = pytest.mark.parametrize("compiled", [90], indirect=True)


@pytest.mark.slow
@newest
@pytest.mark.parametrize("size", [1, 2**31 + 16])
def test_any_size(size: int, compiled: list[Compiled]) -> None:
    from mergekit_ext.kernels.gpu import cuda

    cuda.merge_terms(merge_of(size, [BF16] * 2, None))
    keep = Band(size // 2, size)
    cuda.merge_terms(merge_of(size, [F16] * 2, keep, elect=True))
    for one in compiled:
        check(one)
    assert re.search(r"cvt\.rn\.f16(x2)?\.f32", compiled[-1].ptx)


@pytest.mark.slow
@newest
def test_many_experts(compiled: list[Compiled]) -> None:
    from mergekit_ext.kernels.gpu import cuda

    for keep in (Band(400, 4096), Dropout(1, 2**31)):
        what = merge_of(4096, [BF16] * 9, keep, elect=True, normalize=True)
        cuda.merge_terms(what)
    for one in compiled:
        check(one)
