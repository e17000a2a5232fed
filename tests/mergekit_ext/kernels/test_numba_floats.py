"""The compiled conversions of fp16 and bf16 against PyTorch's: every pattern."""

from __future__ import annotations

import pytest
import torch


np = pytest.importorskip("numpy")
numba = pytest.importorskip("numba", reason="NO NUMBA: its conversions are not tested")

from mergekit_ext.kernels.compiled.numba_floats import CODECS  # noqa: E402


DTYPES = [torch.bfloat16, torch.float16]


def reading(dtype: torch.dtype, bits: torch.Tensor) -> torch.Tensor:
    read, _ = CODECS[dtype]

    @numba.njit
    def loop(bits, out):  # type: ignore[no-untyped-def]
        for i in range(bits.size):
            out[i] = read(bits[i])

    out = np.empty(len(bits), np.float32)
    loop(bits.view(torch.uint16).numpy(), out)
    return torch.from_numpy(out)


def writing(dtype: torch.dtype, values: torch.Tensor) -> torch.Tensor:
    _, write = CODECS[dtype]

    @numba.njit
    def loop(values, out):  # type: ignore[no-untyped-def]
        for i in range(values.size):
            out[i] = write(values[i])

    out = np.empty(len(values), np.uint16)
    loop(values.numpy(), out)
    return torch.from_numpy(out).view(dtype)


def every(dtype: torch.dtype) -> torch.Tensor:
    return torch.arange(-(2**15), 2**15).to(torch.int16).view(dtype)


def as_ints(values: torch.Tensor) -> torch.Tensor:
    return values.view({2: torch.int16, 4: torch.int32}[values.element_size()])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_reads_every_pattern(dtype: torch.dtype) -> None:
    bits = every(dtype)
    found, expected = reading(dtype, as_ints(bits)), bits.float()
    number = ~bits.isnan()
    assert torch.equal(as_ints(found[number]), as_ints(expected[number]))
    assert bool(found[~number].isnan().all())


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.slow
def test_writes_every_pattern_and_what_is_around_its_middles(
    dtype: torch.dtype,
) -> None:
    values = every(dtype)
    values = values[~values.isnan()].float().sort().values
    finite = values[values.isfinite()]
    middles = ((finite[1:].double() + finite[:-1].double()) / 2).float()
    up, down = (middles.nextafter(torch.tensor(s * torch.inf)) for s in (1, -1))
    # where overflow begins lies half a unit above the largest
    top = finite[-1] + (finite[-1] - finite[-2]) / 2
    edges = torch.stack([top, top.nextafter(finite[0]), -top]).view(-1)
    for given in (values, middles, up, down, edges, torch.randn(10_000) * 1e-6):
        expected = given.to(dtype)
        assert torch.equal(as_ints(writing(dtype, given)), as_ints(expected))
